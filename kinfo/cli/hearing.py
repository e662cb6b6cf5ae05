"""What the library says while it works, on standard error: a line, and on a terminal a bar for what takes long."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from kinfo import notices
from kinfo.cli.caches import cache_folder
from kinfo.cli.declare import Parameter
from kinfo.cli.words import say

_BIG = 16 << 20  # bytes: what is smaller is done before a bar could be seen
_BAR = 30  # letters
_MOST_KEPT = 1000  # lines that are known to have been said


class Terminal:
    """Says lines; draws the bar where a person is watching."""

    def __init__(self) -> None:
        self._shown = -1
        self._told: set[str] = set()

    def told(self, text: str) -> None:
        """See notices.Listener. Once: a file that is opened twice is cut off no more than once."""
        if text in self._told:
            return
        if len(self._told) == _MOST_KEPT:
            self._told.clear()
        self._told.add(text)
        say(text)

    def progress(self, label: str, done: int, total: int) -> None:
        """See notices.Listener."""
        if total < _BIG or sys.stderr is None or not sys.stderr.isatty():
            return
        if done == total:
            sys.stderr.write("\r\x1b[K")
            self._shown = -1
        elif (percent := done * 100 // total) != self._shown:
            self._shown = percent
            sys.stderr.write(f"\r{label}  [{'#' * (percent * _BAR // 100):<{_BAR}}] {percent:3}%")
        sys.stderr.flush()


@contextmanager
def _heard(is_off: bool) -> Iterator[None]:
    """What is said is heard, and what is unpacked is kept unless that `is_off`."""
    from kinfo.sources import cache

    with notices.heard_by(Terminal()):
        if is_off:
            yield
            return
        with cache.keeping(cache.Cache(cache_folder("unpacked"))):
            yield


# --no-cache, for every command that opens what a user names; what is said meanwhile is heard from then on.
OPTION = Parameter(
    "no_cache", ("--no-cache",), is_flag=True, help="Keep nothing that is unpacked for the next command.", effect=_heard
)
