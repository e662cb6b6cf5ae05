"""Files shared among processes; among threads where object storage is read, whose clients do not live through a fork."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from kinfo import workers

T = TypeVar("T")
R = TypeVar("R")
_WINDOW = 32  # chunks on the way
_THREADS = 16  # that wait for the network


def shared(
    work: Callable[[list[T]], R], chunks: Iterable[list[T]], died: Callable[[list[T], str], R], *, is_remote: bool
) -> Iterator[R]:
    """`work` of every chunk, in order.

    One whose process was killed twice is tried again thing by thing; `died` answers for those that kill it again.
    """
    if is_remote:
        yield from _threads(work, chunks)
        return

    def again(chunk: list[T], how: str) -> R | None:
        return died(chunk, how) if len(chunk) == 1 else None

    def answered(chunk: list[T]) -> R | None:
        return work(chunk)

    for chunk, answer in workers.pairs_in_order(answered, chunks, again, window=_WINDOW):
        if answer is None:
            yield from workers.in_order(work, [[one] for one in chunk], died)
        else:
            yield answer


def _threads(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Not by a ThreadPoolExecutor: its threads are waited for, and one may wait for minutes for a server that is silent."""
    tasks: SimpleQueue[tuple[T, Future[R]] | None] = SimpleQueue()
    for _ in range(_THREADS):
        Thread(target=_serve, args=(work, tasks), daemon=True).start()
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(Future())
            tasks.put((item, waiting[-1]))
            if len(waiting) > _WINDOW:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        while not tasks.empty():  # left early
            with contextlib.suppress(Empty):
                tasks.get_nowait()
        for _ in range(_THREADS):
            tasks.put(None)


def _serve(work: Callable[[T], R], tasks: SimpleQueue[tuple[T, Future[R]] | None]) -> None:
    while task := tasks.get():
        item, answer = task
        try:
            answer.set_result(work(item))
        except BaseException as error:  # noqa: BLE001  # it is for whoever waits for the answer
            answer.set_exception(error)
