"""Which region is which of the header's, where no address says so: by ids, order and sizes.

At late_initcall the kernel makes a header for every id in ascending order; what is registered later is appended, whatever
its id; what is removed is taken out. So the places are a run of ascending ids and perhaps a tail. Ids that have no file may
have a place all the same: their files are missing. Every way to read the places so has a price, for what in it is unusual;
an id is placed where every reading of nearly the lowest price has it. Two equal fits place nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from kinfo.elf.structs import Program
from kinfo.meminspect.ids import CONFIG, MAX, Series
from kinfo.minidump.pins import Pins
from kinfo.minidump.region import DumpedRegion

_NEVER = 1 << 30
_LATE = 1  # a place of the tail; and again for a file that belongs there
_STRAY = 4  # a file that the header has no region for
_WRONG_SIZE = 3  # a file that was cut off, or has more than its region
_UNUSUAL = 1  # an id that is optional and there, or expected and not there
_MOST_LATE = 40  # places of the tail that are tried
# Variables of the C types int, long and pointer: their places have 4 or 8 bytes.
_WORDS = {
    *("_totalram_pages", "jiffies_64", "nr_threads", "nr_irqs", "total_nr_irqs", "tainted_mask", "nr_swapfiles", "prb"),
    *("high_memory", "_sinittext", "_einittext", "_end", "_text", "_stext", "_etext", "swapper_pg_dir"),
    *("kallsyms_num_syms", "kallsyms_relative_base", "kallsyms_offsets", "kallsyms_names", "kallsyms_token_table"),
    *("kallsyms_token_index", "kallsyms_markers", "kallsyms_seqs_of_names"),
}


class Fit(NamedTuple):
    """What the order tells of each place: its id, where that is sure; the ids that it can have, where it is not.

    `missing`: places for which there is no file, and the ids that those can have had; `absent` the same of unsure places.
    """

    sure: dict[int, int]
    unsure: dict[int, frozenset[int]]
    missing: dict[int, frozenset[int]]
    absent: frozenset[int] = frozenset()


class _Candidate(NamedTuple):
    """An id that may have a place. `size`: of its file, rounded up (None: no file); `there`, `absent`: what either costs."""

    id: int
    size: int | None
    there: int
    absent: int
    is_word: bool
    is_dynamic: bool


def fit(loads: Sequence[Program], regions: Mapping[int, DumpedRegion], series: Sequence[Series], pins: Pins) -> Fit:
    """Which id each place has. `regions` are the files by id, those that are empty included."""
    held = {id_: one for id_, one in sorted(regions.items()) if one.size and id_ >= CONFIG}
    if len(held) == len(loads) and all(
        one.padded == load.in_file and pins.allows(place, id_)
        for place, ((id_, one), load) in enumerate(zip(held.items(), loads, strict=True))
    ):
        return Fit(dict(enumerate(held)), {}, {})
    readings = list(_readings(loads, list(_candidates(len(loads), regions, series)), pins))
    lowest = min((one.lowest for one in readings), default=_NEVER)
    if lowest >= _NEVER:
        return _pinned(loads, held, pins)
    is_whole = Counter(one.padded for one in held.values()) == Counter(one.in_file for one in loads)
    limit = lowest + (0 if is_whole else _UNUSUAL)
    possible: list[set[int]] = [set() for _ in loads]
    late: set[int] = set()  # places of what was registered late
    for reading in readings:
        if reading.lowest <= limit:
            late.update(range(len(loads) - reading.late, len(loads)))
            for place, ids in enumerate(reading.possible(limit)):
                possible[place] |= ids
    dynamic = min(one.dynamic for one in series)
    last = max([id_ for id_ in held if id_ >= dynamic], default=dynamic - 1)
    late |= {place for place, ids in enumerate(possible) if any(id_ < -last for id_ in ids)}
    _doubt(loads, possible, late, dynamic, pins)
    return _told(possible, {id_: place for id_, place in pins.places.items() if id_ in held})


def _doubt(loads: Sequence[Program], possible: Sequence[set[int]], late: set[int], dynamic: int, pins: Pins) -> None:
    """Ids of one size with one that was registered late: theirs were handed out late, too, perhaps in another order."""
    known = set(pins.places.values())
    for size in {loads[place].in_file for place in late}:
        alike = [
            place
            for place, ids in enumerate(possible)
            if loads[place].in_file == size
            and place not in known
            and (place in late or all(abs(id_) >= dynamic for id_ in ids))
        ]
        ids = {id_ for place in alike for id_ in possible[place] if id_ not in pins.places}
        if len(alike) > 1 and any(id_ > 0 for id_ in ids):
            for place in alike:
                possible[place] |= ids


def _told(possible: Sequence[set[int]], pinned: Mapping[int, int]) -> Fit:
    """From the ids that each place can have; negative ones are those without a file."""
    fit = Fit({}, {}, {})
    for id_, place in pinned.items():  # a file that was cut off too: its size fits nowhere
        for at, ids in enumerate(possible):
            ids.discard(id_) if at != place else ids.clear()
        possible[place].add(id_)
    places = Counter(id_ for ids in possible for id_ in ids if id_ > 0)
    absent: set[int] = set()
    for place, ids in enumerate(possible):
        held = frozenset(id_ for id_ in ids if id_ > 0)
        if not held:
            fit.missing[place] = frozenset(-id_ for id_ in ids)
        elif len(ids) == 1 and places[next(iter(held))] == 1:
            fit.sure[place] = next(iter(held))
        else:
            fit.unsure[place] = held
            absent |= {-id_ for id_ in ids if id_ < 0}
    return fit._replace(absent=frozenset(absent))


def _pinned(loads: Sequence[Program], held: Mapping[int, DumpedRegion], pins: Pins) -> Fit:
    """No reading holds: only what is pinned has a place."""
    sure = {place: id_ for id_, place in pins.places.items() if id_ in held}
    rest = frozenset(id_ for id_ in held if id_ not in pins.places)
    others = {place: rest for place in range(len(loads)) if place not in sure}
    return Fit(sure, others, {}) if rest else Fit(sure, {}, others)


def _candidates(count: int, regions: Mapping[int, DumpedRegion], series: Sequence[Series]) -> Iterator[_Candidate]:
    dynamic = min(one.dynamic for one in series)
    last = max([id_ for id_ in regions if id_ >= dynamic], default=dynamic - 1)
    words = {id_ for one in series for symbol in _WORDS if (id_ := one.id_of(symbol)) is not None}
    more = max(count - len(regions), 0) + 1  # ids behind the last that has a file
    for id_ in range(CONFIG, min(MAX, max(last, dynamic - 1) + 1 + more)):
        region = regions.get(id_)
        if region is not None and region.size:
            yield _Candidate(id_, region.padded, 0, _STRAY, id_ in words, id_ >= dynamic)
        elif id_ <= last or id_ < dynamic:
            is_usual = region is not None or id_ >= dynamic or _is_expected(id_, series)
            there, absent = (0, _UNUSUAL) if is_usual else (_UNUSUAL, 0)
            yield _Candidate(id_, None, there, absent, id_ in words and id_ < dynamic, id_ >= dynamic)
        else:
            yield _Candidate(id_, None, _UNUSUAL, 0, is_word=False, is_dynamic=True)


def _is_expected(id_: int, series: Iterable[Series]) -> bool:
    """Whether every posting that fits registers something at an id."""
    return all((symbol := one.symbol(id_)) and symbol not in (*one.dropped, one.late) for one in series) and id_ != CONFIG


class _Reading:
    """All ways to read the places as an ascending run with a tail of `late` places: prices from both ends."""

    def __init__(self, loads: Sequence[Program], candidates: Sequence[_Candidate], pins: Pins, late: int) -> None:
        self._candidates = candidates
        self._pins = pins
        self._run, self._tail = loads[: len(loads) - late], loads[len(loads) - late :]
        self.late = late
        self._lateable = {-one.id for one in candidates if one.size is None and (one.there or one.is_dynamic)}
        self._late = Counter(one.in_file for one in self._tail)
        self._skips = [self._price_absent(one) for one in candidates]
        self._prices = [[self._price(place, one) for one in candidates] for place in range(len(self._run))]
        self._before = self._forward()
        self.lowest = min(self._before[-1][-1] + _LATE * late, _NEVER)

    def possible(self, limit: int) -> Iterator[set[int]]:
        """The ids that each place has in a reading of no more than this price; negative for those without a file."""
        after = self._backward()
        limit -= _LATE * len(self._tail)
        for place, prices in enumerate(self._prices):
            found: set[int] = set()
            for at, price in enumerate(prices):
                if self._before[place][at] + price + after[place + 1][at + 1] <= limit:
                    one = self._candidates[at]
                    found.add(-one.id if one.size is None else one.id)
            yield found
        yield from self._late_ones(limit, after)

    def _late_ones(self, limit: int, after: Sequence[Sequence[int]]) -> Iterator[set[int]]:
        """The ids that can be absent in the run, by size; places of the tail that only few files fit lack theirs perhaps."""
        free = [
            one
            for at, one in enumerate(self._candidates)
            if one.size in self._late
            and any(row[at] + self._skips[at] + after[place][at + 1] <= limit for place, row in enumerate(self._before))
        ]
        for place, load in enumerate(self._tail, start=len(self._run)):
            ids = {one.id for one in free if one.size == load.in_file and self._pins.allows(place, one.id)}
            is_short = len(ids) < self._late[load.in_file]
            yield ids | self._lateable if is_short else ids

    def _price_absent(self, one: _Candidate) -> int:
        place = self._pins.places.get(one.id)
        if place is not None and place < len(self._run):
            return _NEVER
        return _LATE if place is not None or (one.size is not None and self._late[one.size]) else one.absent

    def _price(self, place: int, one: _Candidate) -> int:
        size = self._run[place].in_file
        if not self._pins.allows(place, one.id):
            return _NEVER
        if one.size is None:
            return one.there if not one.is_word or size in (4, 8) else _NEVER
        return 0 if one.size == size else _WRONG_SIZE

    def _forward(self) -> list[list[int]]:
        """The lowest price of the first places with the first candidates: [places][candidates]."""
        row = [0]
        for skip in self._skips:
            row.append(min(row[-1] + skip, _NEVER))
        rows = [row]
        for prices in self._prices:
            last, row = row, [_NEVER]
            for at, price in enumerate(prices):
                row.append(min(row[at] + self._skips[at], last[at] + price, _NEVER))
            rows.append(row)
        return rows

    def _backward(self) -> list[list[int]]:
        """The lowest price of what follows so many places and candidates: [places][candidates]."""
        count = len(self._candidates)
        row = [0] * (count + 1)
        for at in range(count - 1, -1, -1):
            row[at] = min(row[at + 1] + self._skips[at], _NEVER)
        rows = [row]
        for prices in reversed(self._prices):
            last, row = row, [_NEVER] * (count + 1)
            for at in range(count - 1, -1, -1):
                row[at] = min(row[at + 1] + self._skips[at], last[at + 1] + prices[at], _NEVER)
            rows.append(row)
        return rows[::-1]


def _readings(loads: Sequence[Program], candidates: Sequence[_Candidate], pins: Pins) -> Iterator[_Reading]:
    """Readings with ever longer tails, as long as those can have the lowest price."""
    lowest = _NEVER
    for late in range(min(len(loads), _MOST_LATE) + 1):
        if _LATE * late > lowest + _UNUSUAL:
            return
        reading = _Reading(loads, candidates, pins, late)
        lowest = min(lowest, reading.lowest)
        yield reading
