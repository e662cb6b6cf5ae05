"""The kernels of a memory that has no record for them: what speaks of each is put to the test as a record is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice

from kinfo.errors import DrawError, HoleError, KernelError, KinfoError
from kinfo.kernel import base
from kinfo.kernel.boot import vmcoreinfo
from kinfo.kernel.kallsyms.find import DIGITS, find_all
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.life import settle
from kinfo.kernel.unrecorded import by_vmcoreinfo, placing
from kinfo.kernel.unrecorded.image_end import settle_end
from kinfo.kernel.unrecorded.stated import StatedPointers
from kinfo.memory import Dump, Memory
from kinfo.memory.search import places
from kinfo.memory.vmcoreinfo import parse
from kinfo.sources import RawDump

_MOST_PLACES = 1 << 16  # that are looked at; a kernel has a dozen
_NO_PLACE = "dump all RAM: where the image runs is told by its page tables, and by VMCOREINFO or linux_banner"
_NO_BANNER = "no VMCOREINFO, and no linux_banner that they list"  # without CONFIG_KALLSYMS_ALL they list code only
_NO_BUILD = "name the System.map, vmlinux or Image of its build with --symbols"


class Unrecorded:
    """The kernels found. `errors` has why what speaks of one leads to none."""

    def __init__(self, opened: Memory | RawDump) -> None:
        self._opened = opened
        self.errors: list[KinfoError] = []
        self.kernels: list[Kernel] = []

    def search(self) -> list[Kernel]:
        """Every kernel that VMCOREINFO speaks of: the dump's note, and the copies in the memory, of this boot and others."""
        seen: set[tuple[int, int]] = set()
        for number, (values, source) in enumerate(self.infos):
            is_copy = any(values == other for other, _ in self.infos[:number])
            if is_copy or not by_vmcoreinfo.has_tables(values):
                continue
            kernel = self._kernel(values, source)
            if kernel and (key := (kernel.kallsyms.borders.stext, kernel.pointers.pa("names"))) not in seen:
                seen.add(key)
                self.kernels.append(kernel)
        return self.kernels

    def by_content(self) -> list[Kernel]:
        """The kernels whose tables are found by what is in them; page tables must map them where they are.

        (A record that leads nowhere is a reason to look at the record first.)
        """
        if not isinstance(self._opened, Memory):
            self._say_base_is_needed(self._opened.dump)
            return []
        memory, infos = self._opened, [values for values, _ in self.infos]
        banners, digits = self._spoken_of(memory)
        for found in find_all(memory, digits):
            try:
                readings = list(placing.readings(memory, found, infos, banners))
            except (KernelError, HoleError) as error:
                self.errors.append(error)
                continue
            if not readings:
                where = f"its symbol tables are at PA {found.tables.names:#x}"
                self.errors.append(KernelError(f"{where}, but nothing says where its image lies: {_NO_BANNER}", _NO_BUILD))
            if kernel := next(self._mapped(memory, readings), None):
                settle_end(kernel, {})
                self.kernels.append(kernel)
        return self.kernels

    def _spoken_of(self, memory: Memory) -> tuple[list[tuple[int, str]], list[int]]:
        """What reads as a banner, and where the tokens "0" to "9" lie: the memory is looked through once for both."""
        found = list(islice(places(memory.as_dump, (placing.BANNER, DIGITS)), _MOST_PLACES))
        banners = placing.banners_at(memory, [pa for pa, text in found if text == placing.BANNER])
        return banners, [pa for pa, text in found if text == DIGITS]

    def _mapped(self, memory: Memory, readings: Iterable[StatedPointers]) -> Iterator[Kernel]:
        """The kernels by those readings that hold, and that page tables bear out."""
        for pointers in readings:
            try:
                kernel = Kernel(memory, pointers, (f"no record: its tables are known by {pointers.source}",))
            except (KernelError, HoleError) as error:
                self.errors.append(error)
                continue
            if kernel.space and kernel.space.form:
                yield kernel
            else:
                reason = kernel.space.reason if kernel.space else kernel.no_space.message
                where = f"its symbol tables are at PA {pointers.pa('names'):#x}"
                self.errors.append(KernelError(f"{where}, but {reason}", _NO_PLACE))

    def _say_base_is_needed(self, dump: Dump) -> None:
        """That a raw dump has a kernel's tables which only its address can place."""
        found = next(find_all(base.at_zero(dump)), None)
        if found:
            message = f"a kernel's symbol tables are at {found.tables.names:#x} of it, but not where it lies in memory"
            self.errors.append(KernelError(message, f"write {dump.name}@0x80000000, with the address of its first byte"))

    @cached_property
    def infos(self) -> list[tuple[dict[str, str], str]]:
        """Every VMCOREINFO, and where it is: the memory is looked through for them once."""
        memory = self._opened if isinstance(self._opened, Memory) else base.at_zero(self._opened.dump)
        stated = parse(memory.vmcoreinfo)
        found = [(stated, vmcoreinfo.NOTE)] if stated else []
        return found + [(values, vmcoreinfo.IN_RAM) for values in vmcoreinfo.in_ram(memory)]

    def _kernel(self, values: dict[str, str], source: str) -> Kernel | None:
        def make(memory: Memory, notes: tuple[str, ...] = ()) -> Kernel:
            kernel = _first(memory, by_vmcoreinfo.readings(values, memory, source), notes)
            settle_end(kernel, values)
            by_vmcoreinfo.hold(kernel, values)
            return kernel

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
