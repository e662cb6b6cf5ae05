"""Files shared among processes; among threads where object storage is read, whose clients do not live through a fork."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
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
    from concurrent.futures import Future, ThreadPoolExecutor

    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > _WINDOW:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
