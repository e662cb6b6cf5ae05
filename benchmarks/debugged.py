"""`make bench CORE=FILE VMLINUX=FILE`: dmesg, ps and backtrace of a core, against drgn with its kernel's debug information.

Debian has that in linux-image-*-dbg. Both are whole processes, start included, in turn, and list the same of every task; drgn
and vmcore-dmesg have their place where they are installed.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import which

from benchmarks.measure import KINFO, alternating, peak_mib, row

_OPEN = """
import sys
import drgn
program = drgn.Program()
program.set_core_dump(sys.argv[1])
program.load_debug_info([sys.argv[2]])
"""
_DMESG = """
from drgn.helpers.linux.printk import get_printk_records
for record in get_printk_records(program):
    sys.stdout.buffer.write(b"[%5d.%06d] %b\\n" % (*divmod(record.timestamp // 1000, 10**6), record.text))
"""
_PS = """
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.sched import task_cpu, task_state_to_char
for task in for_each_task(program):
    parent, comm = task.real_parent.tgid.value_(), task.comm.string_().decode()
    print(task.pid.value_(), task.tgid.value_(), parent, task_state_to_char(task), task_cpu(task), comm)
"""
_BACKTRACE = """
from drgn.helpers.linux.pid import for_each_task
for task in for_each_task(program):
    print(task.pid.value_(), task.comm.string_().decode())
    try:
        print(program.stack_trace(task))
    except ValueError as error:  # it runs, and the core has no registers of it
        print(error)
"""
_SCRIPTS = {"dmesg": _DMESG, "ps --threads": _PS, "backtrace --all": _BACKTRACE}
_TIMES = 5


def everything(core: Path | None, vmlinux: Path | None) -> None:
    """All of this module's rows; a line instead of what cannot be measured."""
    if core is None or vmlinux is None:
        print("no core with debug information is named (CORE=FILE VMLINUX=FILE): drgn is not measured on one")
        return
    has_drgn, dmesg = find_spec("drgn") is not None, which("vmcore-dmesg")
    if not has_drgn:
        print("drgn is not installed (pip install drgn): it is not measured")
    if dmesg is None:
        print("vmcore-dmesg is not installed (apt-get install kexec-tools): it is not measured")
    for what, script in _SCRIPTS.items():
        commands: dict[str, tuple[str, ...]] = {"kinfo": (KINFO, *what.split(), str(core))}
        commands["python -c pass"] = (sys.executable, "-c", "pass")
        if dmesg is not None and what == "dmesg":
            commands["vmcore-dmesg"] = (dmesg, str(core))
        if has_drgn:
            commands["drgn"] = (sys.executable, "-c", _OPEN + script, str(core), str(vmlinux))
        _rows(what, commands)


def _rows(what: str, commands: dict[str, tuple[str, ...]]) -> None:
    found = alternating(commands, _TIMES)
    ours = found.pop("kinfo")
    for peer, seconds in found.items():
        target = "-" if peer != "drgn" else "below 1" if what == "dmesg" else "at most 0.5"
        row(f"kinfo {what}, a core of a kernel", ours, peer, seconds, target)
    print(f"{'  its peak memory':<46}{peak_mib(*commands['kinfo']):>9.1f} MiB")
