"""Which stacks a chain may run over: the task's own, and its CPU's for interrupts and overflows.

arm64: THREAD_SIZE, IRQ_STACK_SIZE and OVERFLOW_STACK_SIZE in arch/arm64/include/asm/memory.h; irq_stack_ptr in
arch/arm64/kernel/irq.c, overflow_stack in arch/arm64/kernel/traps.c.
"""

from __future__ import annotations

from kinfo.kernel.paging.formats import ARM64
from kinfo.kernel.stack.model import Stack
from kinfo.kernel.tasks.table import Tasks
from kinfo.kernel.tasks.task import Task

_THREAD_SIZE = 1 << 14  # arm64 and x86-64 without KASAN, 4K pages
_OVERFLOW_SIZE = 1 << 12
_LARGEST = 1 << 20


def thread_size(tasks: Tasks) -> int:
    """Bytes of a task's stack: union thread_union's, which holds one; else as it is without KASAN."""
    union = tasks.kernel.types.find("thread_union")
    stated = union.size if union else tasks.kernel.pointers.count("thread_size")
    is_sound = 4096 <= stated <= _LARGEST and not stated & (stated - 1)
    return stated if is_sound else _THREAD_SIZE


def task_stack(tasks: Tasks, task: Task) -> Stack | None:
    """The task's own stack; None where it was freed already."""
    return Stack("task", task.stack, task.stack + thread_size(tasks)) if task.stack else None


def cpu_stacks(tasks: Tasks, cpu: int) -> list[Stack]:
    """The stacks of a CPU, as far as they are known; of x86-64 none, where chains say themselves how they go on."""
    form = tasks.kernel.space.form if tasks.kernel.space else None
    if form is None or form.machine != ARM64:
        return []
    found = []
    if low := tasks.cpus.number("irq_stack_ptr", cpu):
        found.append(Stack("irq", low, low + thread_size(tasks)))
    if low := tasks.cpus.address("overflow_stack", cpu) or 0:
        found.append(Stack("overflow", low, low + _OVERFLOW_SIZE))
    return found


def stacks_of(tasks: Tasks, task: Task, cpu: int | None) -> list[Stack]:
    """Every stack that the chain of a task may run over; `cpu` where one was in it."""
    own = task_stack(tasks, task)
    return [*([own] if own else []), *(cpu_stacks(tasks, cpu) if cpu is not None else [])]
