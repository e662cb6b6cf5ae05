"""Files shared among processes; among threads where object storage is read, whose clients do not live through a fork."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from kinfo import workers

T = TypeVar("T")
R = TypeVar("R")
_AT_ONCE = 256  # chunks that are handed out together: memory does not grow with the number of files
_THREADS = 16  # that wait for the network


def shared(
    work: Callable[[list[T]], R], chunks: Iterable[list[T]], died: Callable[[list[T]], R], is_remote: bool
) -> Iterator[R]:
    """`work` of every chunk, in order.

    One whose process was killed is tried again thing by thing; `died` answers for those that kill it again.
    """
    chunks = iter(chunks)
    while window := list(islice(chunks, _AT_ONCE)):
        if is_remote:
            yield from _threads(work, window)
            continue
        for chunk, answer in zip(window, workers.in_order(work, window, lambda _: None), strict=True):
            if answer is None:
                yield from workers.in_order(work, [[one] for one in chunk], died)
            else:
                yield answer


def _threads(work: Callable[[T], R], items: list[T]) -> Iterator[R]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_THREADS) as pool:
        yield from pool.map(work, items)
