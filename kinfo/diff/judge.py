"""A comparison held against a policy: findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kinfo.diff import rules
from kinfo.diff.classify import VENDOR, compare_records
from kinfo.diff.model import Comparison, Difference, Kind
from kinfo.diff.policy import Policy
from kinfo.examine import Examined
from kinfo.findings import Finding, Severity, gravest_first
from kinfo.named import NamedTuple
from kinfo.printable import brief
from kinfo.record.record import Record

_RAISED = {Severity.ERROR: rules.UNSOUND, Severity.WARNING: rules.DOUBT}
_AS_GRAVE = {one: list(Severity)[list(Severity).index(one) :: -1] for one in Severity}  # itself, then the graver ones


class Judgement(NamedTuple):
    """A comparison, and what a policy makes of it."""

    comparison: Comparison
    findings: tuple[Finding, ...]

    def __repr__(self) -> str:
        return brief(self, f"{self.comparison!r}, {len(self.findings)} findings")


def judge(old: Record, new: Record, policy: Policy, *, exact: bool = False) -> Judgement:
    """Compare, and judge every difference. `exact`: the bytes must be the same as well. Raises RecordError."""
    comparison = compare_records(old, new)
    found = [*differences(comparison, policy), *_unsound(old, new, policy)]
    if exact and old.raw != new.raw:
        found.insert(0, rules.BYTES.at("record", _first(old, new)))
    return Judgement(comparison, gravest_first(found))


def differences(comparison: Comparison, policy: Policy) -> Iterator[Finding]:
    """A finding for every field that differs and is not ignored."""
    for one in comparison.differences:
        if one.kind is Kind.SAME or one.field in policy.ignored:
            continue
        if policy.allows(one):
            yield rules.EXPECTED.at(one.field, f"{one.kind.value}: {said(one)}")
        elif one.kind is Kind.REGRESSION:
            yield rules.REGRESSION.at(one.field, said(one))
        else:
            yield rules.NOT_ALLOWED.at(one.field, f"{one.kind.value}: {said(one)}")


def said(one: Difference) -> str:
    """A difference in a sentence."""
    return f"{_word(one.words[0])} became {_word(one.words[1])}" + (f": {one.reason}" if one.reason else "")


def _word(value: object) -> str:
    return "nothing" if value in (None, "", "0x0") else str(value)


def _unsound(old: Record, new: Record, policy: Policy) -> Iterator[Finding]:
    """Errors and warnings of the new record that the old one has not, whatever explains the field.

    One that the old record has too is not new, unless it is graver now or there are more of them.
    """
    found = _all_findings(new)
    if not any(finding.severity in _RAISED for finding in found):
        return  # as of most records; the old one need not be looked at, which takes as long as comparing
    known = Counter((finding.code, finding.where, finding.severity) for finding in _all_findings(old))
    for finding in found:
        as_grave = [one for one in _AS_GRAVE[finding.severity] if known[finding.code, finding.where, one]]
        if as_grave:
            known[finding.code, finding.where, as_grave[0]] -= 1
        elif finding.severity in _RAISED and finding.where not in policy.ignored:
            yield _RAISED[finding.severity].at(finding.where, f"{finding.code}: {finding.message}")


def _all_findings(record: Record) -> tuple[Finding, ...]:
    """What decode finds, the vendor block's own findings included."""
    examined = Examined.of(record)
    inner = examined.vendor.findings if examined.vendor else ()
    return (*examined.findings, *(one._replace(where=f"{VENDOR}.{one.where}") for one in inner))


def _first(old: Record, new: Record) -> str:
    if len(old.raw) != len(new.raw):
        return f"{len(old.raw)} bytes became {len(new.raw)}"
    offset = next(at for at, (one, other) in enumerate(zip(old.raw, new.raw, strict=True)) if one != other)
    name = next((field.name for field in (old.layout.fields if old.layout else ()) if field.offset <= offset < field.end), "")
    return f"the first byte that differs is at {offset} ({name}): {old.raw[offset]:#04x} became {new.raw[offset]:#04x}"
