"""The pages of the kernel's page tables: everything that swapper_pg_dir leads to in the kernel's half."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.errors import HoleError
from kinfo.kernel.excerpt.ranges import PhysicalRange
from kinfo.kernel.paging.formats import PageFormat
from kinfo.kernel.paging.space import Space
from kinfo.kernel.paging.walk import table_at


def page_tables(space: Space) -> Iterator[PhysicalRange]:
    """Each table once. What the dump lacks is left out; one that several entries lead to (KASAN's) is walked once."""
    if space.form is None:
        return
    form, top = space.form, space.form.levels - 1
    waiting, seen = [(space.root, top)], {(space.root, top)}
    while waiting:
        table, level = waiting.pop()
        yield PhysicalRange(table, table + form.entry_size * form.entries(level))
        if not level:
            continue
        try:
            raws = table_at(space.memory, form, table, level)
        except HoleError:
            continue
        for index in range(_first_of_kernel(form) if level == top else 0, len(raws)):
            entry = form.entry(raws[index], level) if raws[index] else None
            if entry and not entry.is_leaf and (below := (entry.pa, level - 1)) not in seen:
                seen.add(below)
                waiting.append(below)


def _first_of_kernel(form: PageFormat) -> int:
    """The first entry of the top table for the kernel's half: on x86-64 that of processes lies before it."""
    return (form.half - form.start) >> form.shift(form.levels - 1)
