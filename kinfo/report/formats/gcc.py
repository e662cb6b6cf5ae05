"""Findings as compilers write errors, which editors and build logs understand: `file:line:column: error: message [code]`.

Line and column stand where they are known: both in devicetree source, neither in a blob or a dump.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.findings import Finding, Severity
from kinfo.printable import printable
from kinfo.report.formats import Shown
from kinfo.report.judged import Judged

_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def parts(what: Shown) -> Iterator[str]:
    """A line for each finding, as it comes."""
    for one in what.findings():
        for finding in one.findings:
            yield f"{_place(one, finding)}: {_LEVEL[finding.severity]}: {_text(one, finding)} [{finding.code}]\n"


def _place(one: Judged, finding: Finding) -> str:
    file, line = one.line_of(finding)
    column = one.column_of(finding)
    return printable(file) + (f":{line}" if line else "") + (f":{column}" if line and column else "")


def _text(one: Judged, finding: Finding) -> str:
    at = "" if one.offset is None else f"at {one.offset:#x}: "
    return " ".join(printable(f"{at}{finding.where}: {finding.message}", keep="\n").split())
