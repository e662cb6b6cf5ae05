"""Whether the record is whole, and its layout sure."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.examine import rules
from kinfo.findings import Finding, Severity
from kinfo.record import kernels
from kinfo.record.checksum import State, prefix_sums
from kinfo.record.detect import Confidence
from kinfo.record.record import Record

_SHOWN_FIELDS = 4


def checksum(record: Record) -> Iterator[Finding]:
    """The checksum's state as a finding, unless it is valid."""
    stored, computed = record.checksum.stored, record.checksum.computed
    where = "combined_checksum"
    if record.state is State.ERASED:
        byte = record.raw[0] if record.raw else 0
        yield rules.RECORD_ERASED.at("region", f"all {record.size} bytes of the region are {byte:02x}")
    elif (magic := record.number("magic_number")) and record.layout and magic != record.layout.magic:
        bits = magic ^ record.layout.magic
        flipped = f": bit {bits.bit_length() - 1} flipped" if bits.bit_count() == 1 else ""
        holds = "; the sum over the body holds" if record.checksum.holds_but_for_the_magic else ""
        words = f"it is {magic:#010x}, not {record.layout.magic:#010x}{flipped}{holds}"
        yield rules.CHECKSUM_MAGIC.at("magic_number", words)
    elif record.is_truncated:
        yield rules.RECORD_TRUNCATED.at("record", f"only {len(record.raw)} of {record.size} bytes are there")
    elif record.state is State.INVERTED:
        yield rules.CHECKSUM_INVERTED.at(where, f"stored {stored:#010x} is ~{computed:#010x}")
    elif record.state is State.NOT_WRITTEN:
        where = "magic_number" if record.number("magic_number") == 0 else where
        yield rules.CHECKSUM_NOT_WRITTEN.at(where, f"it is 0, but the body sums to {computed:#010x}")
    elif record.state is State.MISMATCH:
        yield from _mismatch(record)


def _mismatch(record: Record) -> Iterator[Finding]:
    stored, computed = record.checksum.stored, record.checksum.computed
    numbers = f"stored {stored:#010x}, computed {computed:#010x}"
    words = prefix_sums(record.raw)[1:-1]
    if stored in words:
        yield rules.CHECKSUM_INTERRUPTED.at(
            "combined_checksum", f"{numbers}: the stored value is the sum of the first {words.index(stored) + 1} words"
        )
    bit = record.checksum.flipped_bit
    hint = "" if bit is None else f": one bit flipped, bit {bit} of some word (byte {bit // 8} of its four)"
    yield rules.CHECKSUM_MISMATCH.at("combined_checksum", numbers + hint)


def layout(record: Record) -> Iterator[Finding]:
    """Rivals of the layout, a layout forced against the evidence, and a kernel it was never seen from."""
    if record.layout is None:
        return
    if record.is_forced and record.confidence is Confidence.AMBIGUOUS:
        others = [f"{rival.layout.name} ({rival.layout.alias})" for rival in record.rivals]
        likelier = others[0] if others else "no layout"
        yield rules.LAYOUT_FORCED.at("layout", f"{record.layout.alias} was asked for; the bytes speak for {likelier}")
    elif record.rivals:
        rule = rules.LAYOUT_AMBIGUOUS if record.confidence is Confidence.AMBIGUOUS else rules.LAYOUT_RIVALS
        yield rule.at("layout", f"{record.layout.alias} also reads as " + "; ".join(_rivals(record)))
    if record.release:
        span = (record.release.version, record.release.version)
        if not kernels.overlap(span, record.layout.kernels.known):
            yield rules.LAYOUT_KERNEL.at(
                "last_uts_release",
                f"{record.layout.alias} is known from {record.layout.seen_in}; this is {record.release.text}",
                Severity.INFO if kernels.overlap(span, record.layout.kernels.possible) else None,
            )


def _rivals(record: Record) -> Iterator[str]:
    for rival in record.rivals:
        shown = ", ".join(rival.fields[:_SHOWN_FIELDS])
        more = len(rival.fields) - _SHOWN_FIELDS
        differ = f"{shown}{f' and {more} more' if more > 0 else ''} differ" if shown else "alike as far as the dump goes"
        yield f"{rival.layout.name} ({rival.layout.alias}: {differ})"
