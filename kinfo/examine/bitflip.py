"""Where the one flipped bit is: stored and computed sum that differ in one bit say which bit of a word, but not of which.

Every word is tried: flipped back in the right one, the findings that the corrupt value caused go away. A check that did not
look at a field says the same whatever is in it, and is not asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

from kinfo.findings import Finding, Severity
from kinfo.named import NamedTuple
from kinfo.record.checksum import HEAD_SIZE, State
from kinfo.record.model import Field, Layout
from kinfo.record.record import Record
from kinfo.typed import Any

Check = Callable[[Record], Iterable[Finding]]
Complaints = set[tuple[str, str]]


class _Values(dict[str, Any]):
    """A record's values, which keep the names of those that were looked at."""

    def __init__(self, values: Any) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)

    def items(self) -> Any:
        self.asked.update(self)
        return super().items()

    def values(self) -> Any:
        self.asked.update(self)
        return super().values()


class Answered(NamedTuple):
    """What a check finds, and the fields that it looked at: none is kept where no bit can have flipped."""

    check: Check
    findings: tuple[Finding, ...]
    asked: frozenset[str] | set[str]


def answers(record: Record, checks: Sequence[Check]) -> list[Answered]:
    """What each check finds in a record. They look at its `values`, and not at its bytes."""
    if _flipped_bit(record) is None:
        return [Answered(check, tuple(check(record)), frozenset()) for check in checks]
    found = []
    for check in checks:
        values = _Values(record.values)
        found.append(Answered(check, tuple(check(record._replace(values=values))), values.asked))
    return found


def _flipped_bit(record: Record) -> int | None:
    """The bit (0-31) in which a word of the record may have flipped; None where that explains nothing."""
    is_there = record.layout is not None and not record.is_truncated
    return record.checksum.flipped_bit if record.state is State.MISMATCH and is_there else None


def suspect(record: Record, answered: Sequence[Answered]) -> tuple[str, Record] | None:
    """The field whose flipped bit explains most findings, and the record with the bit flipped back; None without a clear one.

    `answered` are the findings apart from those about its checksum.
    """
    bit, layout = _flipped_bit(record), record.layout
    if bit is None or layout is None:
        return None
    complained = [(one, _complaints(one.findings)) for one in answered]
    known: Complaints = set().union(*(some for _, some in complained))
    if not known:  # nothing that a flipped bit could explain
        return None
    complained.sort(key=lambda pair: not pair[1])  # those that can lose any come first
    may_lose = set().union(*(one.asked for one, some in complained if some))
    tried = []
    for place, field in _numbers_at(layout, bit // 8):
        if field.name in may_lose:
            mended = _flipped(record, place, bit % 8)
            left = _left(mended, field.name, complained, known)
            if left is not None:
                tried.append((left, field.name, mended))
    fewest = min((left for left, _, _ in tried), default=0)
    best = [(name, mended) for left, name, mended in tried if left == fewest]
    return best[0] if len(best) == 1 else None


@cache
def _numbers_at(layout: Layout, byte: int) -> tuple[tuple[int, Field], ...]:
    """Where that byte of each word of the body lies, and in which field; but texts, which show their own damage."""
    places = range(HEAD_SIZE + byte, HEAD_SIZE + 4 * layout.words, 4)
    owners: Iterator[Field] = (next(field for field in layout.fields if field.offset <= at < field.end) for at in places)
    return tuple((at, field) for at, field in zip(places, owners, strict=True) if not field.is_text)


def _left(mended: Record, flipped: str, complained: Sequence[tuple[Answered, Complaints]], known: Complaints) -> int | None:
    """How many of the known complaints a mended record has left; None where it has all of them still, or another."""
    left: Complaints = set()
    for one, before in complained:
        if not before and left == known:  # the checks that complained do so as before
            return None
        left |= _complaints(one.check(mended)) if flipped in one.asked else before
        if not left <= known:
            return None
    return len(left) if left < known else None


def _complaints(findings: Iterable[Finding]) -> Complaints:
    return {(finding.code, finding.where) for finding in findings if finding.severity is not Severity.INFO}


def _flipped(record: Record, place: int, bit: int) -> Record:
    raw = bytearray(record.raw)
    raw[place] ^= 1 << bit
    assert record.layout is not None
    return record._replace(raw=bytes(raw), values=record.layout.unpack(bytes(raw)))
