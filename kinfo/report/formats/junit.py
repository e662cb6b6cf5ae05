"""JUnit: a suite per subject, a case per finding, and one that passes where there is no failure."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from kinfo.dt.verify import is_open
from kinfo.findings import Finding, Severity
from kinfo.report.formats import Shown
from kinfo.report.judged import Judged
from kinfo.report.judged import shown as _shown

_PIECE = 1 << 16  # letters


def parts(what: Shown) -> Iterator[str]:
    """The report piece by piece. The totals stand before the suites, which wait in a temporary file for them."""
    total = _Counts(0, 0, 0)
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as waiting:
        for one in what.findings():
            text, counts = _suite(one, strict=what.is_strict)
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
