"""Files of a memory's ranges: ELF cores and LiME images, byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

MACHINES = {"arm64": 183, "x86": 62, "arm": 40}
_LIME_MAGIC = 0x4C694D45


class Piece(NamedTuple):
    """Bytes at a physical address, and the VA that an ELF header gives for them."""

    pa: int
    va: int
    data: bytes


def without(start: int, end: int, holes: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The ranges of start..end that no hole (first byte, byte behind the last) covers."""
    left = []
    for hole_start, hole_end in sorted(holes):
        if hole_start > start:
            left.append((start, min(hole_start, end)))
        start = max(start, hole_end)
    return [(first, last) for first, last in [*left, (start, end)] if first < last]


def write_lime(path: Path, pieces: Sequence[Piece]) -> None:
    """A LiME image: a header of 32 bytes before each range; the last address counts as inside."""
    with path.open("wb") as file:
        for piece in pieces:
            file.write(struct.pack("<IIQQ8x", _LIME_MAGIC, 1, piece.pa, piece.pa + len(piece.data) - 1))
            file.write(piece.data)


def write_elf(
    path: Path,
    pieces: Sequence[Piece],
    machine: int,
    cls: int,
    release: str,
    page: int = 4096,
    *,
    info: str = "",
    pcs: Iterable[int] = (),
    notes: bytes = b"",
) -> None:
    """An ELF core: a VMCOREINFO note with `info` behind its usual lines, registers of CPUs, then a PT_LOAD for each range.

    `notes` come behind those.
    """
    is_64 = cls == 64
    header, entry = ("<16sHHIQQQIHHHHHH", 56) if is_64 else ("<16sHHIIIIIHHHHHH", 32)
    header_size = struct.calcsize(header)
    note = _note(f"OSRELEASE={release}\nPAGESIZE={page}\n{info}".encode())
    note += b"".join(_registers(machine, pc) for pc in pcs) + notes
    at = header_size + entry * (1 + len(pieces))
    headers = [_program_header(is_64, 4, 0, at, (0, 0, len(note)))]
    at += len(note)
    for piece in pieces:
        headers.append(_program_header(is_64, 1, 7, at, (piece.va, piece.pa, len(piece.data))))
        at += len(piece.data)
    ident = b"\x7fELF" + bytes((2 if is_64 else 1, 1, 1)) + bytes(9)
    numbers = (4, machine, 1, 0, header_size, 0, 0, header_size, entry, len(headers), 0, 0, 0)
    with path.open("wb") as file:
        file.write(struct.pack(header, ident, *numbers) + b"".join(headers) + note)
        for piece in pieces:
            file.write(piece.data)


def _program_header(is_64: bool, kind: int, flags: int, at: int, where: tuple[int, int, int]) -> bytes:
    va, pa, size = where
    if is_64:
        return struct.pack("<IIQQQQQQ", kind, flags, at, va, pa, size, size, 0)
    return struct.pack("<IIIIIIII", kind, at, va & 0xFFFFFFFF, pa, size, size, flags, 0)


def _note(text: bytes) -> bytes:
    name = b"VMCOREINFO\0"
    return struct.pack("<III", len(name), len(text), 0) + name.ljust(12, b"\0") + text + bytes(-len(text) % 4)


def _registers(machine: int, pc: int) -> bytes:
    """An NT_PRSTATUS note, as include/uapi/linux/elfcore.h and the architectures' ptrace.h have it."""
    return registers(machine, {{183: 368, 62: 240, 40: 132}[machine]: pc})


def registers(machine: int, values: Mapping[int, int]) -> bytes:
    """The same with any registers, by their place in the note."""
    size, word = {183: (392, 8), 62: (336, 8), 40: (148, 4)}[machine]
    raw = bytearray(size)
    for at, value in values.items():
        raw[at : at + word] = value.to_bytes(word, "little")
    return struct.pack("<III", 5, size, 1) + b"CORE".ljust(8, b"\0") + bytes(raw) + bytes(-size % 4)
