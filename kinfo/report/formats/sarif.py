"""SARIF 2.1.0, as Microsoft's multitool and GitHub's code scanning take it: a log, mostly of one run.

Small, and the libraries for it dormant: written here. GitHub's rules are those of "SARIF support for code scanning" in its
documents: rules with name, texts and `problem.severity`; a line for every result (it looks at no byte, ossf/scorecard found);
`primaryLocationLineHash` is the one fingerprint that it uses; names relative to the repository's root; at most 25,000 results
a run. No rule here is about security, so none has a `security-severity`. `automationDetails` have only the runs behind the
first: what upload-sarif is given as its category counts only where there is none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain, count, islice
from typing import Any
from urllib.parse import quote

from kinfo.catalogue import rule_named
from kinfo.dt.verify import is_open
from kinfo.findings import Finding, Rule, Severity
from kinfo.report.formats import Shown
from kinfo.report.judged import Judged, marked
from kinfo.report.judged import shown as _shown
from kinfo.version import PROJECT_URL, __version__

_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_GITHUB_SEVERITY = _LEVEL | {Severity.INFO: "recommendation"}
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
RESULTS_A_RUN = 25_000
"""GitHub refuses a file with more in a run; it shows the 5,000 gravest of each."""
_ROOT = "%SRCROOT%"
_ROOT_IS = "the folder that kinfo was started in: the root of the checkout"


def parts(what: Shown) -> Iterator[str]:
    """The log piece by piece: a run's rules stand behind its results, so that no result has to be kept."""
    yield f'{{\n "$schema": {json.dumps(SARIF_SCHEMA)},\n "version": "2.1.0",\n "runs": ['
    results = ((one, *found) for one in what.findings() for found in marked(one))
    for number in count(1):
        first = list(islice(results, 1))
        if number > 1 and not first:
            break
        yield ("," if number > 1 else "") + "{\n"
        yield from _run(number, chain(first, islice(results, RESULTS_A_RUN - 1)))
    yield "]\n}\n"


def _run(number: int, results: Iterable[tuple[Judged, Finding, str]]) -> Iterator[str]:
    if number > 1:
        yield f'  "automationDetails": {{"id": "kinfo/run-{number}/"}},\n'
    yield f'  "originalUriBaseIds": {json.dumps({_ROOT: {"description": {"text": _ROOT_IS}}})},\n  "results": ['
    codes: set[str] = set()
    comma = ""
    for one, finding, mark in results:
        codes.add(finding.code)
        yield f"{comma}\n   {json.dumps(_result(one, finding, mark))}"
        comma = ","
    driver = {
        "name": "kinfo",
        "fullName": f"kinfo {__version__}",
        "version": __version__,
        "semanticVersion": __version__,
        "informationUri": PROJECT_URL,
        "rules": [_rule(rule_named(code)) for code in sorted(codes)],
    }
    yield f'\n  ],\n  "tool": {json.dumps({"driver": driver}, indent=1)}\n }}'


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.code.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.title}. Effect: {rule.effect}."},
        "help": {"text": f"{rule.remedy}. Source: {rule.source}."},
        "helpUri": f"{PROJECT_URL}/docs/findings.md#{rule.code}",
        "defaultConfiguration": {"level": _LEVEL[rule.severity]},
        "properties": {"tags": [rule.family], "problem.severity": _GITHUB_SEVERITY[rule.severity]},
    }


def _result(one: Judged, finding: Finding, mark: str) -> dict[str, object]:
    file, _ = one.line_of(finding)
    physical = {"artifactLocation": _artifact(file), "region": _region(one, finding)}
    is_undecided = is_open(finding)
    return {
        "ruleId": finding.code,
        **({"kind": "open"} if is_undecided else {}),
        "level": "none" if is_undecided else _LEVEL[finding.severity],
        "message": {"text": _shown(f"{finding.where}: {finding.message}")},
        "partialFingerprints": {"finding/v1": mark, "primaryLocationLineHash": mark},
        "locations": [{"physicalLocation": physical, "logicalLocations": [{"fullyQualifiedName": _shown(finding.where)}]}],
    }


def _region(one: Judged, finding: Finding) -> dict[str, int]:
    """The place in the file: its line, with the column where that is known; else the first line, and the byte in a dump."""
    _, line = one.line_of(finding)
    if line:
        return {"startLine": line, "startColumn": one.column_of(finding) or 1, "endLine": line}
    return {"startLine": 1, **({} if one.offset is None else {"byteOffset": one.offset})}


def _artifact(source: str) -> dict[str, Any]:
    """A file as a URI: relative as it was named, or file:///; bytes that are no UTF-8 are those bytes."""
    path = quote(source.encode("utf-8", "surrogateescape"))
    if path.startswith("/"):
        return {"uri": f"file://{path}"}
    return {"uri": "/".join(part for part in path.split("/") if part not in ("", ".")) or path, "uriBaseId": _ROOT}
