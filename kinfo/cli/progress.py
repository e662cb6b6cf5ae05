"""A progress bar over a big dump, the count of many files: on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Self, TypeVar

from kinfo.memory import Dump

T = TypeVar("T")

_BAR = 30  # letters
_CLEAR = "\r\x1b[K"
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


class FilesProgress:
    """How far many files are, on a terminal's last line: cleared while something is written, gone at the end.

    `total`: how many there are, where that is known before they were gone through.
    """

    def __init__(self, doing: str, total: int | None) -> None:
        self._doing, self._total = doing, total
        self._is_watched = sys.stderr is not None and sys.stderr.isatty()

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

    def _write(self, text: str) -> None:
        if self._is_watched:
            sys.stderr.write(text)
            sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._write(_CLEAR)
