"""What became of many files, in numbers: the line at the end, and the exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from kinfo.cli.main import SOUND, UNDECIDED
from kinfo.findings import Finding, Severity, worst

if TYPE_CHECKING:
    from kinfo.cli.many import FileShown


class Tally:
    """Counts files. `noun`: what is looked for in the files, as in "record"."""

    def __init__(self, noun: str) -> None:
        self._noun = noun
        self.files = self.things = self.without = self.unread = self.unwritten = 0
        self.code = SOUND
        self._by_worst: Counter[Severity] = Counter()
        self._worst: Finding | None = None

    def add(self, shown: FileShown, *, is_read: bool) -> None:
        """A file that was looked at; `is_read`: as far as that it could be said whether it has what is looked for."""
        self.files += 1
        self.things += shown.things
        if shown.problem:
            self.code = UNDECIDED
            self.unwritten += shown.is_unwritten
            self.without += is_read and not shown.is_unwritten
            self.unread += not is_read
            return
        self.code = max(self.code, shown.code)
        self.without += not shown.things
        gravest = worst(shown.findings)
        if gravest is None or gravest is Severity.INFO:
            return
        self._by_worst[gravest] += 1
        if self._worst is None or gravest is Severity.ERROR is not self._worst.severity:
            self._worst = next(one for one in shown.findings if one.severity is gravest)

    def summary(self, passed: Mapping[str, int]) -> str:
        """One line: files, what was found, with what findings; those without, not read, not written; the worst."""
        with_ = [f"{count} with {one.value}s" for one in (Severity.ERROR, Severity.WARNING) if (count := self._by_worst[one])]
        of_them = f" ({', '.join(with_)})" if with_ else ""
        parts = [f"{_many(self.files, 'file')}: {_many(self.things, self._noun)}{of_them}"]
        if self.without:
            parts.append(f"{self.without} without a {self._noun}")
        if self.unread:
            parts.append(f"{self.unread} could not be read")
        if self.unwritten:
            parts.append(f"{self.unwritten} could not be written")
        line = ", ".join(parts) + self.passed_over(passed)
        if self._worst is None:
            return line
        return f"{line}; worst: {self._worst.severity.value} {self._worst.code} (kinfo explain {self._worst.code})"

    @staticmethod
    def passed_over(passed: Mapping[str, int]) -> str:
        """What folders have besides, where there is something."""
        return f"; passed over: {', '.join(f'{count} {kind}' for kind, count in sorted(passed.items()))}" if passed else ""


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
