"""A progress bar over a big dump, the count of many files: on a terminal only."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator

from kinfo.memory import Dump
from kinfo.typed import Self, TypeVar

T = TypeVar("T")

_BAR = 30  # letters
_CLEAR = "\r\x1b[K"
_EVERY = 0.2  # seconds between two lines of a survey
_BIG = 256 << 20  # smaller dumps are done before a bar could be seen


class ProgressDump(Dump):
    """A dump that moves a progress bar as its windows go by."""

    def __init__(self, dump: Dump) -> None:
        self.name, self.size, self.held, self.base = dump.name, dump.size, dump.held, dump.base
        self._dump = dump

    def read(self, offset: int, size: int) -> bytes:
        """See Dump."""
        return self._dump.read(offset, size)

    def view(self, offset: int, size: int) -> memoryview:
        """See Dump."""
        return self._dump.view(offset, size)

    def windows(self, start: int = 0, end: int | None = None) -> Iterator[tuple[int, memoryview]]:
        """See Dump."""
        import click

        with click.progressbar(length=self.size, label="scanning", file=sys.stderr) as bar:
            done = 0
            for offset, window in self._dump.windows(start, end):
                bar.update(offset - done)
                done = offset
                yield offset, window

    def close(self) -> None:
        """See Dump."""
        self._dump.close()


def with_progress(dump: Dump) -> Dump:
    """The dump, with a progress bar where a person is watching and there is time to watch."""
    return ProgressDump(dump) if sys.stderr.isatty() and dump.size >= _BIG else dump


class LastLine:
    """A terminal's last line, on standard error: gone at the end, and not there where nobody watches."""

    def __init__(self) -> None:
        self._is_watched = sys.stderr is not None and sys.stderr.isatty()

    def _write(self, text: str) -> None:
        if self._is_watched:
            sys.stderr.write(text)
            sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._write(_CLEAR)


class FilesProgress(LastLine):
    """How far many files are: cleared while something is written.

    `total`: how many there are, where that is known before they were gone through.
    """

    def __init__(self, doing: str, total: int | None) -> None:
        super().__init__()
        self._doing, self._total = doing, total

    def counted(self, results: Iterable[T]) -> Iterator[T]:
        """The same results; while the next one is awaited, it is shown how many came."""
        self._write(self._line(0))
        for count, one in enumerate(results, 1):
            self._write(_CLEAR)
            yield one
            self._write(self._line(count))

    def _line(self, count: int) -> str:
        if not self._total:
            return f"\r{self._doing}  {count} {'file' if count == 1 else 'files'} done"
        return f"\r{self._doing}  [{'#' * (count * _BAR // self._total):<{_BAR}}] {count} of {self._total} files"


class SurveyProgress(LastLine):
    """How far a survey is; how many files there are is not known before they were listed."""

    def __init__(self) -> None:
        super().__init__()
        self._last = time.monotonic()

    def move(self, files: int, rows: int) -> None:
        """Say how far it is."""
        if self._is_watched and time.monotonic() - self._last > _EVERY:
            self._last = time.monotonic()
            self._write(f"{_CLEAR}{files:,} files, {rows:,} rows")
