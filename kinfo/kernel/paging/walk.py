"""Walks: from one VA down to its page, and through all tables for the mapping of one PA."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinfo.errors import HoleError, KernelError
from kinfo.kernel.kallsyms.addresses import numbers
from kinfo.kernel.paging.formats import Descriptor, PageFormat
from kinfo.memory import Memory
from kinfo.named import NamedTuple

_MOST_ENTRIES = 1 << 21  # looked at for the image's mapping: the tables of 8 GiB in 4K pages
_CODES = {4: "I", 8: "Q"}  # of an entry, by its size


class Mapping(NamedTuple):
    """A page or block that is mapped: `va` and `pa` are of its first byte, `size` its bytes."""

    va: int
    pa: int
    size: int
    is_executable: bool


def walk(memory: Memory, root: int, form: PageFormat, va: int) -> Mapping | None:
    """The mapping that holds a VA of the kernel's half; None where there is none. Raises HoleError for tables not dumped."""
    if not form.half <= va < form.end:
        return None
    table, is_executable, width = root, True, form.entry_size
    for level in reversed(range(form.levels)):
        index = va >> form.shift(level) & form.entries(level) - 1
        entry = form.entry(memory.number(table + width * index, width), level)
        if entry is None:
            return None
        is_executable = is_executable and entry.is_executable
        if size := entry.size:
            return Mapping(va & ~(size - 1), entry.pa, size, is_executable)
        table = entry.pa
    return None


def table_at(memory: Memory, form: PageFormat, pa: int, level: int) -> Sequence[int]:
    """The entries of a table. Raises HoleError for one that was not dumped."""
    return numbers(memory.view(pa, form.entry_size * form.entries(level)), _CODES[form.entry_size])


def find(memory: Memory, root: int, form: PageFormat, pa: int, *, upwards: bool) -> Iterator[Mapping]:
    """Every executable mapping in the kernel's half that holds a PA, from the highest VA down, or `upwards`.

    Raises KernelError when the tables do not come to an end (one that points to itself, or garbage).
    """
    yield from _Search(memory, form, pa, upwards=upwards).below(root, form.levels - 1, form.start)


class _Search:
    def __init__(self, memory: Memory, form: PageFormat, pa: int, *, upwards: bool) -> None:
        self.memory, self.form, self.pa, self.upwards = memory, form, pa, upwards
        self.seen = 0

    def below(self, table: int, level: int, first_va: int) -> Iterator[Mapping]:
        """The mappings in one table and in those below it."""
        count, size = self.form.entries(level), 1 << self.form.shift(level)
        self.seen += count
        if self.seen > _MOST_ENTRIES:
            raise KernelError(f"the page table has over {_MOST_ENTRIES} entries: it loops, or is none", "see `kinfo info`")
        try:
            raws = table_at(self.memory, self.form, table, level)
        except HoleError:
            return
        indices = self.form.maybe(raws, self.pa) if level == 0 else range(count)
        for index in indices if self.upwards else reversed(indices):
            va = first_va + index * size
            entry = self.form.entry(raws[index], level) if raws[index] else None
            if entry and entry.is_executable and va >= self.form.half:
                yield from self._of(entry, va, level)

    def _of(self, entry: Descriptor, va: int, level: int) -> Iterator[Mapping]:
        if not entry.is_leaf:
            yield from self.below(entry.pa, level - 1, va)
        elif entry.pa <= self.pa < entry.pa + entry.size and not va % entry.size:  # some fill several entries alike
            yield Mapping(va, entry.pa, entry.size, is_executable=True)
