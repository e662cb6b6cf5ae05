"""LiME dumps: ranges of physical memory one after another, each behind a 32-byte header.

The header (github.com/jtsylve/LiME, "lime" format, version 1): magic 0x4C694D45, version, first and last address of the
range, 8 reserved bytes; little-endian. AVML writes the same, or its own compressed version 2.
"""

from __future__ import annotations

import struct

from kinfo import notices
from kinfo.errors import DumpError
from kinfo.memory.dump import Dump
from kinfo.memory.physical import Memory, Segment

MAGIC = b"EMiL"
_HEADER = struct.Struct("<IIQQQ")
_MOST_RANGES = 1 << 16


def read(dump: Dump) -> Memory:
    """The memory in a LiME dump. Raises DumpError for headers that cannot be; a dump cut off has what is there."""
    segments: list[Segment] = []
    at = 0
    while len(raw := dump.read(at, _HEADER.size)) == _HEADER.size:
        _, version, first, last, _ = _HEADER.unpack(raw)
        if raw[:4] != MAGIC or version != 1 or last < first or len(segments) == _MOST_RANGES:
            raise DumpError(f"{dump.name}: the LiME header at {at:#x} is damaged", "check that it was copied whole")
        at += _HEADER.size
        size = min(last + 1 - first, dump.size - at)
        segments.append(Segment(first, first + size, dump, at))
        at += last + 1 - first
    if segments and (at > dump.size or raw):
        place = f"inside the range at PA {segments[-1].start:#x}" if at > dump.size else "inside a header"
        notices.tell(f"{dump.name}: is cut off after {dump.size} bytes, {place}; the rest is not here")
    if not segments:
        raise DumpError(f"{dump.name}: the LiME header at 0x0 is cut off", "check that it was copied whole")
    return Memory(dump.name, segments)
