"""What was checked, and what was found: the shape that every format for continuous integration shows (`formats/`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kinfo.findings import Finding
from kinfo.named import NamedTuple
from kinfo.printable import printable


class Judged(NamedTuple):
    """What was checked (a name for people) in which file, at which byte where there is one, and what was found.

    `lines`: of source, file, line and column (0: not known) by a finding's `where`.
    `source` is the file's name as the system has it, whatever its bytes; each format shows it in its own way.
    """

    name: str
    source: str
    offset: int | None
    findings: tuple[Finding, ...]
    lines: Mapping[str, tuple[str, int, int]] = {}

    @property
    def place(self) -> str:
        """The file, and the byte."""
        shown = printable(self.source)
        return shown if self.offset is None else f"{shown} at {self.offset:#x}"

    def line_of(self, finding: Finding) -> tuple[str, int]:
        """The file that a finding is about, and the line in it; 0 where there is none."""
        return self.lines.get(finding.where, (self.source, 0, 0))[:2]

    def column_of(self, finding: Finding) -> int:
        """The column in that line, counted from 1; 0 where there is none."""
        return self.lines.get(finding.where, (self.source, 0, 0))[2]


def marked(one: Judged) -> Iterator[tuple[Finding, str]]:
    """Findings with what tells each from others, and stays while the file is changed around it: not its line, not its values.

    Of several with one code at one place the second and later ones are counted.
    """
    import hashlib

    at = "" if one.offset is None else f"{one.offset:#x}"
    seen: dict[tuple[str, ...], int] = {}
    for finding in one.findings:
        parts = (one.name, one.line_of(finding)[0], at, finding.code, finding.where)
        times = seen[parts] = seen.get(parts, 0) + 1
        text = "\0".join((*parts, str(times)) if times > 1 else parts)
        yield finding, hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def shown(text: str) -> str:
    """Text that others may have written, file names in it: XML 1.0 holds no control character, not even as a reference."""
    return printable(text, keep="\n")
