"""The core image that meminspect writes: a program header for every region but its own and VMCOREINFO. It has no ids."""

from __future__ import annotations

import re

from kinfo.elf import read as tables
from kinfo.elf.structs import ELF64, ET_CORE, PF_X, PT_LOAD, PT_NOTE, Program, form_of
from kinfo.errors import KinfoError
from kinfo.meminspect.entry import Entry, FoundEntries, TableForm
from kinfo.meminspect.ids import MAX

_SYMBOL = re.compile(rb"SYMBOL\(([A-Za-z0-9_]{1,100})\)=([0-9a-f]{1,16})\n")
_VMCOREINFO_LIMIT = 1 << 16


def is_core(data: bytes) -> bool:
    """Whether it looks like such an image: an ELF64 core with a note first, and regions far smaller than RAM.

    The kernel writes no region as code; cores of RAM are written so, `kinfo core --only kernel` with small pieces too.
    """
    if form_of(data[:16]) is not ELF64:
        return False
    segments = _segments(data)
    loads = [one for one in segments if one.type == PT_LOAD]
    return (
        bool(loads)
        and segments[0].type == PT_NOTE
        and len(loads) < MAX
        and not any(one.flags & PF_X for one in loads)
        and any(one.va and one.in_file < 4096 for one in loads)
    )


def read(name: str, data: bytes) -> FoundEntries:
    """The regions behind the program headers, in their order. Raises KinfoError.

    Ids are given where VMCOREINFO, which follows the notes' headers, names a region's address. A garbled note is no
    hindrance: kernels v1 to v3 do not own the last page of that buffer.
    """
    segments = _segments(data)
    if not segments or segments[0].type != PT_NOTE:
        raise KinfoError(f"{name}: is no core image of meminspect: its first program header is no note", "name another file")
    told = _SYMBOL.findall(_vmcoreinfo(data, segments))
    symbols = {int(address, 16): symbol.decode() for symbol, address in told if symbol != b"mem_section"}  # what it points at
    entries = tuple(
        Entry(None, symbols.get(one.va, ""), one.va, one.pa, one.in_file)
        for one in segments
        if one.type == PT_LOAD and one.va
    )
    known = sum(bool(entry.name) for entry in entries)
    return FoundEntries(TableForm.CORE, entries, why=(f"VMCOREINFO names {known} of {len(entries)} regions",))


def _segments(data: bytes) -> list[Program]:
    whole = memoryview(data)

    def view(at: int, size: int) -> memoryview:
        return whole[at : at + size]

    head = tables.header(view, ELF64)
    if head is None or head.type != ET_CORE or head.phentsize != ELF64.program.size:
        return []
    return tables.programs(view, ELF64, head, 4 * MAX) or []


def _vmcoreinfo(data: bytes, segments: list[Program]) -> bytes:
    """Region 2, which lies directly behind the headers of the notes and before the first region."""
    note = segments[0]
    return data[note.offset : note.offset + min(note.in_file, _VMCOREINFO_LIMIT)]
