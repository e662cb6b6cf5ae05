"""How far a survey is, on a terminal: files and rows, in one line that goes away."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

_EVERY = 0.2  # seconds


class Bar:
    """A line on standard error, where that is a terminal; how many files there are is not known before they were listed."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr is not None and sys.stderr.isatty()
        self._last = time.monotonic()

    def move(self, files: int, rows: int) -> None:
        """Say how far it is."""
        if self._is_shown and time.monotonic() - self._last > _EVERY:
            self._last = time.monotonic()
            sys.stderr.write(f"\r\033[K{files:,} files, {rows:,} rows")
            sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._is_shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
