"""Ids of a core image's regions, which has none: by their order, where the regions that can be named agree with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinfo.meminspect.entry import Entry
from kinfo.meminspect.ids import CONFIG, MAX, Series

_ANCHORS = 3  # named regions that must lie where the order puts them


def ids_by_position(series: Series, entries: Sequence[Entry]) -> tuple[int, ...] | None:
    """The id of every entry; None where the order does not hold.

    At late_initcall the headers are made for ids 3 to 200 in ascending order; what is registered later is appended. So the
    order fails where an id was late: then only names are left.
    """
    for first in (CONFIG, CONFIG + 1):  # without CONFIG_IKCONFIG there is no region 3
        for skipped in _never(series):
            ids = [id_ for id_ in range(first, MAX) if id_ not in skipped and (id_ >= series.dynamic or series.symbol(id_))]
            placed = ids[: len(entries)]
            anchors = [
                (entry, id_) for entry, id_ in zip(entries, placed, strict=False) if series.id_of(entry.name) is not None
            ]
            if len(placed) == len(entries) and len(anchors) >= _ANCHORS and all(_fits(series, *one) for one in anchors):
                return tuple(placed)
    return None


def _fits(series: Series, entry: Entry, id_: int) -> bool:
    return series.id_of(entry.name) == id_


def _never(series: Series) -> Iterator[frozenset[int]]:
    """Ids that no annotation has: init_mm_pgd in v1 and v2, kallsyms_relative_base in v2."""
    named = {"v1": ("init_mm_pgd",), "v2": ("init_mm_pgd", "kallsyms_relative_base")}.get(series.name, ())
    yield frozenset(id_ for name in named if (id_ := series.id_of(name)) is not None)
