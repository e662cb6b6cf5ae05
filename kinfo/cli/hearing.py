"""What the library says while it works, on standard error: a line, and on a terminal a bar for what takes long."""

from __future__ import annotations

import sys

import click

from kinfo import notices
from kinfo.cli.caches import cache_folder
from kinfo.cli.words import say

_BIG = 16 << 20  # bytes: what is smaller is done before a bar could be seen
_BAR = 30  # letters


class Terminal:
    """Says lines; draws the bar where a person is watching."""

    def __init__(self) -> None:
        self._shown = -1

    def told(self, text: str) -> None:
        """See notices.Listener."""
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


def option() -> click.Option:
    """--no-cache, for every command that opens what a user names; what is said meanwhile is heard from then on."""
    return click.Option(
        ["--no-cache"],
        is_flag=True,
        expose_value=False,
        callback=_begin,
        help="Keep nothing that is unpacked for the next command.",
    )


def _begin(context: click.Context, _: click.Parameter, is_off: bool) -> None:  # click's signature
    from kinfo.sources import cache

    context.with_resource(notices.heard_by(Terminal()))
    if not is_off and not context.resilient_parsing:
        context.with_resource(cache.keeping(cache.Cache(cache_folder("unpacked"))))
