"""Where the one flipped bit is: stored and computed sum that differ in one bit say which bit of a word, but not of which.

Every word is tried: flipped back in the right one, the findings that the corrupt value caused go away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from kinfo.findings import Finding, Severity
from kinfo.record.checksum import HEAD_SIZE, State
from kinfo.record.record import Record

Check = Callable[[Record], Iterable[Finding]]
Complaints = set[tuple[str, str]]


def suspect(record: Record, checks: Sequence[Check]) -> tuple[str, Record] | None:
    """The field whose flipped bit explains most findings, and the record with the bit flipped back; None without a clear one.

    `checks` give the findings of a record apart from those about its checksum.
    """
    bit, layout = record.checksum.flipped_bit, record.layout
    if record.state is not State.MISMATCH or bit is None or layout is None or record.is_truncated:
        return None
    complaints = [(check, _complaints(record, check)) for check in checks]
    known = set().union(*(some for _, some in complaints))
    if not known:  # nothing that a flipped bit could explain
        return None
    complaints.sort(key=lambda pair: not pair[1])  # those that can lose any come first
    tried = []
    for word in range(layout.words):
        place = HEAD_SIZE + 4 * word + bit // 8
        field = next(field for field in layout.fields if field.offset <= place < field.end)
        if field.is_text:  # a string shows its own damage
            continue
        mended = _flipped(record, place, bit % 8)
        left = _left(mended, complaints, known)
        if left is not None:
            tried.append((left, field.name, mended))
    fewest = min((left for left, _, _ in tried), default=0)
    best = [(name, mended) for left, name, mended in tried if left == fewest]
    return best[0] if len(best) == 1 else None


def _left(mended: Record, complaints: Sequence[tuple[Check, Complaints]], known: Complaints) -> int | None:
    """How many of the known complaints a mended record has left; None where it has all of them still, or another."""
    left: Complaints = set()
    for check, before in complaints:
        if not before and left == known:  # the checks that complained do so as before
            return None
        left |= _complaints(mended, check)
        if not left <= known:
            return None
    return len(left) if left < known else None


def _complaints(record: Record, check: Check) -> Complaints:
    return {(finding.code, finding.where) for finding in check(record) if finding.severity is not Severity.INFO}


def _flipped(record: Record, place: int, bit: int) -> Record:
    raw = bytearray(record.raw)
    raw[place] ^= 1 << bit
    assert record.layout is not None
    return record._replace(raw=bytes(raw), values=record.layout.unpack(bytes(raw)))
