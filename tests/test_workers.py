"""Work shared among processes."""

from __future__ import annotations

import os
import signal
import time

import pytest

from kinfo.workers import in_order


@pytest.mark.parametrize("processors", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 7, 200])
def test_answers_come_in_order(processors: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(processors))
    assert list(in_order(lambda item: item * 2, range(count), lambda _: -1)) == [item * 2 for item in range(count)]


def test_a_killed_worker_answers_for_its_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(2))

    def work(item: int) -> int:
        if item == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    assert list(in_order(work, range(6), lambda item: -item)) == [0, 1, -2, 3, -4, 5]


def test_leaving_early_stops_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(2))

    def work(item: int) -> int:
        time.sleep(0 if item < 2 else 86400)
        return os.getpid()

    answers = in_order(work, range(4), lambda _: 0)
    pids = [next(answers), next(answers)]
    answers.close()  # type: ignore[attr-defined]
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
