"""init_task, the task that all lists begin with."""

from __future__ import annotations

import re

from kinfo.errors import KernelError, KinfoError
from kinfo.kernel import variables
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.reader import Reader
from kinfo.kernel.tasks.task import TaskFields

_COMM = re.compile(rb"swapper(?:/0)?\0")  # INIT_TASK_COMM, init/init_task.c; init_idle() adds the CPU, kernel/sched/core.c


def init_task(kernel: Kernel, reader: Reader, fields: TaskFields) -> int:
    """VA of init_task: by its symbol, else (without CONFIG_KALLSYMS_ALL) known by its name in the image's data.

    Raises KernelError where it cannot be found.
    """
    assert kernel.space
    pa = variables.pa_of(kernel, "init_task")
    if pa is not None:
        return kernel.space.va(pa)
    if kernel.kallsyms.has_data:
        raise KernelError("kallsyms has no init_task", "")
    borders = kernel.kallsyms.borders
    for segment in kernel.memory.segments:
        start, end = max(segment.start, borders.etext), min(segment.end, borders.end)
        for found in _COMM.finditer(kernel.memory.view_up_to(start, end - start)) if start < end else ():
            va = kernel.space.va(start + found.start() - fields.comm.offset)
            if _is_init_task(reader, fields, va):
                return va
    raise KernelError("the image has nothing that looks like init_task, and kallsyms names code only", "")


def _is_init_task(reader: Reader, fields: TaskFields, va: int) -> bool:
    """Pid 0, and a list of tasks whose neighbours point back."""
    try:
        task = fields.task(va, reader.read(va, fields.size))
        node = va + fields.tasks.offset
        after, before = reader.pair(node)
        return task.pid == task.tgid == 0 and reader.pair(after)[1] == node == reader.pair(before)[0]
    except KinfoError:
        return False
