"""GitLab's Code Quality report: a JSON array, an issue a finding, which merge requests show beside the change.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format: description, check_name, fingerprint, severity
(info, minor, major, critical, blocker), location.path and location.lines.begin.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from kinfo.findings import Finding, Severity
from kinfo.printable import printable
from kinfo.report.formats import Shown
from kinfo.report.judged import Judged, marked
from kinfo.report.judged import shown as _shown

_LEVEL = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.INFO: "info"}


def parts(what: Shown) -> Iterator[str]:
    """The array, an issue at a time."""
    lead = "["
    for one in what.findings():
        for finding, mark in marked(one):
            yield f"{lead}\n {json.dumps(_issue(one, finding, mark))}"
            lead = ","
    yield "[]\n" if lead == "[" else "\n]\n"


def _issue(one: Judged, finding: Finding, mark: str) -> dict[str, object]:
    file, line = one.line_of(finding)
    return {
        "description": _shown(f"{finding.where}: {finding.message}"),
        "check_name": finding.code,
        "fingerprint": mark,
        "severity": _LEVEL[finding.severity],
        "location": {"path": printable(file), "lines": {"begin": line or 1}},
    }
