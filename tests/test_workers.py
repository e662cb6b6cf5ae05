"""Work shared among processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

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


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """And by way of `done`: what they started is theirs to end."""
    code = f"""
import os, time
from kinfo.workers import in_order
os.sched_getaffinity = lambda _: range(2)
folder = {str(tmp_path)!r}
def work(item):
    open(f"{{folder}}/began{{item}}", "w").write(str(os.getpid()))
    time.sleep(86400)
list(in_order(work, range(2), lambda _: 0, lambda: open(f"{{folder}}/done{{os.getpid()}}", "w").close()))
"""
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        while len([one for one in tmp_path.glob("began*") if one.read_text()]) < 2:
            time.sleep(0.02)
        parent.kill()
    pids = {one.read_text() for one in tmp_path.glob("began*")}
    while {one.name for one in tmp_path.glob("done*")} != {f"done{pid}" for pid in pids}:
        time.sleep(0.02)
