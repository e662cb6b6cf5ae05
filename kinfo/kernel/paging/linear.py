"""The linear map: where all RAM is mapped in one piece (arm64)."""

from __future__ import annotations

from kinfo.errors import HoleError
from kinfo.kernel.kallsyms.addresses import numbers
from kinfo.kernel.paging.formats import ARM64, Format
from kinfo.kernel.paging.space import IMAGE_ABOVE_LINEAR, Space
from kinfo.kernel.paging.walk import Mapping
from kinfo.memory import Memory

_MASK = (1 << 64) - 1
_MOST_TABLES = 64  # looked into on the way to the first mapping: it is never far


def phys_offset(space: Space) -> int | None:
    """PHYS_OFFSET, modulo 2^64: the PA that PAGE_OFFSET stands for, by the first page of the linear map; None without one."""
    first = _first(space)
    return None if first is None else first.pa - (first.va - _page_offset(space)) & _MASK


def shift(space: Space) -> int:
    """What turns a PA into its VA in the linear map; 0 where that is not known."""
    first = _first(space)
    return 0 if first is None else first.va - first.pa


def _page_offset(space: Space) -> int:
    """PAGE_OFFSET: the linear map is the lower half of the kernel's addresses since 5.4, the upper one before."""
    version = space.kallsyms.pointers.version
    is_upper = version is not None and version < IMAGE_ABOVE_LINEAR
    return (1 << 64) - (1 << space.form.va_bits - is_upper) if space.form else 0


def _first(space: Space) -> Mapping | None:
    """The lowest mapping of the linear map."""
    form = space.form
    if form is None or form.machine != ARM64:
        return None
    lowest = _Lowest(space.memory, form, _page_offset(space))
    found = lowest.below(space.root, form.levels - 1, (1 << 64) - (1 << form.va_bits))
    return None if found is None or found.is_executable else found


class _Lowest:
    """Looks for the lowest mapping from `start` on."""

    def __init__(self, memory: Memory, form: Format, start: int) -> None:
        self.memory, self.form, self.start = memory, form, start
        self.tables = 0

    def below(self, table: int, level: int, first_va: int) -> Mapping | None:
        self.tables += 1
        count, size = self.form.entries(level), 1 << self.form.shift(level)
        try:
            raws = numbers(self.memory.view(table, 8 * count), "Q")
        except HoleError:
            return None
        for index in range(count):
            va = first_va + index * size
            entry = self.form.entry(raws[index], level) if raws[index] and va + size > self.start else None
            if entry is None:
                continue
            if entry.is_leaf:
                return Mapping(va, entry.pa, size, entry.is_executable)
            found = self.below(entry.pa, level - 1, va) if self.tables < _MOST_TABLES else None
            if found:
                return found
        return None
