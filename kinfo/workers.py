"""Work shared among processes, answers in order: for many files, where one interpreter leaves a processor idle.

Every worker has two pipes of its own and no lock: one that is stopped in the middle leaves nothing held (a pool of
multiprocessing can wait for ever for such a one, and one of concurrent.futures gives up all its work). Items are taken as
they are needed, and no more than a window of them is on the way, however many there are. The processes are forked: what the
work has imported is there already, and only the items and the answers are pickled.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Generic, TypeVar

from kinfo.errors import KinfoError
from kinfo.worker_process import WorkerProcess, started

T = TypeVar("T")
R = TypeVar("R")
WINDOW = 1024  # items that are handed out, or answered before their turn
_TRIES = 2  # of an item whose worker was killed: the kernel may have taken it for what another one held
_LARGEST = 64  # items that a worker gets together, where each takes next to no time
_LONG, _SHORT = 0.1, 0.02  # seconds for one such lot: fewer are given, or more
_QUEUED = 4096 - 4  # bytes: what fits into a pipe that nobody reads, on any kernel's limits; more might wait for a reader


class _Lot(Generic[T, R]):
    """Items in a row that one worker gets together, and their answers; or what it was split into after a worker's death."""

    __slots__ = ("answers", "items", "split", "tries")

    def __init__(self, items: list[T], tries: int = 0) -> None:
        self.items, self.tries = items, tries
        self.answers: list[R] | None = None
        self.split: list[_Lot[T, R]] = []

    @property
    def is_done(self) -> bool:
        return self.answers is not None or (bool(self.split) and all(one.answers is not None for one in self.split))

    def pairs(self) -> Iterator[tuple[T, R]]:
        for one in self.split or [self]:
            yield from zip(one.items, one.answers or (), strict=True)


def processors() -> int:
    """How many processes `in_order` starts where nobody says: one for each processor that this one may run on."""
    return len(os.sched_getaffinity(0))


def in_order(
    work: Callable[[T], R],
    items: Iterable[T],
    died: Callable[[T, str], R],
    done: Callable[[], None] = lambda: None,
    *,
    jobs: int | None = None,
    window: int = WINDOW,
) -> Iterator[R]:
    """`work` of every item, in the items' order: the answers alone. See `pairs_in_order`."""
    return (answer for _, answer in pairs_in_order(work, items, died, done, jobs=jobs, window=window))


def pairs_in_order(
    work: Callable[[T], R],
    items: Iterable[T],
    died: Callable[[T, str], R],
    done: Callable[[], None] = lambda: None,
    *,
    jobs: int | None = None,
    window: int = WINDOW,
) -> Iterator[tuple[T, R]]:
    """Every item and `work` of it, in the items' order.

    `died` answers for an item whose process was killed (by the kernel, for memory); it gets the item and how ("signal 9").
    Another worker has tried the item again before. `work` raises nothing. `done` is called in every process that worked, at
    its end. `jobs`: how many processes at most (None: `processors()`); with one, or for a single item, the work is done here
    and none is started. `window`: how many items are taken ahead of the one whose answer is due. Leaving the loop early
    stops what is still running, and waits for its end.
    Raises KinfoError where no process can be started, and what `items` raises.
    """
    count = processors() if jobs is None else jobs
    rest = iter(items)
    first = list(islice(rest, 2))
    if count < 2 or len(first) < 2:
        try:
            yield from ((item, work(item)) for item in chain(first, rest))
        finally:
            done()
        return
    yield from _Pool(work, died, done, count, window).pairs(chain(first, rest))


class _Pool(Generic[T, R]):
    """The workers, and what is on its way."""

    def __init__(
        self, work: Callable[[T], R], died: Callable[[T, str], R], done: Callable[[], None], jobs: int, window: int
    ) -> None:
        self._work, self._died, self._done, self._jobs, self._window = work, died, done, jobs, window
        self._workers: list[WorkerProcess[_Lot[T, R]]] = []
        self._order: deque[_Lot[T, R]] = deque()  # what was taken, as it was taken
        self._again: deque[_Lot[T, R]] = deque()  # what a dead worker had
        self._size = 1
        self._ahead = 1  # lots that a worker has at most: a second one where it would wait while its answers are looked at
        self._alive, self._life = os.pipe()  # the workers see its end when this process ends

    def pairs(self, items: Iterator[T]) -> Iterator[tuple[T, R]]:
        try:
            while self._hand_out(items):
                while self._order and self._order[0].is_done:
                    yield from self._order.popleft().pairs()
                    self._receive(wait=False)
                    self._hand_out(items)
                self._receive(wait=bool(self._order))
            for worker in self._workers:
                worker.finish()
        finally:
            self._stop()

    def _hand_out(self, items: Iterator[T]) -> bool:
        """Give every worker that can take it something to do; whether anything is on the way, or to be handed over."""
        while self._has_room() and (lot := self._next(items)):
            worker = self._free()
            if worker is None or not worker.give(lot, lot.items, most=_QUEUED if worker.lots else None):
                self._again.appendleft(lot)  # no process to be had, or too large to wait in its pipe
                break
        return bool(self._order)

    def _has_room(self) -> bool:
        return len(self._workers) < self._jobs or any(len(one.lots) < self._ahead for one in self._workers)

    def _free(self) -> WorkerProcess[_Lot[T, R]] | None:
        idle = next((one for one in self._workers if not one.lots), None)
        if idle or (len(self._workers) < self._jobs and (idle := self._start())):
            return idle
        return next((one for one in self._workers if len(one.lots) < self._ahead), None)

    def _start(self) -> WorkerProcess[_Lot[T, R]] | None:
        try:
            worker: WorkerProcess[_Lot[T, R]] = started(self._work, self._done, self._alive, [self._life, *self._ends()])
        except OSError as error:
            if not self._workers:
                raise KinfoError(f"no process can be started: {error.strerror}", "work without any: --jobs 1") from error
            self._jobs = len(self._workers)  # those that are there do it
            return None
        self._workers.append(worker)
        return worker

    def _ends(self) -> Iterator[int]:
        for worker in self._workers:
            yield from (worker.inbox, worker.outbox)

    def _next(self, items: Iterator[T]) -> _Lot[T, R] | None:
        if self._again:
            return self._again.popleft()
        room = self._window - sum(len(lot.items) for lot in self._order)
        taken = list(islice(items, max(0, min(self._size, room))))
        if not taken:
            return None
        lot: _Lot[T, R] = _Lot(taken)
        self._order.append(lot)
        return lot

    def _receive(self, *, wait: bool) -> None:
        """Take what workers have answered; with `wait` at least one answer, or the news of a death."""
        from select import poll

        busy = {one.outbox: one for one in self._workers if one.lots}
        if not busy:
            return
        ready = poll()
        for end in busy:
            ready.register(end)
        for end, _ in ready.poll(None if wait else 0):
            worker = busy[end]
            if (answer := worker.received()) is None:
                self._bury(worker)
                continue
            lot = worker.lots.popleft()
            lot.answers = answer.values
            self._ahead = 2 if answer.seconds < _LONG else 1
            if answer.seconds > _LONG:
                self._size = max(1, self._size // 2)
            elif answer.seconds < _SHORT and len(lot.items) == self._size:
                self._size = min(_LARGEST, self._size * 2)

    def _bury(self, worker: WorkerProcess[_Lot[T, R]]) -> None:
        """Hand out again what a dead worker had: what it was at in single items, for only one of them can have killed it."""
        self._workers.remove(worker)
        how = worker.end()
        lots = list(worker.lots)
        worker.lots.clear()
        self._again.extendleft(reversed(lots[1:]))
        for lot in lots[:1]:
            tries = lot.tries + 1
            if len(lot.items) > 1:
                lot.split = [_Lot([item], tries) for item in lot.items]
                self._again.extendleft(reversed(lot.split))
            elif tries < _TRIES:
                lot.tries = tries
                self._again.appendleft(lot)
            else:
                lot.answers = [self._died(item, how) for item in lot.items]

    def _stop(self) -> None:
        for worker in self._workers:
            worker.stop()
        for worker in self._workers:
            worker.end()
        os.close(self._life)
        os.close(self._alive)
