"""The ELF header that the series registers as region 1 (md_KELF): where each region lies in the core.

kernel/meminspect/meminspect.c, init_elfheader(): header, room for 201 program headers, notes; regions follow each other.
"""

from __future__ import annotations

from typing import NamedTuple

from kinfo.arch import arm64, x86_64
from kinfo.arch.address import PA_LIMIT
from kinfo.elf import MAGIC
from kinfo.elf import read as tables
from kinfo.elf.structs import ELF64, ET_CORE, PT_LOAD, PT_NOTE, ElfHeader, Program, form_of
from kinfo.errors import KinfoError
from kinfo.meminspect.ids import MAX

STATUS_SIZES = {arm64.MACHINE: 392, x86_64.MACHINE: 336}  # sizeof(struct elf_prstatus)
PSINFO_SIZE = 136  # sizeof(struct elf_prpsinfo), 64-bit
_NOTE_HEADS = 3 * 12 + 2 * 8 + 12  # three note headers, CORE twice, VMCOREINFO, padded
_LARGEST = 1 << 40  # bytes of a region
_LARGEST_NOTE = 1 << 20
_DOWNSTREAM = b"STR_TBL"
_AGAIN = "fetch it from the device again; without it give the regions' addresses with --regions, and a header is made"


class KernelHeader(NamedTuple):
    """Region 1, parsed: `loads` in file order, `vmcoreinfo_at` where region 2 goes, `vmcoreinfo_room` its bytes."""

    raw: bytes
    machine: int
    note: Program
    loads: tuple[Program, ...]
    vmcoreinfo_at: int
    vmcoreinfo_room: int

    @property
    def end(self) -> int:
        """The size of the core."""
        last = self.loads[-1] if self.loads else self.note
        return last.offset + last.in_file


def parse(name: str, raw: bytes) -> KernelHeader:
    """The header in a region's bytes. Raises KinfoError, with what is impossible in it."""
    head = _head(name, raw)
    table_end = head.phoff + head.phnum * head.phentsize
    if head.phentsize != ELF64.program.size or not 0 < head.phnum <= MAX:
        raise KinfoError(
            f"{name}: its header has {head.phnum} program headers of {head.phentsize} bytes; there are 1 to {MAX} of 56",
            _AGAIN,
        )
    if head.phoff < ELF64.header_size or table_end > len(raw):
        raise KinfoError(f"{name}: is cut off inside its program headers, which end at {table_end:#x}", _AGAIN)
    found = tables.programs(lambda at, size: memoryview(raw)[at : at + size], ELF64, head, MAX)
    assert found is not None  # its bounds were checked
    note, loads = found[0], found[1:]
    if note.type != PT_NOTE or any(one.type != PT_LOAD for one in loads):
        raise KinfoError(f"{name}: its program headers are no note and then regions", _AGAIN)
    _check_places(name, note, loads, table_end)
    at = _vmcoreinfo_at(head.machine, note, len(raw))
    return KernelHeader(raw[: max(at, 0)], head.machine, note, tuple(loads), at, note.offset + note.in_file - at)


def _head(name: str, raw: bytes) -> ElfHeader:
    form = form_of(raw[:16])
    if _DOWNSTREAM in raw[:4096] and form is not None:
        raise KinfoError(
            f"{name}: is the header of Qualcomm's downstream kernels (STR_TBL), another format",
            "assemble those files with linux-ramdump-parser-v2 (minidump_util.py)",
        )
    if form is None:
        what = "is no ELF header" if raw[:4] != MAGIC else "its ELF header is damaged"
        raise KinfoError(f"{name}: {what}", _AGAIN)
    if form.is_big or form.word != 8:
        what = "big-endian" if form.is_big else "32-bit (ELF32)"
        raise KinfoError(f"{name}: is a {what} core header; the series writes 64-bit little-endian ones", "name another dump")
    head = tables.header(lambda at, size: memoryview(raw)[at : at + size], ELF64)
    if head is None:
        raise KinfoError(f"{name}: is cut off inside its ELF header", _AGAIN)
    if head.type != ET_CORE:
        raise KinfoError(f"{name}: its ELF header is of type {head.type}, no core's (4)", _AGAIN)
    return head


def _check_places(name: str, note: Program, loads: list[Program], table_end: int) -> None:
    """Raise KinfoError for offsets and sizes that the kernel never writes: its regions follow each other without a gap."""
    if not table_end <= note.offset < _LARGEST or not 0 < note.in_file <= _LARGEST_NOTE:
        raise KinfoError(f"{name}: its note cannot lie at offset {note.offset:#x} with a size of {note.in_file:#x}", _AGAIN)
    at = note.offset + note.in_file
    for number, one in enumerate(loads, start=1):
        if one.offset != at:
            raise KinfoError(f"{name}: program header {number} has the offset {one.offset:#x}, where {at:#x} follows", _AGAIN)
        if one.in_file > _LARGEST or one.size != one.in_file or one.pa + one.in_file > PA_LIMIT:
            raise KinfoError(
                f"{name}: program header {number} has an impossible size: {one.in_file:#x} bytes at PA {one.pa:#x}", _AGAIN
            )
        at += one.in_file


def _vmcoreinfo_at(machine: int, note: Program, size: int) -> int:
    """Where region 2 begins: behind the notes' fixed part, which the machine says, else behind all of region 1."""
    if machine in STATUS_SIZES:
        at = note.offset + _NOTE_HEADS + STATUS_SIZES[machine] + PSINFO_SIZE
        if at <= note.offset + note.in_file:
            return at
    return min(size, note.offset + note.in_file)
