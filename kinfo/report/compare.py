"""Comparisons as a table side by side, and as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from kinfo.compare.model import Comparison, Difference, Kind
from kinfo.findings import Finding, Severity
from kinfo.report.style import Style

_COLOURS = {Kind.REGRESSION: ("bold", "red"), Kind.SAME: ("dim",), Kind.WRITER: ("yellow",)}
_VALUE = 26  # letters of a value that the table shows


class Compared(NamedTuple):
    """A pair of files, what their comparison says, and what a policy makes of it."""

    old: str
    new: str
    comparison: Comparison
    findings: tuple[Finding, ...]

    @property
    def is_refused(self) -> bool:
        """Whether there is a finding of error severity."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)


def render(one: Compared, style: Style, *, every: bool) -> str:
    """The whole screen for one pair; `every`: with the fields that are the same."""
    comparison = one.comparison
    shown = [each for each in comparison.differences if every or each.kind is not Kind.SAME]
    old, new = style.paint(one.old, "bold"), style.paint(one.new, "bold")
    lines = [f"{old} ({comparison.old_layout}) against {new} ({comparison.new_layout})"]
    lines.append(f"  {_related(comparison)}; {_counts(comparison)}")
    if shown:
        lines += ["", style.paint(_row("field", "old", "new", "class", "reason"), "bold"), *_rows(shown, style)]
    lines += ["", *_verdict(one, style)]
    return "\n".join(lines) + "\n"


def line(one: Compared, style: Style) -> str:
    """One line for a pair that is one of many."""
    word = style.paint("differs", "bold", "red") if one.is_refused else style.paint("passes", "green")
    return f"{style.paint(one.new, 'bold')}: {word}; {_counts(one.comparison)}\n"


def document(pairs: Sequence[Compared], alone: Sequence[tuple[str, Finding]]) -> dict[str, Any]:
    """What JSON and YAML show; docs/compare.schema.json describes it."""
    from kinfo.report.document import SCHEMA_VERSION, finding_data

    return {
        "schema_version": SCHEMA_VERSION,
        "pairs": [
            {
                "old": one.old,
                "new": one.new,
                "layouts": [one.comparison.old_layout, one.comparison.new_layout],
                "same_build": one.comparison.same_build,
                "slide": one.comparison.slide,
                "passes": not one.is_refused,
                "differences": [{**each._asdict(), "kind": each.kind.value} for each in one.comparison.differences],
                "findings": [finding_data(finding) for finding in one.findings],
            }
            for one in pairs
        ],
        "alone": [{"name": name, "finding": finding_data(finding)} for name, finding in alone],
    }


def _related(comparison: Comparison) -> str:
    if not comparison.same_build:
        return "another build"
    if comparison.slide is None:
        return "the same build"
    return f"the same build, {'loaded at the same place' if not comparison.slide else f'moved by {comparison.slide:+#x}'}"


def _counts(comparison: Comparison) -> str:
    counts = Counter(each.kind for each in comparison.differences)
    return ", ".join(f"{counts[kind]} {kind.value}" for kind in Kind if counts[kind])


def _rows(shown: Sequence[Difference], style: Style) -> Iterator[str]:
    for each in shown:
        reason = each.reason + (f" [{each.source}]" if each.source else "")
        row = _row(each.field, _cut(each.old), _cut(each.new), each.kind.value, reason)
        yield style.paint(row, *_COLOURS.get(each.kind, ())) if each.kind in _COLOURS else row


def _row(field: str, old: str, new: str, kind: str, reason: str) -> str:
    return f"  {field:<24}{old:<{_VALUE + 2}}{new:<{_VALUE + 2}}{kind:<12}{reason}".rstrip()


def _cut(value: object) -> str:
    text = "-" if value is None else "(empty)" if value == "" else str(value)
    return text if len(text) <= _VALUE else f"{text[: _VALUE - 3]}..."


def _verdict(one: Compared, style: Style) -> Iterator[str]:
    bad = [finding for finding in one.findings if finding.severity is Severity.ERROR]
    if not bad:
        yield f"{style.paint('passes', 'bold', 'green')}: nothing differs that should not"
        return
    for finding in bad:
        yield f"{style.severity(finding.severity, 'error')}  {finding.code}  {finding.where}: {finding.message}"
    yield "wanted changes go into the baseline: kinfo compare --update-baseline DIR RECORD"
