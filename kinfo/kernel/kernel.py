"""The kernel of a dump: its names (naming.py), types, tasks and log, each read when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from kinfo.errors import DumpError, KernelError, RecordError
from kinfo.findings import Finding
from kinfo.kernel import rules
from kinfo.kernel.kallsyms.addresses import PlaceRelative
from kinfo.kernel.kallsyms.kallsyms import Kallsyms
from kinfo.kernel.naming import Naming
from kinfo.kernel.pointers import Pointers, RecordPointers
from kinfo.memory import Memory
from kinfo.printable import brief
from kinfo.record.kernels import PLACE_RELATIVE
from kinfo.record.record import Record
from kinfo.typed import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from kinfo.kernel.choose import Other
    from kinfo.kernel.listing import Line
    from kinfo.kernel.printk.message import PrintkLog
    from kinfo.kernel.stack.backtraces import Backtraces
    from kinfo.kernel.stack.model import Backtrace
    from kinfo.kernel.tasks.every import Tasks
    from kinfo.kernel.tasks.task import Task
    from kinfo.kernel.types import Types


class Kernel(Naming):
    """A kernel in memory, as its record describes it, or what else says where its tables are (`pointers.source`).

    `notes` says how record and memory were found, where that needs saying.

    `kallsyms` are its symbols where they are known already; else its own table in the memory is read.

    `others` are the memory's other records, and `told` what was found out when this one was chosen among them.

    Raises KernelError where record and memory contradict each other, HoleError where the dump lacks a table.
    """

    def __init__(
        self, memory: Memory, said: Record | Pointers, notes: tuple[str, ...] = (), kallsyms: Kallsyms | None = None
    ) -> None:
        self.notes = notes
        self.others: tuple[Other, ...] = ()
        self.told: tuple[Finding, ...] = ()
        pointers = said if isinstance(said, Pointers) else RecordPointers(said)
        pointers.types = self._types_if_any
        super().__init__(memory, pointers, kallsyms or Kallsyms(memory, pointers))

    def _types_if_any(self) -> Types | None:
        try:
            return self.types
        except (KernelError, DumpError):
            return None

    @property
    def record(self) -> Record:
        """The record. Raises RecordError for a kernel that was found without one: `pointers.record` is None there."""
        if self.pointers.record is None:
            raise RecordError(
                f"{self.memory.name}: has no record: its kernel is known by {self.pointers.source}", "name it with --kinfo"
            )
        return self.pointers.record

    @cached_property
    def types(self) -> Types:
        """The kernel's types, out of the BTF in its memory; set it to what `kinfo.read_types` gives where that has none.

        Raises KernelError where the memory has none.
        """
        from kinfo.kernel.types.source import types_of

        return types_of(self)

    def tasks(self) -> Tasks:
        """Every task, read when this is first asked for.

        Raises KernelError where the kernel has no types or no address space, or init_task cannot be found.
        """
        return self._tasks

    def backtrace(self, task: Task | int) -> Backtrace:
        """The call chain of a task, or of the one with this pid.

        Raises KernelError as `tasks`, and where there is no such pid.
        """
        found = self.tasks().named(task) if isinstance(task, int) else task
        if found is None:
            raise KernelError(f"there is no task with pid {task}", "kernel.tasks() has them all")
        return self.backtraces().of(found)

    def backtraces(self) -> Backtraces:
        """The call chains of every CPU and task. Raises KernelError as `tasks`, and where stacks cannot be read."""
        return self._backtraces

    @cached_property
    def _backtraces(self) -> Backtraces:
        from kinfo.kernel.stack.backtraces import Backtraces

        return Backtraces.of_kernel(self)

    @cached_property
    def _tasks(self) -> Tasks:
        from kinfo.kernel.tasks.every import Tasks

        return Tasks(self)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with symbols, address space and modules (which are read for it)."""
        found = (*self.told, *self._base_findings(), *self._encoding_findings())
        if self.space is None:
            return (*found, rules.KERNEL_NO_PAGE_TABLE.at("swapper_pg_dir_pa", self.no_space.message))
        return (*found, *self.space.findings, *(self.modules.findings if self.modules else ()))

    def _base_findings(self) -> tuple[Finding, ...]:
        encoding, pointers = self.kallsyms.encoding, self.pointers
        fields = (pointers.field("relative"), pointers.field("text"))
        stated = next((pointers.field(name) for name in ("relative", "text") if pointers.pa(name)), "")
        if encoding.base in ("", stated):
            return ()
        message = f"addresses count from {encoding.base} {encoding.addresses.base:#x}, not from {stated or 'a base of 0'}"
        return (rules.KERNEL_BASE.at(fields[0], message),)

    def _encoding_findings(self) -> tuple[Finding, ...]:
        version, form = self.pointers.version, self.kallsyms.encoding.addresses.form
        if not self.kallsyms.is_in_memory or version is None or self.pointers.word == 4:
            return ()
        if (form == PlaceRelative.form) == (version >= PLACE_RELATIVE):
            return ()
        usual = "which kernels have" if version < PLACE_RELATIVE else "although kernels have place-relative ones"
        message = f"the addresses are {form} on {self.pointers.release}, {usual} from 7.0 on"
        return (rules.KERNEL_ENCODING.at("kallsyms_offsets", message),)

    def symbols(self, *, physical: bool = False, modules: bool = False) -> Iterator[Line]:
        """Every symbol with its address (VA, or PA where `physical`) and size, in the order of /proc/kallsyms.

        Raises KernelError where virtual addresses cannot be had.
        """
        from kinfo.kernel.listing import lines, ranges, sized

        return sized(lines(self, physical=physical, modules=modules), ranges(self, physical=physical))

    def log(self) -> PrintkLog:
        """What the kernel printed, with the time of every message in nanoseconds since boot.

        Raises KernelError where nothing says where the log is, or nothing of it is in the dump.
        """
        from kinfo.kernel.printk.of_kernel import log_of

        return log_of(self)

    def close(self) -> None:
        """Let go of the dump."""
        self.memory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return brief(
            self, f"{self.pointers.release or 'of no known release'} in {self.memory.name}, by {self.pointers.source}"
        )
