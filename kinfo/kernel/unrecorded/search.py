"""The kernels of a memory that has no record for them: what speaks of each is put to the test as a record is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kinfo.errors import DrawError, HoleError, KernelError, KinfoError
from kinfo.kernel import base
from kinfo.kernel.boot import vmcoreinfo
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.life import settle
from kinfo.kernel.unrecorded import by_vmcoreinfo
from kinfo.kernel.unrecorded.image_end import settle_end
from kinfo.kernel.unrecorded.stated import StatedPointers
from kinfo.memory import Memory
from kinfo.memory.specs import RawDump

Readings = Callable[[Memory], Iterator[StatedPointers]]


class Unrecorded:
    """The kernels found. `errors` has why what speaks of one leads to none."""

    def __init__(self, opened: Memory | RawDump) -> None:
        self._opened = opened
        self.errors: list[KinfoError] = []
        self.kernels: list[Kernel] = []

    def search(self) -> list[Kernel]:
        """Every kernel that VMCOREINFO speaks of: the dump's note, and the copies in the memory, of this boot and others."""
        seen: set[tuple[int, int]] = set()
        for values, source in self._infos():
            if not by_vmcoreinfo.has_tables(values):
                continue
            kernel = self._kernel(values, source)
            if kernel and (key := (kernel.kallsyms.borders.stext, kernel.pointers.pa("names"))) not in seen:
                seen.add(key)
                self.kernels.append(kernel)
        return self.kernels

    def _infos(self) -> Iterator[tuple[dict[str, str], str]]:
        if isinstance(self._opened, Memory) and (stated := vmcoreinfo.parse(self._opened.vmcoreinfo)):
            yield stated, vmcoreinfo.NOTE
        memory = self._opened if isinstance(self._opened, Memory) else base.at_zero(self._opened.dump)
        for values in vmcoreinfo.in_ram(memory):
            yield values, vmcoreinfo.IN_RAM

    def _kernel(self, values: dict[str, str], source: str) -> Kernel | None:
        def make(memory: Memory, notes: tuple[str, ...] = ()) -> Kernel:
            return _first(memory, by_vmcoreinfo.readings(values, memory, source), notes)

        try:
            if isinstance(self._opened, Memory):
                return make(self._opened)
            index = by_vmcoreinfo.token_index(values)
            return None if index is None else base.place(self._opened.dump, index, make)
        except (KernelError, HoleError) as error:
            self.errors.append(error)
            return None


def _first(memory: Memory, readings: Iterator[StatedPointers], notes: tuple[str, ...]) -> Kernel:
    """The kernel by the first reading that holds. Raises the first one's error where none does."""
    errors: list[KinfoError] = []
    for pointers in readings:
        try:
            kernel = Kernel(memory, pointers, (*notes, f"no record: its tables are where {pointers.source} says"))
        except (KernelError, HoleError) as error:
            errors.append(error)
            continue
        settle_end(kernel)
        return kernel
    raise errors[0] if errors else KernelError("kallsyms_markers is not where its neighbours are", "the dump may be damaged")


def choose(kernels: list[Kernel]) -> Kernel:
    """The one that ran. Raises DrawError where nothing tells which of several did."""
    settled = settle(kernels)
    if settled.best is None:
        raise DrawError(
            f"{kernels[0].memory.name}: has {len(kernels)} whole kernels, and nothing tells which one ran: "
            + ", ".join(f"{one.pointers.release} at PA {one.kallsyms.borders.text:#x}" for one in kernels[:8]),
            "make a record of the one that is meant, with `kinfo build`, and name it with --kinfo",
        )
    kernel = kernels[settled.best]
    if len(kernels) > 1:
        kernel.notes += (f"{len(kernels)} kernels are in this memory; took {kernel.pointers.release}: {settled.won}",)
    return kernel
