"""What crashed: the first lines of `kinfo info`, and the same as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kinfo.kernel.printk.crash import Crash, Event
from kinfo.kernel.printk.message import seconds
from kinfo.kernel.printk.taint import MEANING, Taint
from kinfo.kernel.printk.triage import Triage
from kinfo.printable import printable
from kinfo.report.columns import Row, row

_FRAMES = 8
ROOM = 16  # letters of a row's name, on all of the screen


def lines(triage: Triage) -> Iterator[Row]:
    """The screen's lines."""
    if triage.log is None or triage.crash is None:
        yield _row("not known", f"the log cannot be read: {triage.no_log}")
    else:
        yield from _crash(triage.crash, len(triage.log.messages))
    yield from _taint(triage)
    for name, event in triage.machine.items():
        yield _row(name, event.text)
    if triage.log is not None:
        yield from _log(triage)


def _row(name: str, value: str) -> Row:
    return row(name, printable(value))


def _rows(name: str, values: Iterable[str]) -> Iterator[Row]:
    """A row for each value, the name in front of the first."""
    for number, value in enumerate(values):
        yield _row(name if not number else "", value)


def _at(event: Event) -> str:
    return f"{event.text}  [{seconds(event.ns)} s]"


def _crash(crash: Crash, count: int) -> Iterator[Row]:
    if not crash.happened:
        yield _row("none", f"no panic and no oops among the log's {count} messages")
    yield from _rows("panic", map(_at, (crash.panic,) if crash.panic else ()))
    yield from _rows("oops", map(_at, crash.oops))
    yield from _where(crash)
    yield from _rows("also" if crash.happened else "trouble", _cut([*map(_at, crash.trouble)], crash.of_all, "such lines"))


def _where(crash: Crash) -> Iterator[Row]:
    if crash.cpu is not None:
        yield _row("CPU", f"{crash.cpu}")
        yield _row("task", f"{crash.comm}, PID {crash.pid}{'' if crash.uid is None else f', UID {crash.uid}'}")
    for name, value in (("PC", crash.pc), ("LR", crash.lr)):
        if value:
            yield _row(name, value)
    yield from _rows("trace", _cut(crash.trace[:_FRAMES], len(crash.trace), "frames"))
    if crash.hardware:
        yield _row("hardware", crash.hardware)


def _cut(shown: Sequence[str], of_all: int, what: str) -> Sequence[str]:
    """What is shown, and how much is not."""
    return [*shown, f"and {of_all - len(shown)} more {what} (kinfo dmesg)"] if of_all > len(shown) else shown


def _taint(triage: Triage) -> Iterator[Row]:
    if triage.taint is None:
        return
    found = triage.taint
    if not found.letters:
        yield _row("taint", f"none, by {found.source}")
    by = f", by {found.source}"
    yield from _rows("taint", [f"{one}: {MEANING.get(one, 'a flag that is not known')}{by}" for one in found.letters])


def _log(triage: Triage) -> Iterator[Row]:
    log = triage.log
    assert log is not None
    first, last = log.messages[0], log.messages[-1]
    when = f"{seconds(first.ns)} to {seconds(last.ns)} s"
    lost = f"; {log.count_lost} more cannot be shown" if log.count_lost else ""
    crash = triage.crash
    of = f"; the lines on the crash are {crash.first} to {crash.last}" if crash and crash.happened else ""
    yield _row("log", f"messages {first.seq} to {last.seq}, {when}, by {log.source}{of}{lost}")


def document(triage: Triage) -> dict[str, object]:
    """The same as plain data."""
    crash, log = triage.crash, triage.log
    return {
        "crash": _crash_of(crash) if crash and crash.happened else None,
        "trouble": [_event(event) for event in crash.trouble] if crash else [],
        "taint": None if triage.taint is None else _letters(triage.taint),
        "machine": {name.replace(" ", "_"): event.text for name, event in triage.machine.items()},
        "log": None if log is None else {"messages": len(log.messages), "source": log.source, "lost": dict(log.lost)},
        "log_unknown": triage.no_log or None,
    }


def _letters(taint: Taint) -> dict[str, object]:
    return {"letters": taint.letters, "meaning": [MEANING.get(one) for one in taint.letters], "source": taint.source}


def _event(event: Event | None) -> dict[str, object] | None:
    return event and {"text": event.text, "seq": event.seq, "time_ns": event.ns}


def _crash_of(crash: Crash) -> dict[str, object]:
    return {
        "panic": _event(crash.panic),
        "oops": [_event(event) for event in crash.oops],
        "cpu": crash.cpu,
        "task": None if crash.pid is None else {"comm": crash.comm, "pid": crash.pid, "uid": crash.uid},
        "pc": crash.pc or None,
        "lr": crash.lr or None,
        "trace": list(crash.trace),
        "hardware": crash.hardware or None,
        "messages": [crash.first, crash.last],
    }
