"""A comparison held against a policy: findings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kinfo.compare import rules
from kinfo.compare.classify import compare_records
from kinfo.compare.model import Comparison, Difference, Kind
from kinfo.compare.policy import Policy
from kinfo.findings import Finding, Severity
from kinfo.record.record import Record


class Judged(NamedTuple):
    """A comparison, and what a policy makes of it."""

    comparison: Comparison
    findings: tuple[Finding, ...]


def judge(old: Record, new: Record, policy: Policy, *, exact: bool = False) -> Judged:
    """Compare, and judge every difference. `exact`: the bytes must be the same as well. Raises RecordError."""
    comparison = compare_records(old, new)
    found = [*_differences(comparison, policy), *_unsound(old, new, policy)]
    if exact and old.raw != new.raw:
        found.insert(0, rules.BYTES.at("record", _first(old, new)))
    return Judged(comparison, tuple(sorted(found, key=lambda one: list(Severity).index(one.severity))))


def _differences(comparison: Comparison, policy: Policy) -> Iterator[Finding]:
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
    return f"{_word(one.old)} became {_word(one.new)}" + (f": {one.reason}" if one.reason else "")


def _word(value: object) -> str:
    return "nothing" if value in (None, "", "0x0") else str(value)


def _unsound(old: Record, new: Record, policy: Policy) -> Iterator[Finding]:
    """Errors of the new record that are not about a field which differs already, nor in the old one."""
    before = {(finding.code, finding.where) for finding in old.findings}
    for finding in new.findings:
        known = (finding.code, finding.where) in before
        if finding.severity is Severity.ERROR and not known and finding.where not in policy.ignored:
            yield rules.UNSOUND.at(finding.where, f"{finding.code}: {finding.message}")


def _first(old: Record, new: Record) -> str:
    if len(old.raw) != len(new.raw):
        return f"{len(old.raw)} bytes became {len(new.raw)}"
    offset = next(at for at, (one, other) in enumerate(zip(old.raw, new.raw, strict=True)) if one != other)
    name = next((field.name for field in (old.layout.fields if old.layout else ()) if field.offset <= offset < field.end), "")
    return f"the first byte that differs is at {offset} ({name}): {old.raw[offset]:#04x} became {new.raw[offset]:#04x}"
