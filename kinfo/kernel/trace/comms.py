"""Names of tasks as ftrace keeps them: struct saved_cmdlines_buffer; kernel/trace/trace_sched_switch.c."""

from __future__ import annotations

from kinfo.errors import KinfoError
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.reader import Reader
from kinfo.kernel.trace.formats import variable
from kinfo.trace_events.values import text_of

_COMM = 16  # TASK_COMM_LEN
_MOST = 1 << 20


def saved(kernel: Kernel, reader: Reader) -> dict[int, str]:
    """The name of every task that ftrace has kept one of; empty where it cannot be read."""
    try:
        at = reader.number(variable(kernel, "savedcmd"))
        struct = kernel.types["saved_cmdlines_buffer"]
        count = min(reader.number(at + struct.offset("cmdline_num"), 4), _MOST)
        pids = reader.read(reader.number(at + struct.offset("map_cmdline_to_pid")), 4 * count)
        names = struct.member("saved_cmdlines")
        start = at + names.offset if not names.size else reader.number(at + names.offset)  # an array of its own since 6.8
        raw = reader.read(start, _COMM * count)
    except KinfoError:
        return {}
    each = (
        (int.from_bytes(pids[4 * at : 4 * at + 4], "little"), raw[_COMM * at : _COMM * at + _COMM]) for at in range(count)
    )
    return {pid: text_of(name) for pid, name in each if 0 < pid < 1 << 31 and name.strip(b"\0")}
