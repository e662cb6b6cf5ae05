"""Names of tasks out of the trace itself: events that have a pid and the name that belongs to it."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from kinfo.trace_events.decode import Events, Raw
from kinfo.trace_events.formats import EventFormat
from kinfo.trace_events.values import text_of

# Name and pid, of the events of include/trace/events/sched.h and task.h.
_PAIRS = (
    ("prev_comm", "prev_pid"),
    ("next_comm", "next_pid"),
    ("comm", "pid"),
    ("child_comm", "child_pid"),
    ("newcomm", "pid"),
)
_SYSTEMS = ("sched", "task")
_NOT = ("sched_process_fork", "task_newtask")  # the child has its parent's name there, and gets its own later
_MOST = 1 << 20
_Readers = list[tuple[int, struct.Struct, bool]]  # least bytes, both at once, whether the pid comes first


def learned(records: Iterable[Raw], events: Events) -> dict[int, str]:
    """The last name of every task that the events tell, as the kernel keeps them too (saved_cmdlines)."""
    readers: dict[int, _Readers] = {}
    names: dict[int, bytes] = {}
    for _, _, _, head, _, raw in records:
        number = head & 0xFFFF
        if number not in readers:
            format_ = events.formats.get(number)
            readers[number] = _readers(format_) if format_ and format_.system in _SYSTEMS else []
        for least, reader, is_pid_first in readers[number]:
            if len(raw) >= least and len(names) < _MOST:
                one, other = reader.unpack_from(raw)
                if is_pid_first:
                    names[one] = other
                else:
                    names[other] = one
    return {pid: text_of(name) for pid, name in names.items() if pid and name.strip(b"\0")}


def _readers(format_: EventFormat) -> _Readers:
    found = []
    for name, pid in _PAIRS if format_.name not in _NOT else _PAIRS[2:3]:
        comm, number = format_.field(name), format_.field(pid)
        if not (comm and number and comm.is_text and comm.elements and number.size == 4):
            continue
        first, last = sorted((comm, number), key=lambda field: field.offset)
        gap = last.offset - first.offset - first.size
        if gap >= 0:
            codes = {comm.name: f"{comm.size}s", number.name: "i"}
            shape = f"<{first.offset}x{codes[first.name]}{gap}x{codes[last.name]}"
            found.append((last.offset + last.size, struct.Struct(shape), first is number))
    return found
