"""Call chains of a kernel's tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from kinfo.arch import machines
from kinfo.errors import KernelError, KinfoError
from kinfo.findings import Finding
from kinfo.kernel import variables
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.formats import ARM64, X86_64
from kinfo.kernel.stack import rules
from kinfo.kernel.stack.arm64 import Arm64
from kinfo.kernel.stack.cpus import Running, begin, running
from kinfo.kernel.stack.model import Backtrace, Chain, Registers
from kinfo.kernel.stack.names import FrameNamer
from kinfo.kernel.stack.stacks import stacks_of, task_stack
from kinfo.kernel.stack.x86 import X86
from kinfo.kernel.tasks.every import Tasks
from kinfo.kernel.tasks.task import Task
from kinfo.memory.registers import RegisterSet, register_sets

_NO_CPU = 0xFFFFFFFF  # PANIC_CPU_INVALID, include/linux/panic.h


class Backtraces:
    """The call chains of a kernel's tasks.

    `sets` are the registers of its CPUs where the dump's own notes shall not say them, `source` where they are from. Raises
    KernelError for a machine that is not known, or types that lack what is needed.
    """

    @classmethod
    def of_kernel(cls, kernel: Kernel, sets: Sequence[RegisterSet] | None = None, source: str = "") -> Backtraces:
        """Those of a kernel's tasks. Raises KernelError as the class does, and as `kernel.tasks`."""
        check(kernel)
        return cls(kernel.tasks(), sets, source)

    def __init__(self, tasks: Tasks, sets: Sequence[RegisterSet] | None = None, source: str = "") -> None:
        kernel = tasks.kernel
        self.tasks, self.namer = tasks, FrameNamer(kernel)
        self._sets = register_sets(kernel.memory) if sets is None else sets
        self._source = source or "the CPU's registers, in the dump's NT_PRSTATUS note"
        self._of = _UNWINDERS[check(kernel)](tasks, self.namer)

    @cached_property
    def running(self) -> list[Running]:
        """The CPUs that were in a task, with their registers where they are known."""
        return running(self.tasks, self._sets)

    @cached_property
    def panicking(self) -> int | None:
        """The CPU that panicked (panic_cpu); None where none did, or that cannot be told."""
        stated = variables.number(self.tasks.kernel, "panic_cpu", 4)
        return None if stated in (None, _NO_CPU) else stated

    def of(self, task: Task) -> Backtrace:
        """The call chain of a task: from where its CPU was, else from where it was switched out."""
        one = next((one for one in self.running if one.task.va == task.va), None)
        start, problem = self._start(task, one)
        cpu = one.cpu if one else None
        is_panicking = cpu is not None and cpu == self.panicking
        if start is None:
            return Backtrace(task, cpu, (), problem, False, problem, is_whole=False, is_panicking=is_panicking)
        if one and one.registers and self._of.in_user(start):
            end = f"whole: the CPU was in user space, at {start.pc:#x}"
            return Backtrace(task, cpu, (), start.source, False, end, is_whole=True, is_panicking=is_panicking)
        chain = self._chain(start, task, cpu)
        return Backtrace(task, cpu, chain.frames, start.source, start.is_guess, chain.end, chain.is_whole, is_panicking)

    def _chain(self, start: Registers, task: Task, cpu: int | None) -> Chain:
        return self._of.chain(start, stacks_of(self.tasks, task, cpu, start.sp))

    def _start(self, task: Task, one: Running | None) -> tuple[Registers | None, str]:
        """Where a chain begins; else why that is not known."""
        if one and one.registers:
            return begin(one.registers, self._source), ""
        stack = task_stack(self.tasks, task)
        if stack is None:
            return None, "its stack was freed: it has ended"
        if one is None:
            try:
                return self._of.asleep(task.va), ""
            except KinfoError as error:
                return None, f"where it was switched out cannot be read: {error.message}"
        guessed = self._of.guess(stack)
        return guessed, "" if guessed else "the dump has no registers of its CPU, and its stack no chain of records"

    def of_cpus(self) -> Iterator[Backtrace]:
        """The chains of every CPU, the panicking one first."""
        first = sorted(self.running, key=lambda one: (one.cpu != self.panicking or one.cpu is None, one.cpu or 0))
        yield from (self.of(one.task) for one in first)

    def all(self) -> Iterator[Backtrace]:
        """The chains of every task."""
        yield from (self.of(task) for task in self.tasks)


def check(kernel: Kernel) -> int:
    """The machine whose stacks are read. Raises KernelError where that of the kernel is none, or page tables are missing."""
    form = kernel.space.form if kernel.space else None
    if form is None:
        reason = kernel.space.reason if kernel.space else kernel.no_space.message
        raise KernelError(f"{kernel.memory.name}: stacks cannot be read: {reason}", "dump all RAM")
    if form.machine not in _UNWINDERS:
        text = f"{kernel.memory.name}: the stacks of {machines.name_of(form.machine)} kernels are not read"
        raise KernelError(text, "`kinfo ps` lists the tasks; crash shows their stacks: kinfo debug RAM --tool crash")
    return form.machine


def findings(traces: Sequence[Backtrace]) -> tuple[Finding, ...]:
    """What is wrong with chains: those that broke off, those that were guessed."""
    found = []
    for one in traces:
        if not one.is_whole:
            found.append(rules.KERNEL_STACK_BROKEN.at(one.task.label, one.end))
        elif one.is_guess:
            found.append(rules.KERNEL_STACK_GUESSED.at(one.task.label, "the frames at the top may be of earlier calls"))
    if len(found) > _MOST_SAID:
        more = f"and {len(found) - _MOST_SAID} more chains"
        found[_MOST_SAID:] = [rules.KERNEL_STACK_BROKEN.at("tasks", more)]
    return tuple(found)


_UNWINDERS: dict[int, type[Arm64 | X86]] = {ARM64: Arm64, X86_64: X86}
_MOST_SAID = 16  # findings that are said one by one; the chains themselves say how each ended
