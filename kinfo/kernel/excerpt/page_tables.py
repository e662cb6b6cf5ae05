"""The pages of the kernel's page tables: everything that swapper_pg_dir leads to in the kernel's half."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.arch.address import SPACE
from kinfo.errors import HoleError
from kinfo.kernel.excerpt.ranges import PhysicalRange
from kinfo.kernel.kallsyms.addresses import numbers
from kinfo.kernel.paging.formats import PageFormat
from kinfo.kernel.paging.space import Space

_ENTRY = 8


def page_tables(space: Space) -> Iterator[PhysicalRange]:
    """Each table once. What the dump lacks is left out; one that several entries lead to (KASAN's) is walked once."""
    if space.form is None:
        return
    form, top = space.form, space.form.levels - 1
    waiting, seen = [(space.root, top)], {(space.root, top)}
    while waiting:
        table, level = waiting.pop()
        size = _ENTRY * form.entries(level)
        yield PhysicalRange(table, table + size)
        if not level:
            continue
        try:
            raws = numbers(space.memory.view(table, size), "Q")
        except HoleError:
            continue
        for index in range(_first_of_kernel(form) if level == top else 0, len(raws)):
            entry = form.entry(raws[index], level) if raws[index] else None
            if entry and not entry.is_leaf and (below := (entry.pa, level - 1)) not in seen:
                seen.add(below)
                waiting.append(below)


def _first_of_kernel(form: PageFormat) -> int:
    """The first entry of the top table for the kernel's half: on x86-64 that of processes lies before it."""
    return (form.half - (SPACE - (1 << form.va_bits))) >> form.shift(form.levels - 1)
