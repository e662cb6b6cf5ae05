"""A record of the kernel's log: fs/pstore/ram.c, ramoops_write_kmsg_hdr(), and platform.c, pstore_dump()."""

from __future__ import annotations

import re

from kinfo.named import NamedTuple
from kinfo.regions.ramoops import packed

# "====SECONDS.MICROSECONDS-C\n": C compressed, D not; kernels before 3.11 wrote no letter.
_HEADER = re.compile(rb"====(-?\d{1,20})\.(\d{1,20})(?:-(.))?\n", re.DOTALL)
_PART = re.compile(rb"([A-Z][A-Za-z ]{2,20})#(\d{1,10}) Part(\d{1,10})\n")


class CrashRecord(NamedTuple):
    """One record as /sys/fs/pstore shows it.

    `seconds` and `micros` are the clock's at the time of the crash. `reason`, `crash` (which of that boot) and `part`
    (1 the newest) stand in the text's first line; "" and 0 where it has none. `packing` names the compression, "" where there
    was none; `fault` says why the text is as packed as it was.
    """

    text: bytes
    seconds: int
    micros: int
    reason: str
    crash: int
    part: int
    packing: str
    fault: str


def is_record(data: bytes) -> bool:
    """Whether a zone's bytes begin as a record does; the driver clears a zone that does not."""
    return _HEADER.match(data) is not None


def read(data: bytes, room: int) -> CrashRecord | None:
    """The record in a zone's bytes; None where there is no header. `room` is how many bytes a record may unpack to."""
    header = _HEADER.match(data)
    if header is None:
        return None
    seconds, micros, body = int(header[1]), int(header[2]), data[header.end() :]
    packing = fault = ""
    if header[3] == b"C":
        body, packing, fault = packed.unpack(body, room, _PART)
    first = None if fault else _PART.match(body)
    reason = first[1].decode() if first else ""
    return CrashRecord(
        body, seconds, micros, reason, int(first[2]) if first else 0, int(first[3]) if first else 0, packing, fault
    )


def without_part(text: bytes) -> bytes:
    """The text without its first line, where that says which part it is."""
    first = _PART.match(text)
    return text[first.end() :] if first else text
