"""Which CPU a set of registers is of, and which task that CPU was in."""

from __future__ import annotations

from collections.abc import Sequence

from kinfo.kernel.stack.model import Registers
from kinfo.kernel.stack.stacks import cpu_stacks, task_stack
from kinfo.kernel.tasks.every import Tasks
from kinfo.kernel.tasks.task import Task
from kinfo.memory.registers import RegisterSet
from kinfo.named import NamedTuple


class Running(NamedTuple):
    """A CPU (None where it has no number that is known), its task, and its registers where they are known."""

    cpu: int | None
    task: Task
    registers: RegisterSet | None


def running(tasks: Tasks, sets: Sequence[RegisterSet]) -> list[Running]:
    """Every CPU that was in a task, with its registers.

    Sets come in the order of CPUs (QEMU), or without those that were off (kdump): whose a set is follows from its CPU where
    that is stated, else from the stack that its sp is in, and only else from its place.
    """
    found = [Running(one.cpu, one, None) for one in tasks.running]
    left = [(place, one) for place, one in enumerate(sets) if one.values]
    for test in (_is_stated, _is_on_stack, _is_in_place):
        for index, one in enumerate(found):
            match = next((item for item in left if one.registers is None and test(tasks, one, item[0], item[1])), None)
            if match:
                found[index] = one._replace(registers=match[1])
                left.remove(match)
    return found


def _is_stated(_tasks: Tasks, one: Running, _place: int, registers: RegisterSet) -> bool:
    return registers.cpu is not None and registers.cpu == one.cpu


def _is_on_stack(tasks: Tasks, one: Running, _place: int, registers: RegisterSet) -> bool:
    if registers.cpu is not None:
        return False
    sp = registers.values.get("sp", registers.values.get("rsp", 0))
    own = task_stack(tasks, one.task)
    stacks = [*([own] if own else []), *(cpu_stacks(tasks, one.cpu) if one.cpu is not None else [])]
    return any(stack.low <= sp <= stack.high for stack in stacks)


def _is_in_place(tasks: Tasks, one: Running, place: int, registers: RegisterSet) -> bool:
    """By its place, for CPUs in user space, whose stack pointer says nothing."""
    is_only = len(tasks.running) == 1 and one.cpu is None
    return registers.cpu is None and (place == one.cpu or is_only)


def begin(registers: RegisterSet, source: str) -> Registers:
    """Where the chain of a CPU begins."""
    values = registers.values
    if "rip" in values:
        return Registers(values["rip"], values.get("rsp", 0), values.get("rbp", 0), 0, source, is_exact=True)
    sp, fp, lr = (values.get(name, 0) for name in ("sp", "x29", "x30"))
    return Registers(values["pc"], sp, fp, lr, source, is_exact=True)
