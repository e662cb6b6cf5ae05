"""Which stacks a chain may run over: the task's own, and its CPU's for interrupts and overflows.

arm64: THREAD_SIZE, IRQ_STACK_SIZE and OVERFLOW_STACK_SIZE in arch/arm64/include/asm/memory.h; irq_stack_ptr in
arch/arm64/kernel/irq.c, overflow_stack in arch/arm64/kernel/traps.c.
"""

from __future__ import annotations

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


def stacks_of(tasks: Tasks, task: Task, cpu: int | None) -> list[Stack]:
    """Every stack that the chain of a task may run over; `cpu` where one was in it."""
    own = task_stack(tasks, task)
    return [*([own] if own else []), *(cpu_stacks(tasks, cpu) if cpu is not None else [])]
