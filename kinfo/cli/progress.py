"""A progress bar over a big dump, on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from kinfo.memory import Dump

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
