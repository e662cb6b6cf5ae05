"""Findings for continuous integration: SARIF, JUnit and GitHub annotations.

The three shapes are small and the libraries for them dormant, so they are written here and tested against their schemas.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from kinfo.catalogue import rule_named
from kinfo.findings import Finding, Severity
from kinfo.record.text import printable
from kinfo.version import __version__

_SARIF_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_GITHUB_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class Judged(NamedTuple):
    """What was checked (a name for people) in which file, at which byte where there is one, and what was found."""

    name: str
    source: str
    offset: int | None
    findings: tuple[Finding, ...]

    @property
    def place(self) -> str:
        """The file, and the byte."""
        return self.source if self.offset is None else f"{self.source} at {self.offset:#x}"


def sarif(judged: Iterable[Judged]) -> str:
    """A SARIF 2.1.0 log with one run."""
    subjects = list(judged)
    rules = [rule_named(code) for code in sorted({f.code for one in subjects for f in one.findings})]
    driver = {
        "name": "kinfo",
        "version": __version__,
        "rules": [
            {
                "id": rule.code,
                "shortDescription": {"text": rule.title},
                "fullDescription": {"text": f"{rule.title}. Effect: {rule.effect}."},
                "help": {"text": f"{rule.remedy}. Source: {rule.source}."},
                "defaultConfiguration": {"level": _SARIF_LEVEL[rule.severity]},
            }
            for rule in rules
        ],
    }
    results = [_sarif_result(one, finding) for one in subjects for finding in one.findings]
    log = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    return json.dumps(log, indent=2) + "\n"


def _sarif_result(one: Judged, finding: Finding) -> dict[str, object]:
    physical: dict[str, object] = {"artifactLocation": {"uri": quote(one.source, errors="surrogateescape")}}
    if one.offset is not None:
        physical["region"] = {"byteOffset": one.offset}
    return {
        "ruleId": finding.code,
        "level": _SARIF_LEVEL[finding.severity],
        "message": {"text": printable(f"{finding.where}: {finding.message}", keep="\n")},
        "locations": [{"physicalLocation": physical, "logicalLocations": [{"fullyQualifiedName": printable(finding.where)}]}],
    }


def junit(judged: Sequence[Judged], *, strict: bool) -> str:
    """A JUnit report: a suite per subject, a case per finding, and one that passes where there is no failure."""
    suites = [_suite(one, strict=strict) for one in judged]
    report = '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n' + "".join(suites) + "</testsuites>\n"
    return printable(report, keep="\n")  # XML has no control characters, not even escaped


def _suite(one: Judged, *, strict: bool) -> str:
    bad = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    failures = [finding for finding in one.findings if finding.severity in bad]
    name = quoteattr(one.place)
    cases = [_case(finding, name, is_failure=finding in failures) for finding in one.findings]
    if not failures:
        cases.append(f"    <testcase classname={name} name={quoteattr(one.name)}/>\n")
    head = f"  <testsuite name={name} tests={quoteattr(str(len(cases)))} failures={quoteattr(str(len(failures)))}>\n"
    return head + "".join(cases) + "  </testsuite>\n"


def _case(finding: Finding, suite: str, *, is_failure: bool) -> str:
    body = escape(f"{finding.where}: {finding.message}\neffect: {finding.effect}\ndo: {finding.remedy}")
    if is_failure:
        inner = f"<failure message={quoteattr(finding.message)} type={quoteattr(finding.code)}>{body}</failure>"
    else:
        inner = f"<system-out>{body}</system-out>"
    return f"    <testcase classname={suite} name={quoteattr(finding.code)}>{inner}</testcase>\n"


def github(judged: Iterable[Judged]) -> str:
    """Workflow commands that GitHub turns into annotations, one line a finding."""
    return "".join(
        f"::{_GITHUB_LEVEL[finding.severity]} file={_github_property(one.source)},"
        f"title={_github_property(finding.code)}::{_github_data(_github_text(one, finding))}\n"
        for one in judged
        for finding in one.findings
    )


def _github_text(one: Judged, finding: Finding) -> str:
    at = "" if one.offset is None else f"at {one.offset:#x}: "
    return f"{at}{finding.where}: {finding.message}"


def _github_data(text: str) -> str:
    return printable(text, keep="\r\n").replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _github_property(text: str) -> str:
    return _github_data(text).replace(":", "%3A").replace(",", "%2C")
