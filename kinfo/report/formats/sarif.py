"""SARIF 2.1.0: a log with one run. Small, and the libraries for it dormant: written here, tested against its schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

from kinfo.catalogue import rule_named
from kinfo.dt.verify import is_open
from kinfo.findings import Finding, Rule, Severity
from kinfo.report.formats import Shown
from kinfo.report.judged import Judged, fingerprint
from kinfo.report.judged import shown as _shown
from kinfo.version import PROJECT_URL, __version__

_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_TEXTS = (".dts", ".dtsi", ".yaml", ".yml", ".json", ".txt", ".log")
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def parts(what: Shown) -> Iterator[str]:
    """The log piece by piece: the rules stand behind the results, so that no result has to be kept."""
    yield f'{{\n "$schema": {json.dumps(SARIF_SCHEMA)},\n "version": "2.1.0",\n "runs": [{{\n  "results": ['
    codes: set[str] = set()
    comma = ""
    for one in what.findings():
        for finding in one.findings:
            codes.add(finding.code)
            yield f"{comma}\n   {json.dumps(_result(one, finding))}"
            comma = ","
    driver = {
        "name": "kinfo",
        "version": __version__,
        "informationUri": PROJECT_URL,
        "rules": [_rule(rule_named(code)) for code in sorted(codes)],
    }
    yield f'\n  ],\n  "tool": {json.dumps({"driver": driver}, indent=1)}\n }}]\n}}\n'


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.code,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.title}. Effect: {rule.effect}."},
        "help": {"text": f"{rule.remedy}. Source: {rule.source}."},
        "helpUri": f"{PROJECT_URL}/docs/findings.md#{rule.code}",
        "defaultConfiguration": {"level": _LEVEL[rule.severity]},
    }


def _result(one: Judged, finding: Finding) -> dict[str, object]:
    file, line = one.line_of(finding)
    region = {"startLine": line} if line else _region(one)
    physical = {"artifactLocation": {"uri": _uri(file)}, "region": region}
    is_undecided = is_open(finding)
    return {
        "ruleId": finding.code,
        **({"kind": "open"} if is_undecided else {}),
        "level": "none" if is_undecided else _LEVEL[finding.severity],
        "message": {"text": _shown(f"{finding.where}: {finding.message}")},
        "partialFingerprints": {"finding/v1": fingerprint(one, finding)},
        "locations": [{"physicalLocation": physical, "logicalLocations": [{"fullyQualifiedName": _shown(finding.where)}]}],
    }


def _region(one: Judged) -> dict[str, int]:
    """The place in the file: a byte, or the first line of one that is text."""
    if one.offset is None and one.source.endswith(_TEXTS):
        return {"startLine": 1}
    return {"byteOffset": one.offset or 0}


def _uri(source: str) -> str:
    """A file as a URI: relative as it was named, or file:///; bytes that are no UTF-8 are those bytes."""
    return f"{'file://' if source.startswith('/') else ''}{quote(source.encode('utf-8', 'surrogateescape'))}"
