"""Per-CPU variables, and which task each CPU was in.

`__per_cpu_offset[cpu]` plus the variable's address: on arm64 that of the image's .data..percpu; on x86-64 up to 6.14 an
absolute symbol counted from 0 (include/asm-generic/percpu.h, arch/x86/include/asm/percpu.h).
"""

from __future__ import annotations

from functools import cached_property

from kinfo.errors import KinfoError
from kinfo.kernel import variables
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.reader import Reader

_MOST_CPUS = 8192  # the largest NR_CPUS there is, x86-64 with CONFIG_MAXSMP


class Cpus:
    """The CPUs of a kernel. Without CONFIG_KALLSYMS_ALL their variables have no names: `count` is 0 then."""

    def __init__(self, kernel: Kernel, reader: Reader) -> None:
        self._kernel, self._reader = kernel, reader
        self._places: dict[str, int | None] = {}

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """What is added to a per-CPU variable's address, CPU by CPU; empty where it cannot be told."""
        pa = variables.pa_of(self._kernel, "__per_cpu_offset")
        stated = variables.number(self._kernel, "nr_cpu_ids", 4)
        word = self._kernel.word
        if pa is None or not self._kernel.memory.holds(pa, word):
            return ()
        count = min(stated or 1, _MOST_CPUS)
        raw = self._kernel.memory.view_up_to(pa, word * count)
        return tuple(int.from_bytes(raw[at : at + word], "little") for at in range(0, len(raw) - word + 1, word))

    @property
    def count(self) -> int:
        """How many CPUs there can be (nr_cpu_ids); 0 where it cannot be told."""
        return len(self.offsets)

    def address(self, name: str, cpu: int) -> int | None:
        """VA of a CPU's instance of a per-CPU variable; None where either is not known."""
        if name not in self._places:
            self._places[name] = self._base(name)
        base = self._places[name]
        if base is None or not 0 <= cpu < self.count:
            return None
        return base + self.offsets[cpu] & (1 << 8 * self._kernel.word) - 1

    def _base(self, name: str) -> int | None:
        kernel = self._kernel
        if not kernel.kallsyms.has_data or kernel.space is None:
            return None
        found = {(one.is_absolute, one.pa) for one in kernel.kallsyms.named(name) if one.name == name}
        if len(found) != 1:
            return None
        is_absolute, value = found.pop()
        return value if is_absolute else kernel.space.va(value)

    def number(self, name: str, cpu: int, size: int = 0, offset: int = 0) -> int | None:
        """A number in a CPU's instance of a variable, of so many bytes (0: a long); None where it cannot be had."""
        va = self.address(name, cpu)
        try:
            return None if va is None else self._reader.number(va + offset, size)
        except KinfoError:
            return None

    @cached_property
    def current(self) -> tuple[int | None, ...]:
        """VA of the task that each CPU was in: its runqueue's `curr`; None where it cannot be had."""
        return self._of_runqueue("curr")

    @cached_property
    def idle(self) -> tuple[int | None, ...]:
        """VA of each CPU's idle task: its runqueue's `idle`."""
        return self._of_runqueue("idle")

    def _of_runqueue(self, member: str) -> tuple[int | None, ...]:
        if not self.count:
            return ()
        rq = self._kernel.types.find("rq")
        found = rq.find(member) if rq else None
        if found is None:
            return (None,) * self.count
        return tuple(self.number("runqueues", cpu, offset=found.offset) or None for cpu in range(self.count))
