"""Work shared among processes, answers in order: for batches of files, where one interpreter leaves a processor idle.

Every worker has a pipe of its own and no lock: one that is stopped in the middle leaves nothing held (a pool of
multiprocessing can wait for ever for such a one).
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess

T = TypeVar("T")
R = TypeVar("R")
_AT_ONCE = 16  # answers that a worker sends together, where there are many


class _Worker(NamedTuple):
    """A process that does every n-th item, and the pipe on which it answers."""

    process: ForkProcess
    answers: Connection


def in_order(
    work: Callable[[T], R], items: Sequence[T], died: Callable[[T], R], done: Callable[[], None] = lambda: None
) -> Iterator[R]:
    """`work` of every item, in order. `died` answers for an item whose process was killed (by the kernel, for memory).

    `done` is called in every process that worked, at its end. Leaving the loop early stops what is still running.
    """
    count = min(len(os.sched_getaffinity(0)), len(items))
    if count < 2:
        try:
            yield from map(work, items)
        finally:
            done()
        return
    size = max(1, min(_AT_ONCE, len(items) // (4 * count)))
    parts = [items[at : at + size] for at in range(0, len(items), size)]
    workers: list[_Worker] = []
    try:
        for number in range(count):
            workers.append(_started(work, parts[number::count], done))  # noqa: PERF401  # those before an error are stopped
        for number, part in enumerate(parts):
            yield from _received(workers[number % count], part, died)
        for worker in workers:
            worker.process.join()
    finally:
        for worker in workers:
            worker.process.terminate()
            worker.process.join()


def _started(work: Callable[[T], R], parts: Sequence[Sequence[T]], done: Callable[[], None]) -> _Worker:
    from multiprocessing import get_context

    context = get_context("fork")
    answers, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(work, parts, sender, done), daemon=True)
    process.start()
    sender.close()
    return _Worker(process, answers)


def _received(worker: _Worker, part: Sequence[T], died: Callable[[T], R]) -> Sequence[R]:
    try:
        answers: Sequence[R] = worker.answers.recv()
    except EOFError:
        return [died(item) for item in part]
    return answers


def _work(work: Callable[[Any], Any], parts: Sequence[Sequence[Any]], answers: Connection, done: Callable[[], None]) -> None:
    """In a worker. Ctrl-C is the parent's to handle; told to stop, it leaves by way of every `with`; so without a parent."""
    from threading import Thread

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    Thread(target=_mourn, daemon=True).start()
    try:
        with contextlib.suppress(BrokenPipeError):  # the parent is gone
            for part in parts:
                answers.send([work(item) for item in part])
    finally:
        done()


def _mourn() -> None:
    """Wait for the parent's end, however it comes, and stop then: its answers have nobody to read them."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


def _leave(signum: int, frame: object) -> None:
    del signum, frame
    raise SystemExit(1)
