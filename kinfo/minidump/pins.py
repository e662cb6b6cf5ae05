"""What says of a header's region which id it is: addresses, VMCOREINFO's symbols, a record, and what regions hold.

A pin is the id, or the ids, that a place can have; or the place that an id has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from kinfo.elf.structs import Program
from kinfo.meminspect.entry import Entry
from kinfo.meminspect.ids import Series
from kinfo.minidump.region import DumpedRegion, padded
from kinfo.minidump.shift import points_at_itself

_MOST_READ = 1 << 17  # bytes of a region that are looked through for lists
_CONTENT = "mem_section"  # VMCOREINFO names what it points at, not the variable


class Pins(NamedTuple):
    """`ids` by place: those that it can have (no entry: any). `places` by id: the one that it has."""

    ids: dict[int, frozenset[int]]
    places: dict[int, int]

    def allows(self, place: int, id_: int) -> bool:
        """Whether an id may be at a place."""
        return id_ in self.ids.get(place, (id_,)) and self.places.get(id_, place) == place


def by_address(loads: Sequence[Program], entries: Mapping[int, Entry]) -> Pins:
    """The places of ids whose addresses are known. Of headers with one address the one of the size, then the first."""
    by_pa: dict[int, list[int]] = {}
    by_va: dict[int, list[int]] = {}
    for place, one in enumerate(loads):
        by_pa.setdefault(one.pa, []).append(place)
        by_va.setdefault(one.va, []).append(place)
    places: dict[int, int] = {}
    taken: set[int] = set()
    for id_, entry in sorted(entries.items()):
        at = by_pa.get(entry.pa, []) if entry.pa else by_va.get(entry.va or 0, [])
        free = sorted((place for place in at if place not in taken), key=lambda place: _differs(loads[place], entry))
        if free:
            places[id_] = free[0]
            taken.add(free[0])
    return Pins({place: frozenset((id_,)) for id_, place in places.items()}, places)


def _differs(load: Program, entry: Entry) -> bool:
    return load.in_file != padded(entry.size)


def by_symbols(loads: Sequence[Program], series: Iterable[Series], vas: Mapping[str, int], pas: Mapping[str, int]) -> Pins:
    """By symbols whose VA (VMCOREINFO) or PA (a record) is known; a symbol can have several ids where the series is open."""
    series = tuple(series)
    ids: dict[int, frozenset[int]] = {}
    places: dict[int, set[int]] = {}
    for place, one in enumerate(loads):
        names = [name for name, va in vas.items() if va == one.va and name != _CONTENT]
        names += [name for name, pa in pas.items() if pa == one.pa]
        told = {id_ for name in names for known in series if (id_ := known.id_of(name)) is not None}
        if told:
            ids[place] = frozenset(told)
            for id_ in told:
                places.setdefault(id_, set()).add(place)
    unique = {id_: next(iter(at)) for id_, at in places.items() if len(at) == 1 and len(ids[next(iter(at))]) == 1}
    return Pins(ids, unique)


def by_lists(loads: Sequence[Program], unsure: Mapping[int, set[int]], regions: Mapping[int, DumpedRegion]) -> Pins:
    """By empty lists in a region: they point at themselves, so they say its VA. `unsure`: the places that each id can have.

    struct rq, pglist_data and init_mm have such list heads (include/linux/list.h: INIT_LIST_HEAD).
    """
    places: dict[int, int] = {}
    for id_, at in unsure.items():
        hits = [place for place in at if points_at_itself(regions[id_].read(_MOST_READ), loads[place].va)]
        if len(hits) == 1:
            places[id_] = hits[0]
    unique = {id_: place for id_, place in places.items() if list(places.values()).count(place) == 1}
    return Pins({place: frozenset((id_,)) for id_, place in unique.items()}, unique)


def joined(first: Pins, *others: Pins) -> Pins:
    """All of them; where two say different things of a place or an id, the first is believed."""
    ids, places = dict(first.ids), dict(first.places)
    for other in others:
        for id_, place in other.places.items():
            if id_ not in places and id_ in ids.get(place, (id_,)) and place not in places.values():
                places[id_] = place
        for place, told in other.ids.items():
            allowed = ids.get(place, told) & told
            if allowed and not (place not in ids and any(id_ in places and places[id_] != place for id_ in told)):
                ids[place] = frozenset(allowed)
    return Pins(ids, places)
