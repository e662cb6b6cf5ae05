"""Findings: everything that any checker says, as data.

A `Rule` is what can be said (a stable code with its explanation); a `Finding` is one occasion of it, with a place.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from kinfo.named import NamedTuple
from kinfo.printable import brief


class Severity(Enum):
    """How much a finding matters: an error makes the exit code 1, a warning does so under `--strict`."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Rule(NamedTuple):
    """One thing that a checker can find.

    `code` is stable and begins with its family; `title` is a short name; `effect` says what it means for the kernel or the
    boot loader; `remedy` what the reader can do; `source` where the rule comes from (driver, kernel release, posting).
    """

    code: str
    severity: Severity
    title: str
    effect: str
    remedy: str
    source: str

    @property
    def family(self) -> str:
        """The part of the code before the first hyphen: record, layout, checksum, symbols."""
        return self.code.partition("-")[0]

    def at(self, where: str, message: str, severity: Severity | None = None, *, remedy: str = "") -> Finding:
        """This rule's finding at a place; `severity` only where the occasion is milder or graver than the rule.

        `remedy` where what to do can be said more exactly than the rule says it.
        """
        return Finding(self.code, severity or self.severity, where, message, self.effect, remedy or self.remedy, self.source)

    def __repr__(self) -> str:
        return brief(self, f"{self.code} ({self.severity.value}): {self.title}")


class Finding(NamedTuple):
    """One finding: a rule's code and severity, the place (a field name, an offset or a file), and one sentence."""

    code: str
    severity: Severity
    where: str
    message: str
    effect: str
    remedy: str
    source: str

    def __repr__(self) -> str:
        return brief(self, f"{self.severity.value} {self.code} at {self.where}: {self.message}")

    def _repr_html_(self) -> str:
        return Findings((self,))._repr_html_()


class Findings(tuple[Finding, ...]):
    """Findings, the gravest first: a tuple that a REPL shows in one line, and a notebook as a table."""

    __slots__ = ()

    def __repr__(self) -> str:
        return brief(
            self, f"{len(self)}: {', '.join(f'{one.severity.value} {one.code}' for one in self)}" if self else "none"
        )

    def _repr_html_(self) -> str:
        from kinfo.notebook import table

        rows = [(one.severity.value, one.code, one.where, one.message, one.remedy) for one in self]
        return table(f"{len(self)} findings", ("severity", "code", "where", "what", "do"), rows)


_GRAVITY = {severity: place for place, severity in enumerate(Severity)}


def gravest_first(findings: Iterable[Finding]) -> Findings:
    """Findings in the order in which they are shown: errors, warnings, notes, those of one severity as they came."""
    return Findings(sorted(findings, key=lambda finding: _GRAVITY[finding.severity]))


def worst(findings: tuple[Finding, ...]) -> Severity | None:
    """The gravest severity among findings, or None when there are none."""
    for severity in Severity:
        if any(finding.severity is severity for finding in findings):
            return severity
    return None
