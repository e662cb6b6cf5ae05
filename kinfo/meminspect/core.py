"""The core image that meminspect writes: a program header for every region but its own and VMCOREINFO. It has no ids."""

from __future__ import annotations

import re
from struct import Struct
from typing import NamedTuple

from kinfo.errors import KinfoError
from kinfo.meminspect.entry import Entry, Form, Found
from kinfo.meminspect.ids import MAX

_MAGIC = b"\x7fELF\x02\x01"
_HEADER = Struct("<HHIQQQIHHHHHH")  # behind the 16 bytes of e_ident
_PROGRAM = Struct("<IIQQQQQQ")
_CORE, _NOTE, _LOAD = 4, 4, 1
_SYMBOL = re.compile(rb"SYMBOL\(([A-Za-z0-9_]{1,100})\)=([0-9a-f]{1,16})\n")
_VMCOREINFO_LIMIT = 1 << 16


class _Segment(NamedTuple):
    kind: int
    offset: int
    va: int
    pa: int
    size: int


def is_core(data: bytes) -> bool:
    """Whether it looks like such an image: an ELF64 core with a note first, and regions far smaller than RAM."""
    if data[:6] != _MAGIC or len(data) < 16 + _HEADER.size:
        return False
    segments = _segments(data)
    loads = [one for one in segments if one.kind == _LOAD]
    return bool(loads) and segments[0].kind == _NOTE and len(loads) < MAX and any(one.va and one.size < 4096 for one in loads)


def read(name: str, data: bytes) -> Found:
    """The regions behind the program headers, in their order. Raises KinfoError.

    Ids are given where VMCOREINFO, which follows the notes' headers, names a region's address. A garbled note is no
    hindrance: kernels v1 to v3 do not own the last page of that buffer.
    """
    segments = _segments(data)
    if not segments or segments[0].kind != _NOTE:
        raise KinfoError(f"{name}: is no core image of meminspect: its first program header is no note", "name another file")
    told = _SYMBOL.findall(_vmcoreinfo(data, segments))
    symbols = {int(address, 16): symbol.decode() for symbol, address in told if symbol != b"mem_section"}  # what it points at
    entries = tuple(
        Entry(None, symbols.get(one.va, ""), one.va, one.pa, one.size) for one in segments if one.kind == _LOAD and one.va
    )
    known = sum(bool(entry.name) for entry in entries)
    return Found(Form.CORE, entries, why=(f"VMCOREINFO names {known} of {len(entries)} regions",))


def _segments(data: bytes) -> list[_Segment]:
    kind, _, _, _, start, _, _, _, size, count = _HEADER.unpack_from(data, 16)[:10]
    if kind != _CORE or size != _PROGRAM.size or count > 4 * MAX or start + count * size > len(data):
        return []
    found = []
    for index in range(count):
        what, _, offset, va, pa, in_file, _, _ = _PROGRAM.unpack_from(data, start + index * size)
        found.append(_Segment(what, offset, va, pa, in_file))
    return found


def _vmcoreinfo(data: bytes, segments: list[_Segment]) -> bytes:
    """Region 2, which lies directly behind the headers of the notes and before the first region."""
    note = segments[0]
    return data[note.offset : note.offset + min(note.size, _VMCOREINFO_LIMIT)]
