"""Findings as lines of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from kinfo.findings import Finding, Severity
from kinfo.report.style import Style

_COUNTED = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def counted(findings: Iterable[Finding]) -> list[str]:
    """How many there are of each severity, the gravest first: 2 errors, 1 note."""
    counts = Counter(finding.severity for finding in findings)
    return [f"{counts[one]} {word}{'s' if counts[one] > 1 else ''}" for one, word in _COUNTED.items() if counts[one]]


def finding_lines(findings: Iterable[Finding], style: Style) -> Iterator[str]:
    """Three lines for each: what and where, the effect, what to do."""
    for finding in findings:
        head = style.severity(finding.severity, f"{finding.severity.value:<8}")
        yield f"  {head}{style.paint(finding.code, 'bold')}  {finding.where}: {finding.message}"
        yield f"          effect: {finding.effect}"
        yield f"          do:     {finding.remedy}"
