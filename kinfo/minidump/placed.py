"""Where the regions of a minidump lie, and what of them is not there: what the list of their files does not say itself."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from kinfo.elf import read as tables
from kinfo.elf.structs import ELF64, PT_LOAD
from kinfo.errors import KinfoError
from kinfo.findings import gravest_first
from kinfo.meminspect.entry import Entry, Table, TableForm
from kinfo.meminspect.ids import Series
from kinfo.minidump.plan import CorePlan
from kinfo.minidump.sources import CoreRequest, plan_of


def with_places(table: Table, series: Series | None = None) -> Table:
    """The table of a folder or a core with what `kinfo core` would find: VA and PA of files, and what is not there.

    As it is where no core can be made of it.
    """
    plan = _plan([table.source], series)
    if plan is None:
        return table
    with closing(plan):
        known = _addresses(plan) if table.form is TableForm.FILES else {}
    entries = tuple(_placed(entry, known) for entry in table.entries)
    return table._replace(entries=entries, findings=gravest_first((*table.findings, *plan.findings)))


def addresses_of(paths: Sequence[str], series: Series | None = None) -> dict[int, tuple[int, int]]:
    """VA and PA of region files by id, as far as `kinfo core` knows where they lie."""
    plan = _plan(paths, series)
    if plan is None:
        return {}
    with closing(plan):
        return _addresses(plan)


def _plan(paths: Sequence[str], series: Series | None) -> CorePlan | None:
    try:
        return plan_of(paths, CoreRequest(series=series))
    except KinfoError:
        return None  # without md_KELF and addresses; `kinfo core` says why


def _placed(entry: Entry, known: dict[int, tuple[int, int]]) -> Entry:
    va, pa = known.get(entry.id or 0, (entry.va, entry.pa))
    return entry._replace(va=va, pa=pa)


def _addresses(plan: CorePlan) -> dict[int, tuple[int, int]]:
    """By the program headers of the core: each region is at the offset of its own."""
    head = memoryview(plan.literals[0][1])

    def view(at: int, size: int) -> memoryview:
        return head[at : at + size]

    header = tables.header(view, ELF64)
    loads = {
        one.offset: one for one in (tables.programs(view, ELF64, header) if header else None) or () if one.type == PT_LOAD
    }
    placed = [(piece.region.id, loads.get(piece.offset)) for piece in plan.pieces]
    return {id_: (load.va, load.pa) for id_, load in placed if id_ is not None and load is not None}
