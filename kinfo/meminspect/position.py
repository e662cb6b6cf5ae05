"""Ids of a core image's regions, which has none: by their order, where the regions that can be named agree with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinfo.meminspect.entry import Entry
from kinfo.meminspect.ids import CONFIG, MAX, Series

_ANCHORS = 3  # named regions that must lie where the order puts them


def ids_by_position(series: Series, entries: Sequence[Entry]) -> tuple[int | None, ...] | None:
    """The id of every entry, None for one whose id the order does not tell; None where the order does not hold at all.

    At late_initcall the headers are made for ids 3 to 200 in ascending order; what is registered later is appended, whatever
    its id. So the order tells ids up to the last region that can be named: what stands behind may have come late.
    """
    for first in (CONFIG, CONFIG + 1):  # without CONFIG_IKCONFIG there is no region 3
        for skipped in _skipped(series):
            ids = [id_ for id_ in range(first, MAX) if id_ not in skipped and (id_ >= series.dynamic or series.symbol(id_))]
            placed = ids[: len(entries)]
            anchors = [at for at, entry in enumerate(entries[: len(placed)]) if series.id_of(entry.name) is not None]
            fits = all(series.id_of(entries[at].name) == placed[at] for at in anchors)
            if len(placed) == len(entries) and len(anchors) >= _ANCHORS and fits:
                return tuple(id_ if at <= anchors[-1] else None for at, id_ in enumerate(placed))
    return None


def _skipped(series: Series) -> Iterator[frozenset[int]]:
    """Ids that no annotation has: init_mm_pgd in v1 and v2, kallsyms_relative_base in v2; a module may register the first."""
    late = (series.late,) if series.late else ()
    for names in dict.fromkeys(((*late, *series.dropped), series.dropped)):
        yield frozenset(id_ for name in names if (id_ := series.id_of(name)) is not None)
