"""Workflow commands that GitHub turns into annotations, one line a finding."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.findings import Finding, Severity
from kinfo.printable import printable
from kinfo.report.formats import Shown
from kinfo.report.judged import Judged
from kinfo.report.judged import shown as _shown

_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def parts(what: Shown) -> Iterator[str]:
    """A line for each finding, as it comes."""
    for one in what.findings():
        for finding in one.findings:
            head = f"::{_LEVEL[finding.severity]} {_place(one, finding)}"
            yield f"{head},title={_property(finding.code)}::{_data(_text(one, finding))}\n"


def _place(one: Judged, finding: Finding) -> str:
    file, line = one.line_of(finding)
    return f"file={_property(printable(file))}" + (f",line={line}" if line else "")


def _text(one: Judged, finding: Finding) -> str:
    at = "" if one.offset is None else f"at {one.offset:#x}: "
    return _shown(f"{at}{finding.where}: {finding.message}")


def _data(text: str) -> str:
    return printable(text, keep="\r\n").replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
