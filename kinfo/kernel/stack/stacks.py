"""Which stacks a chain may run over: the task's own, and its CPU's for interrupts and overflows.

arm64: THREAD_SIZE, IRQ_STACK_SIZE and OVERFLOW_STACK_SIZE in arch/arm64/include/asm/memory.h; irq_stack_ptr in
arch/arm64/kernel/irq.c, overflow_stack in arch/arm64/kernel/traps.c; arch_alloc_vmap_stack in asm/vmap_stack.h.
"""

from __future__ import annotations

from kinfo.errors import KinfoError
from kinfo.kernel.paging.formats import ARM64
from kinfo.kernel.stack.model import Stack
from kinfo.kernel.tasks.every import Tasks
from kinfo.kernel.tasks.task import Task

_OVERFLOW_SIZE = 1 << 12


def task_stack(tasks: Tasks, task: Task) -> Stack | None:
    """The task's own stack; None where it was freed already."""
    return Stack("task", task.stack, task.stack + tasks.thread_size) if task.stack else None


def cpu_stacks(tasks: Tasks, cpu: int) -> list[Stack]:
    """The stacks of a CPU, as far as they are known; of x86-64 none, where chains say themselves how they go on."""
    form = tasks.kernel.space.form if tasks.kernel.space else None
    if form is None or form.machine != ARM64:
        return []
    found = []
    if low := tasks.cpus.number("irq_stack_ptr", cpu):
        found.append(Stack("irq", low, low + tasks.thread_size))
    if low := tasks.cpus.address("overflow_stack", cpu) or 0:
        found.append(Stack("overflow", low, low + _OVERFLOW_SIZE))
    return found


def stacks_of(tasks: Tasks, task: Task, cpu: int | None, sp: int) -> list[Stack]:
    """Every stack that the chain of a task may run over; `cpu` where one was in it, with its stack pointer."""
    own = task_stack(tasks, task)
    found = [own] if own else []
    if cpu is None:
        return found
    found += cpu_stacks(tasks, cpu)
    if not any(stack.low <= sp <= stack.high for stack in found) and (unnamed := _unnamed(tasks, sp)):
        found.append(unnamed)
    return found


def _unnamed(tasks: Tasks, sp: int) -> Stack | None:
    """A CPU's stack for interrupts by its stack pointer: without CONFIG_KALLSYMS_ALL irq_stack_ptr has no name.

    With CONFIG_VMAP_STACK it is THREAD_SIZE bytes of vmalloc's, at a multiple of twice that, with nothing mapped before and
    behind it: that is what is asked of it here.
    """
    space, size = tasks.kernel.space, tasks.thread_size
    if not space or not space.form or space.form.machine != ARM64:
        return None
    low = sp - sp % (2 * size)
    high = low + size
    page = space.form.page_size
    try:
        is_one = sp < high and all(space.pa(va) is not None for va in range(low, high, page))
        return Stack("irq", low, high) if is_one and space.pa(low - 1) is None and space.pa(high) is None else None
    except KinfoError:
        return None
