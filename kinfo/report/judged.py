"""Findings for continuous integration: SARIF, JUnit and GitHub annotations.

The three shapes are small and the libraries for them dormant, so they are written here and tested against their schemas.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from kinfo.catalogue import rule_named
from kinfo.dt.verify import is_open
from kinfo.findings import Finding, Rule, Severity
from kinfo.printable import printable
from kinfo.version import PROJECT_URL, __version__

_SARIF_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_GITHUB_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_TEXTS = (".dts", ".dtsi", ".yaml", ".yml", ".json", ".txt", ".log")
_PIECE = 1 << 16  # letters
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class Judged(NamedTuple):
    """What was checked (a name for people) in which file, at which byte where there is one, and what was found.

    `lines`: of source, file and line by a finding's `where`.
    `source` is the file's name as the system has it, whatever its bytes; each format shows it in its own way.
    """

    name: str
    source: str
    offset: int | None
    findings: tuple[Finding, ...]
    lines: Mapping[str, tuple[str, int]] = {}

    @property
    def place(self) -> str:
        """The file, and the byte."""
        shown = printable(self.source)
        return shown if self.offset is None else f"{shown} at {self.offset:#x}"


def sarif(judged: Iterable[Judged]) -> str:
    """A SARIF 2.1.0 log with one run."""
    return "".join(sarif_parts(judged))


def sarif_parts(judged: Iterable[Judged]) -> Iterator[str]:
    """The same piece by piece: the rules stand behind the results, so that no result has to be kept."""
    yield f'{{\n "$schema": {json.dumps(SARIF_SCHEMA)},\n "version": "2.1.0",\n "runs": [{{\n  "results": ['
    codes: set[str] = set()
    comma = ""
    for one in judged:
        for finding in one.findings:
            codes.add(finding.code)
            yield f"{comma}\n   {json.dumps(_sarif_result(one, finding))}"
            comma = ","
    driver = {
        "name": "kinfo",
        "version": __version__,
        "informationUri": PROJECT_URL,
        "rules": [_sarif_rule(rule_named(code)) for code in sorted(codes)],
    }
    yield f'\n  ],\n  "tool": {json.dumps({"driver": driver}, indent=1)}\n }}]\n}}\n'


def _sarif_rule(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.code,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.title}. Effect: {rule.effect}."},
        "help": {"text": f"{rule.remedy}. Source: {rule.source}."},
        "helpUri": f"{PROJECT_URL}/docs/findings.md#{rule.code}",
        "defaultConfiguration": {"level": _SARIF_LEVEL[rule.severity]},
    }


def _sarif_result(one: Judged, finding: Finding) -> dict[str, object]:
    file, line = one.lines.get(finding.where, (one.source, 0))
    region = {"startLine": line} if line else _region(one)
    physical = {"artifactLocation": {"uri": _uri(file)}, "region": region}
    is_undecided = is_open(finding)
    return {
        "ruleId": finding.code,
        **({"kind": "open"} if is_undecided else {}),
        "level": "none" if is_undecided else _SARIF_LEVEL[finding.severity],
        "message": {"text": _shown(f"{finding.where}: {finding.message}")},
        "locations": [{"physicalLocation": physical, "logicalLocations": [{"fullyQualifiedName": _shown(finding.where)}]}],
    }


def _shown(text: str) -> str:
    """Text that others may have written, file names in it: XML 1.0 holds no control character, not even as a reference."""
    return printable(text, keep="\n")


def _region(one: Judged) -> dict[str, int]:
    """The place in the file: a byte, or the first line of one that is text."""
    if one.offset is None and one.source.endswith(_TEXTS):
        return {"startLine": 1}
    return {"byteOffset": one.offset or 0}


def _uri(source: str) -> str:
    """A file as a URI: relative as it was named, or file:///; bytes that are no UTF-8 are those bytes."""
    return f"{'file://' if source.startswith('/') else ''}{quote(source.encode('utf-8', 'surrogateescape'))}"


def junit(judged: Iterable[Judged], *, strict: bool) -> str:
    """A JUnit report: a suite per subject, a case per finding, and one that passes where there is no failure."""
    return "".join(junit_parts(judged, strict=strict))


def junit_parts(judged: Iterable[Judged], *, strict: bool) -> Iterator[str]:
    """The same piece by piece. The totals stand before the suites, which wait in a temporary file for them."""
    total = _Counts(0, 0, 0)
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as waiting:
        for one in judged:
            text, counts = _suite(one, strict=strict)
            total = _Counts(*map(sum, zip(total, counts, strict=True)))
            waiting.write(text)
        yield f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites {total.attributes}>\n'
        waiting.seek(0)
        yield from iter(lambda: waiting.read(_PIECE), "")
    yield "</testsuites>\n"


class _Counts(NamedTuple):
    """Cases, those that failed, and those that could not be decided."""

    tests: int
    failures: int
    errors: int

    @property
    def attributes(self) -> str:
        """As both kinds of element have them."""
        return f'tests="{self.tests}" failures="{self.failures}" errors="{self.errors}" skipped="0"'


def _suite(one: Judged, *, strict: bool) -> tuple[str, _Counts]:
    """The suite and its counts."""
    bad = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    failures = [finding for finding in one.findings if finding.severity in bad and not is_open(finding)]
    errors = sum(map(is_open, one.findings))
    name = quoteattr(one.place)
    cases = [_case(finding, name, is_failure=finding in failures) for finding in one.findings]
    if not failures and not errors:
        cases.append(f"    <testcase classname={name} name={quoteattr(_shown(one.name))}/>\n")
    counts = _Counts(len(cases), len(failures), errors)
    return f"  <testsuite name={name} {counts.attributes}>\n{''.join(cases)}  </testsuite>\n", counts


def _case(finding: Finding, suite: str, *, is_failure: bool) -> str:
    body = escape(_shown(f"{finding.where}: {finding.message}\neffect: {finding.effect}\ndo: {finding.remedy}"))
    if is_open(finding):  # JUnit: the test itself did not work
        inner = f"<error message={quoteattr(_shown(finding.message))} type={quoteattr(finding.code)}>{body}</error>"
    elif is_failure:
        inner = f"<failure message={quoteattr(_shown(finding.message))} type={quoteattr(finding.code)}>{body}</failure>"
    else:
        inner = f"<system-out>{body}</system-out>"
    return f"    <testcase classname={suite} name={quoteattr(finding.code)}>{inner}</testcase>\n"


def github(judged: Iterable[Judged]) -> str:
    """Workflow commands that GitHub turns into annotations, one line a finding."""
    return "".join(github_parts(judged))


def github_parts(judged: Iterable[Judged]) -> Iterator[str]:
    """The same piece by piece."""
    for one in judged:
        for finding in one.findings:
            head = f"::{_GITHUB_LEVEL[finding.severity]} {_github_place(one, finding)}"
            yield f"{head},title={_github_property(finding.code)}::{_github_data(_github_text(one, finding))}\n"


def _github_place(one: Judged, finding: Finding) -> str:
    file, line = one.lines.get(finding.where, (one.source, 0))
    return f"file={_github_property(printable(file))}" + (f",line={line}" if line else "")


def _github_text(one: Judged, finding: Finding) -> str:
    at = "" if one.offset is None else f"at {one.offset:#x}: "
    return _shown(f"{at}{finding.where}: {finding.message}")


def _github_data(text: str) -> str:
    return printable(text, keep="\r\n").replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _github_property(text: str) -> str:
    return _github_data(text).replace(":", "%3A").replace(",", "%2C")
