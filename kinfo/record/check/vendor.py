"""The region around the record: its tail, its size, and the vendor block in its second half."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.findings import Finding
from kinfo.record import rules
from kinfo.record.checksum import State
from kinfo.record.record import Record


def check(record: Record) -> Iterator[Finding]:
    """All of this module."""
    if record.state is not State.ERASED and not record.tail_is_zero:
        yield rules.RECORD_TAIL.at("region", f"bytes that are not zero follow the record's {record.size} bytes")
    block = record.vendor
    if record.is_alone:
        where = f"nothing that is a kernel's record lies before the vendor block at {record.offset:#x}"
        yield rules.RECORD_VENDOR_ALONE.at("record", where)
    if block is None:
        return
    half = block.offset - record.offset
    if half < record.size:
        yield rules.RECORD_REGION_SIZE.at(
            "region", f"the vendor block begins at {half:#x}, inside the record's {record.size} bytes"
        )
    if not block.state.verified:
        stored, computed = block.checksum.stored, block.checksum.computed
        where, words = "vendor.combined_checksum", f"stored {stored:#010x}, computed {computed:#010x}"
        magic = block.number("magic_number")
        if block.checksum.holds_but_for_the_magic:
            where, words = "vendor.magic_number", f"it is {magic:#010x}; the sum over the body holds"
        yield rules.RECORD_VENDOR_CHECKSUM.at(where, words)
    ours, theirs = _prefix(record.release_text), _prefix(block.release_text)
    if ours and theirs and ours != theirs:
        yield rules.RECORD_VENDOR_RELEASE.at("vendor.uts_release", f"{block.release_text!r} beside {record.release_text!r}")


def _prefix(release: str) -> str:
    """The part of a release before its commit: newer vendor modules put their own commit behind it."""
    return release.split(" ", maxsplit=1)[0].partition("-g")[0].partition("-ab")[0]
