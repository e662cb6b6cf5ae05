"""What a comparison says, as data."""

from __future__ import annotations

from enum import Enum

from kinfo.findings import Finding, Severity
from kinfo.named import NamedTuple
from kinfo.printable import brief
from kinfo.record.record import Content
from kinfo.record.shown import Shown, words


class Kind(Enum):
    """The class of one field's difference. All but the last are expected; a policy may say otherwise."""

    SAME = "same"
    MOVED = "moved"
    PER_BOOT = "per-boot"
    PER_BUILD = "per-build"
    ONE_LAYOUT = "one-layout"
    WRITER = "writer"
    REGRESSION = "regression"


class Difference(NamedTuple):
    """One field in both records: numbers and text, None where the layout has no such field or the dump ends before it.

    `reason` says why it has its class, `source` where that is known from (empty where the values themselves say it).
    The tails are what stands behind the NUL of a text.
    """

    field: str
    old: Content | None
    new: Content | None
    kind: Kind
    reason: str = ""
    source: str = ""
    old_tail: bytes = b""
    new_tail: bytes = b""

    @property
    def words(self) -> tuple[Shown | None, Shown | None]:
        """Both values as a report shows them: hex for 64 bits, and what stands behind a text's NUL."""
        name = self.field.rpartition(".")[2]  # vendor.NAME
        return _words(name, self.old, self.old_tail), _words(name, self.new, self.new_tail)

    def __repr__(self) -> str:
        return brief(self, f"{self.field}: {self.kind.value}, {self.words[0]} -> {self.words[1]}")


def _words(name: str, value: Content | None, tail: bytes) -> Shown | None:
    shown = None if value is None else words(name, value)
    return f"{shown} (behind its NUL: {tail.hex()})" if tail else shown


class Comparison(NamedTuple):
    """Two records. `slide` is the distance in bytes by which all addresses moved, None where they have no common one.

    `same_build` is None where it is not known: a release is garbage, and the rest does not tell.
    """

    old_layout: str
    new_layout: str
    same_build: bool | None
    slide: int | None
    differences: tuple[Difference, ...]

    def of(self, kind: Kind) -> tuple[Difference, ...]:
        """The fields of one class."""
        return tuple(one for one in self.differences if one.kind is kind)

    def __repr__(self) -> str:
        return brief(
            self,
            f"{self.old_layout} -> {self.new_layout}: "
            + ", ".join(f"{len(self.of(kind))} {kind.value}" for kind in Kind if self.of(kind)),
        )


class Compared(NamedTuple):
    """Two records by their names, what their comparison says, and what a policy makes of it: findings, gravest first."""

    old: str
    new: str
    comparison: Comparison
    findings: tuple[Finding, ...]

    @property
    def is_refused(self) -> bool:
        """Whether there is a finding of error severity."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def raised(self) -> tuple[Finding, ...]:
        """The findings that somebody should look at: errors and warnings."""
        return tuple(finding for finding in self.findings if finding.severity is not Severity.INFO)

    def __repr__(self) -> str:
        return brief(
            self, f"{self.old} -> {self.new}: {'differs' if self.is_refused else 'passes'}, {len(self.findings)} findings"
        )
