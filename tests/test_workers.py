"""Work shared among processes."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kinfo import worker_process
from kinfo.workers import in_order


@pytest.mark.parametrize("processors", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 7, 200])
def test_answers_come_in_order(processors: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(processors))
    assert list(in_order(lambda item: item * 2, range(count), lambda *_: -1)) == [item * 2 for item in range(count)]


def test_a_killed_worker_answers_for_its_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(2))

    def work(item: int) -> int:
        if item == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    assert list(in_order(work, range(6), lambda item, _: -item)) == [0, 1, -2, 3, 4, 5]


def test_leaving_early_stops_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(2))

    def work(item: int) -> int:
        time.sleep(0 if item < 2 else 86400)
        return os.getpid()

    answers = in_order(work, range(4), lambda *_: 0)
    pids = [next(answers), next(answers)]
    answers.close()  # type: ignore[attr-defined]
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """And by way of `done`: what they started is theirs to end."""
    code = f"""
import os, time
from kinfo import worker_process
from kinfo.workers import in_order
os.sched_getaffinity = lambda _: range(2)
folder = {str(tmp_path)!r}
def work(item):
    open(f"{{folder}}/began{{item}}", "w").write(str(os.getpid()))
    time.sleep(86400)
list(in_order(work, range(2), lambda *_: 0, lambda: open(f"{{folder}}/done{{os.getpid()}}", "w").close()))
"""
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        while len([one for one in tmp_path.glob("began*") if one.read_text()]) < 2:
            time.sleep(0.02)
        parent.kill()
    pids = {one.read_text() for one in tmp_path.glob("began*")}
    while {one.name for one in tmp_path.glob("done*")} != {f"done{pid}" for pid in pids}:
        time.sleep(0.02)


def test_a_worker_answers_what_it_is_given() -> None:
    """What a worker does, without a process of its own."""
    given, gives = os.pipe()
    answers, answer = os.pipe()
    worker_process._write(gives, pickle.dumps([1, 2]))
    worker_process._write(gives, pickle.dumps([3]))
    os.close(gives)
    worker_process._serve(lambda item: item * 2, given, answer)
    os.close(answer)
    found = []
    while (data := worker_process._read(answers)) is not None:
        found.append(pickle.loads(data)[0])
    assert found == [[2, 4], [6]]
    os.close(given)
    os.close(answers)


def test_half_a_message_is_none() -> None:
    here, there = os.pipe()
    os.write(there, b"\x10\0\0\0half")
    os.close(there)
    assert worker_process._read(here) is None
    os.close(here)


def test_a_bug_in_the_work_is_said_and_answered_for(capfd: pytest.CaptureFixture[str]) -> None:
    def work(item: int) -> int:
        return 1 // item

    assert list(in_order(work, [1, 0, 1], lambda item, how: (item, how), jobs=2)) == [1, (0, "exit code 1"), 1]
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_a_worker_that_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(worker_process, "_PATIENCE", 3)

    def work(item: int) -> int:
        if item:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            (tmp_path / "deaf").write_text(str(os.getpid()))
            time.sleep(86400)
        while not (tmp_path / "deaf").exists():
            time.sleep(0.01)
        return item

    answers = in_order(work, range(3), lambda *_: 0, jobs=2)
    assert next(answers) == 0
    answers.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "deaf").read_text()), 0)


def test_a_child_that_somebody_else_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: int) -> tuple[int, int]:
        raise ChildProcessError

    one = worker_process.WorkerProcess[int](2**22, *os.pipe())
    monkeypatch.setattr(os, "waitpid", gone)
    assert one.end() == "its end is not known"
    one.stop()
    assert one.end() == ""
