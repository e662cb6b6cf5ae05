"""Events as the kernel's own trace file has them: trace_print_context() and trace_print_lat_fmt() of trace_output.c."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from kinfo.printable import printable
from kinfo.trace_events.decode import Events, Raw
from kinfo.trace_events.formats import COMMON

_NEED = {0x04: "n", 0x20: "p", 0x24: "N", 0x02: "l", 0x06: "b", 0x22: "L", 0x26: "B"}  # 0x02, lazy: 6.13 and later
_IRQ = {0x08: "h", 0x10: "s", 0x18: "H", 0x40: "z", 0x50: "z", 0x48: "Z", 0x58: "Z"}
_IRQS_OFF = {0x01: "d", 0x80: "b", 0x81: "D"}
_REMEMBERED = 1 << 13
HEAD = """# tracer: nop
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
"""


@lru_cache(maxsize=1 << 12)
def flags(number: int) -> str:
    """The five letters of flags (low byte) and preemption count: interrupts, rescheduling, context, preemption, migration."""
    bits, depth, migrate = number & 0xFF, number >> 8 & 0xF, number >> 12
    letters = _IRQS_OFF.get(bits & 0x81, ".") + _NEED.get(bits & 0x26, ".") + _IRQ.get(bits & 0x58, ".")
    return letters + _hex(depth) + _hex(migrate)


def _hex(number: int) -> str:
    return f"{number:x}" if number else "."


def time(stamp: int, *, in_ns: bool) -> str:
    """A time as the kernel shows it: ns rounded to microseconds; other clocks as they count."""
    if not in_ns:
        return f"{stamp:12}"
    seconds, micros = divmod((stamp + 500) // 1000, 1_000_000)
    return f"{seconds:5}.{micros:06}"


def lost(cpu: int, count: int) -> str:
    """The line for events that were lost."""
    return f"CPU:{cpu} [LOST{f' {count}' if count > 0 else ''} EVENTS]\n"


def lines(records: Iterable[Raw], events: Events, *, in_ns: bool = True) -> Iterator[str]:
    """A line (or several, for stack traces) for every record, in their order; as it can be shown anywhere."""
    tasks: dict[tuple[int, int, int], str] = {}
    tails: dict[int, dict[bytes, str]] = {}
    for stamp, cpu, missed, head, pid, raw in records:
        if missed:
            yield lost(cpu, missed)
        front = tasks.get((pid, cpu, head >> 16)) or _front(tasks, events, pid, cpu, head >> 16)
        number = head & 0xFFFF
        known = tails.get(number)
        if known is None:
            known = tails[number] = {}
        tail = known.get(raw[COMMON:])
        if tail is None:
            tail = _tail(known, events, number, raw)
        if in_ns:
            micros = (stamp + 500) // 1000
            yield f"{front}{micros // 1_000_000:5}.{micros % 1_000_000:06}: {tail}"
        else:
            yield f"{front}{stamp:12}: {tail}"


def _front(tasks: dict[tuple[int, int, int], str], events: Events, pid: int, cpu: int, bits: int) -> str:
    """What stands in front of the time: task, CPU, flags."""
    if len(tasks) > _REMEMBERED:
        tasks.clear()
    task = pid - (1 << 32) if pid >> 31 else pid
    front = tasks[pid, cpu, bits] = f"{printable(events.comm(task)):>16}-{task:<7} [{cpu:03}] {flags(bits)} "
    return front


def _tail(known: dict[bytes, str], events: Events, number: int, raw: bytes) -> str:
    """What stands behind the time: name and text. It is remembered, where nothing of the record has to be counted."""
    name, said = events.text(number, raw)
    name = printable(name)
    if not said.isprintable():  # user space wrote it (trace_marker), or it is a stack trace of several lines
        said = "\n".join(map(printable, said.split("\n")))
    tail = f"{name}: {said}\n" if name else f"{said}\n"
    if number in events.formats and len(raw) >= events.shower(number).least:
        if len(known) > _REMEMBERED:
            known.clear()
        known[raw[COMMON:]] = tail
    return tail
