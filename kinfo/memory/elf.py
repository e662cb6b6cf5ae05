"""ELF cores: the program headers that say which physical memory lies where in the file.

QEMU's dump-guest-memory, kdump's vmcore, MediaTek's mrdump and meminspect's core image all write PT_LOAD with the physical
address in p_paddr. Only headers and notes are read here, straight from the ELF specification, so that one address of a dump
of any size is had without reading its tables.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from kinfo.errors import DumpError
from kinfo.memory.dump import Dump
from kinfo.memory.physical import Memory, Segment

MAGIC = b"\x7fELF"

_PT_LOAD, _PT_NOTE = 1, 4
_ET_CORE = 4
_PN_XNUM = 0xFFFF  # more program headers than e_phnum can say: section 0's sh_info has the number
_MOST_HEADERS = 1 << 20
_NOTES_LIMIT = 16 << 20  # bytes of notes that are read, of all headers together


class _Class(NamedTuple):
    """What differs between 32- and 64-bit files: the header behind e_ident, a program header, sh_info's place."""

    header: str
    program: str
    sh_info: int

    def fields(self, raw: tuple[int, ...]) -> tuple[int, int, int, int, int]:
        """Type, offset, physical address, size in the file, size in memory."""
        kind, second, third, fourth, fifth, sixth = raw[:6]
        if self is _ELF64:  # type, flags, offset, vaddr, paddr, filesz, memsz
            return kind, third, fifth, sixth, raw[6]
        return kind, second, fourth, fifth, sixth  # type, offset, vaddr, paddr, filesz, memsz


_ELF32 = _Class("<HHIIIIIHHHHHH", "<IIIIIIII", 28)
_ELF64 = _Class("<HHIQQQIHHHHHH", "<IIQQQQQQ", 44)


def read(dump: Dump) -> Memory:
    """The memory in an ELF core. Raises DumpError for what is no core, or has no physical addresses."""
    kind, header = _header(dump)
    if header[0] != _ET_CORE:
        raise DumpError(f"{dump.name}: is an ELF file but no core", "name the memory dump, not the kernel image")
    segments: list[Segment] = []
    vmcoreinfo, notes, notes_left = b"", b"", _NOTES_LIMIT
    for one, offset, paddr, filesz, memsz in _program_headers(dump, kind, header):
        if one == _PT_LOAD and (size := _within(dump, offset, min(filesz, memsz or filesz))):
            segments.append(Segment(paddr, paddr + size, dump, offset))
        elif one == _PT_NOTE and notes_left:
            raw = dump.view(offset, min(filesz, notes_left))
            notes_left -= len(raw)
            stated, others = _notes(raw)
            vmcoreinfo, notes = vmcoreinfo or stated, notes + others
    if not segments:
        raise DumpError(f"{dump.name}: is an ELF core without memory in it", "check that it was copied whole")
    if len(segments) > 1 and not any(segment.start for segment in segments):
        raise DumpError(
            f"{dump.name}: is an ELF core without physical addresses: every p_paddr is 0", "dump physical memory instead"
        )
    return Memory(dump.name, segments, machine=header[1], vmcoreinfo=vmcoreinfo, notes=notes)


def _header(dump: Dump) -> tuple[_Class, tuple[int, ...]]:
    """The ELF header behind e_ident, and what class of file it is."""
    ident = dump.read(0, 16)
    if len(ident) < 16 or ident[4] not in (1, 2):
        raise DumpError(f"{dump.name}: the ELF header is damaged", "check that it was copied whole")
    if ident[5] != 1:
        raise DumpError(f"{dump.name}: is a big-endian ELF file", "kinfo reads little-endian machines only")
    kind = _ELF64 if ident[4] == 2 else _ELF32
    raw = dump.read(16, struct.calcsize(kind.header))
    if len(raw) < struct.calcsize(kind.header):
        raise DumpError(f"{dump.name}: the ELF header is cut off", "check that it was copied whole")
    return kind, struct.unpack(kind.header, raw)


def _program_headers(dump: Dump, kind: _Class, values: tuple[int, ...]) -> Iterator[tuple[int, int, int, int, int]]:
    phoff, shoff, phentsize, phnum = values[4], values[5], values[8], values[9]
    if phnum == _PN_XNUM:
        count = dump.read(shoff + kind.sh_info, 4)  # none where e_shoff points out of the file
        phnum = int.from_bytes(count, "little") if shoff and len(count) == 4 else 0
    size = struct.calcsize(kind.program)
    table = dump.view(phoff, phnum * phentsize) if phnum <= _MOST_HEADERS else memoryview(b"")
    if phentsize < size or len(table) < phnum * phentsize or not phnum:
        raise DumpError(f"{dump.name}: the program headers are damaged or cut off", "check that it was copied whole")
    for index in range(phnum):
        yield kind.fields(struct.unpack_from(kind.program, table, index * phentsize))


def _within(dump: Dump, offset: int, size: int) -> int:
    """How much of a segment the file really holds: a truncated core has holes, it does not read as zeros."""
    return max(0, min(size, dump.size - offset))


def _notes(raw: memoryview) -> tuple[bytes, bytes]:
    """What VMCOREINFO says, and all other notes as they are (NT_PRSTATUS: registers of a CPU) but cut-off ones."""
    vmcoreinfo, others = b"", []
    for note in _each_note(raw):
        if note.name == b"VMCOREINFO":
            vmcoreinfo = vmcoreinfo or bytes(note.content)
        elif note.is_whole:
            others.append(bytes(note.raw).ljust(note.padded, b"\0"))
    return vmcoreinfo, b"".join(others)


def notes(dump: Dump) -> Iterator[tuple[int, memoryview]]:
    """Type and content of every note of an ELF core. Raises DumpError for damaged headers."""
    kind, header = _header(dump)
    for one, offset, _, size, _ in _program_headers(dump, kind, header):
        if one == _PT_NOTE:
            yield from ((note.kind, note.content) for note in _each_note(dump.view(offset, min(size, _NOTES_LIMIT))))


class _Note(NamedTuple):
    """One note: `raw` with its header, `padded` bytes long in the file; less where it is cut off."""

    name: bytes
    kind: int
    content: memoryview
    raw: memoryview
    padded: int
    is_whole: bool


def _each_note(raw: memoryview) -> Iterator[_Note]:
    at = 0
    while at + 12 <= len(raw):
        name_size, size, kind = struct.unpack_from("<III", raw, at)
        data = at + 12 + (name_size + 3 & ~3)
        end = data + (size + 3 & ~3)
        name = bytes(raw[at + 12 : at + 12 + name_size]).rstrip(b"\0") if name_size <= 64 else b""
        is_whole = data + size <= len(raw) and bool(name_size | size)
        yield _Note(name, kind, raw[data : data + size], raw[at:end], end - at, is_whole)
        at = end
