"""Events in Chrome's JSON trace format, which ui.perfetto.dev and chrome://tracing open.

Tasks on a CPU (sched_switch) and interrupts are slices on the CPU's tracks, system calls slices on the task's; every other
event is an instant on its task's track. Times are microseconds with three places.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from kinfo.trace_events.decode import Events, Raw, fields
from kinfo.trace_events.formats import EventFormat

_CPUS, _IRQS = 1 << 24, (1 << 24) + 1  # processes that no task can be: PID_MAX_LIMIT is 1 << 22
_BEGIN = {"irq_handler_entry": "irq", "softirq_entry": "softirq"}
_END = {"irq_handler_exit": "irq", "softirq_exit": "softirq"}

Item = dict[str, Any]


def chrome(records: Iterable[Raw], events: Events) -> Iterator[str]:
    """The file, piece by piece."""
    lead = '{"displayTimeUnit":"ns","traceEvents":[\n'
    for item in _items(records, events):
        yield lead + json.dumps(item, ensure_ascii=True, separators=(",", ":"))
        lead = ",\n"
    yield ("" if lead.startswith(",") else lead) + "\n]}\n"


def _items(records: Iterable[Raw], events: Events) -> Iterator[Item]:
    tracks = _Tracks(events)
    last = 0
    for stamp, cpu, _, head, pid, raw in records:
        last = stamp
        number = head & 0xFFFF
        task = pid - (1 << 32) if pid >> 31 else pid
        format_ = events.formats.get(number)
        _, text = events.text(number, raw)
        yield from tracks.event(stamp, cpu, task, format_, raw, text)
    yield from tracks.end(last)


class _Tracks:
    """What is open on which track."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._running: dict[int, tuple[int, str, int]] = {}  # by CPU: since when, name, pid
        self._open: dict[tuple[int, int], list[str]] = {}  # by track: what began there
        self._named: set[tuple[int, int]] = set()

    def event(self, stamp: int, cpu: int, task: int, format_: EventFormat | None, raw: bytes, text: str) -> Iterator[Item]:
        """The items of one event."""
        name = format_.name if format_ else "event"
        values = fields(format_, raw) if format_ else {}
        if name == "sched_switch":
            yield from self._switched(stamp, cpu, values)
        elif name in _BEGIN or name in _END:
            yield from self._irq(stamp, cpu, name, values, text)
        elif name.startswith(("sys_enter_", "sys_exit_")):
            yield from self._syscall(stamp, task, name, text)
        else:
            yield from self._name(task, task, self._events.comm(task))
            args = {"text": text, "cpu": cpu}
            yield {"ph": "i", "s": "t", "name": name, "ts": _us(stamp), "pid": task, "tid": task, "args": args}

    def _name(self, pid: int, tid: int, name: str) -> Iterator[Item]:
        if (pid, tid) in self._named:
            return
        if pid in (_CPUS, _IRQS) and not any(known == pid for known, _ in self._named):
            yield {"ph": "M", "name": "process_name", "pid": pid, "args": {"name": "CPUs" if pid == _CPUS else "interrupts"}}
        self._named.add((pid, tid))
        yield {"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": name}}

    def _switched(self, stamp: int, cpu: int, values: dict[str, Any]) -> Iterator[Item]:
        yield from self._name(_CPUS, cpu, f"CPU {cpu}")
        if since := self._running.pop(cpu, None):
            yield self._slice(cpu, stamp, since)
        pid, comm = values.get("next_pid"), values.get("next_comm")
        if pid:
            self._running[cpu] = (stamp, f"{comm}-{pid}", pid)

    @staticmethod
    def _slice(cpu: int, stamp: int, since: tuple[int, str, int]) -> Item:
        start, name, pid = since
        length = max(stamp - start, 0)
        times = {"ts": _us(start), "dur": _us(length)}
        return {"ph": "X", "name": name, **times, "pid": _CPUS, "tid": cpu, "args": {"pid": pid}}

    def _irq(self, stamp: int, cpu: int, name: str, values: dict[str, Any], text: str) -> Iterator[Item]:
        kind = _BEGIN.get(name) or _END[name]
        what = f"{kind} {values.get('irq', values.get('vec', ''))}"
        yield from self._name(_IRQS, cpu, f"CPU {cpu}")
        yield from self._edge(stamp, (_IRQS, cpu), what, text, begins=name in _BEGIN)

    def _syscall(self, stamp: int, task: int, name: str, text: str) -> Iterator[Item]:
        yield from self._name(task, task, self._events.comm(task))
        what = name.partition("_")[2].partition("_")[2]
        yield from self._edge(stamp, (task, task), what, text, begins=name.startswith("sys_enter_"))

    def _edge(self, stamp: int, track: tuple[int, int], what: str, text: str, *, begins: bool) -> Iterator[Item]:
        """A slice's begin, or its end where its begin is known: what began before the trace has none."""
        held = self._open.setdefault(track, [])
        pid, tid = track
        while what in held:  # and where it begins once more, its end was lost
            last = held.pop()
            yield {"ph": "E", "name": last, "ts": _us(stamp), "pid": pid, "tid": tid}
            if last == what:
                break
        if begins:
            held.append(what)
            yield {"ph": "B", "name": what, "ts": _us(stamp), "pid": pid, "tid": tid, "args": {"text": text}}

    def end(self, stamp: int) -> Iterator[Item]:
        """What is still open when the trace ends."""
        for cpu, since in self._running.items():
            yield self._slice(cpu, stamp, since)
        for (pid, tid), held in self._open.items():
            for what in held[::-1]:
                yield {"ph": "E", "name": what, "ts": _us(stamp), "pid": pid, "tid": tid}


def _us(stamp: int) -> float:
    return stamp / 1000
