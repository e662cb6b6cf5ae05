"""What detection decided on records before, for whoever decodes one record after another in one process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from kinfo.record.asked.traced import Asker, TracedWindow
from kinfo.record.asked.ways import Ways
from kinfo.record.evidence import Window

Outcome = TypeVar("Outcome")

_FIRST_WAYS = 32  # kept whatever comes: keeping one costs some five times what a reading does
_USES = 8  # and one more for so many records that went a known way


class Remembered(Generic[Outcome]):
    """Outcomes of `read` by the ways that its questions went."""

    def __init__(self, read: Callable[[Window], Outcome]) -> None:
        self._read = read
        self._ways: dict[tuple[int, bool], Ways[Outcome]] = {}
        self._kept = self._found = 0

    def find(self, data: bytes, *, is_end: bool) -> Outcome | None:
        """The outcome for a window whose way is known."""
        ways = self._ways.get((len(data), is_end))
        outcome = ways.find(data) if ways else None
        self._found += outcome is not None
        return outcome

    def keep(self, data: bytes, *, is_end: bool) -> None:
        """Keep the way of a window, where that has been worth it so far."""
        if self._kept < _FIRST_WAYS + self._found // _USES:
            self._kept += 1
            self._of(len(data), is_end).grow(data)

    def _of(self, size: int, is_end: bool) -> Ways[Outcome]:
        def ask(asker: Asker) -> Outcome:
            return self._read(TracedWindow(asker, 0, size, is_end=is_end))

        return self._ways.setdefault((size, is_end), Ways(ask))
