"""Findings as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kinfo.findings import Finding
from kinfo.report.style import Style


def finding_lines(findings: Iterable[Finding], style: Style) -> Iterator[str]:
    """Three lines for each: what and where, the effect, what to do."""
    for finding in findings:
        head = style.severity(finding.severity, f"{finding.severity.value:<8}")
        yield f"  {head}{style.paint(finding.code, 'bold')}  {finding.where}: {finding.message}"
        yield f"          effect: {finding.effect}"
        yield f"          do:     {finding.remedy}"
