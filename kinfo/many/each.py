"""One function over many things: a result for each, in order, on every processor, whatever becomes of one of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from signal import SIGBUS
from typing import Generic, NamedTuple, TypeVar

from kinfo import notices
from kinfo.errors import KinfoError
from kinfo.many.named import Named
from kinfo.printable import printable
from kinfo.workers import WINDOW, pairs_in_order

T = TypeVar("T")
R = TypeVar("R")


class Result(NamedTuple, Generic[R]):
    """What became of one: `value` of the function, or None and the `problem`: one line with its name and what to do.

    `notes`: what was told meanwhile (`notices`), line by line.
    """

    value: R | None = None
    problem: str = ""
    notes: tuple[str, ...] = ()


class _Heard:
    """Keeps what is told; progress within one of many is nobody's."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def told(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, label: str, done: int, total: int) -> None:
        del label, done, total


def each(
    work: Callable[[T], R],
    items: Iterable[T],
    *,
    jobs: int | None = None,
    done: Callable[[], None] = lambda: None,
    window: int = WINDOW,
) -> Iterator[tuple[T, Result[R]]]:
    """`work` of every item: the item and its result, in the items' order, as they come.

    `items` may be endless: they are taken as needed, `window` of them ahead at most, and so many results are held. Items
    and what `work` returns are pickled (small ones are quick); `work` itself is not, and may hold anything. For `Named`
    items that have a problem, that is the result. A KinfoError or an error of the system is the item's problem; so is a
    bug, with its place, and the death of the process that worked on it (out of memory, kill -9), once another one has
    tried the item again.

    `jobs`: processes at most; None: one a processor. With 1, and for a single item, the work is done in this process, as
    it would be without `each`. Processes are forked: a program with threads takes 1. `done` is called at the end of every
    process that worked. Leaving the loop early (Ctrl-C) ends the processes.
    Raises KinfoError where no process can be started, and what `items` raises.
    """
    return pairs_in_order(partial(_answered, work), items, _died, done, jobs=jobs, window=window)


def _answered(work: Callable[[T], R], item: T) -> Result[R]:
    """In a worker."""
    if isinstance(item, Named) and item.problem:
        return Result(None, item.problem)
    heard = _Heard()
    with notices.heard_by(heard):
        try:
            return Result(work(item), "", tuple(heard.lines))
        except Exception as error:  # noqa: BLE001  # one bad file never stops the rest
            return Result(None, printable(in_words(name_of(item), error)), tuple(heard.lines))


def _died(item: T, how: str) -> Result[R]:
    return Result(None, printable(f"{name_of(item)}: {killed_words(how)}, or fewer at once: --jobs 1"))


def killed_words(how: str) -> str:
    """What became of something whose process was killed, and what to do: take it alone."""
    if how == f"signal {int(SIGBUS)}":
        why = "was it cut while it was read, or does its disk fail? take it when it is whole"
    else:
        why = "is memory short? take it alone"
    return f"the process that read it was killed ({how}), twice; {why}"


def name_of(item: object) -> str:
    """What an item is called in a line for people."""
    if isinstance(item, Named):
        return item.path
    return os.fsdecode(item) if isinstance(item, (str, bytes, os.PathLike)) else str(item)


def in_words(name: str, error: Exception) -> str:
    """One line on an error: what it is about, and what to do."""
    if isinstance(error, KinfoError):
        return str(error)
    if isinstance(error, OSError):
        about = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else name
        return f"{about}: {error.strerror or error}; check the path and its permissions"
    if isinstance(error, MemoryError):
        return f"{name}: out of memory; it may be damaged, else use a machine with more memory"
    return f"{name}: {internal(error)}; please report it with what KINFO_DEBUG=1 adds for this file alone"


def internal(error: Exception) -> str:
    """A bug in a line: its place and what it says."""
    from traceback import extract_tb

    frames = extract_tb(error.__traceback__)
    where = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    words = " ".join(str(error).split())[:200]
    return f"internal error{where}: {type(error).__name__}{f': {words}' if words else ''}"
