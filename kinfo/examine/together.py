"""Regions of one size read together: what detection and the checks ask of them is answered for all at once.

It gives the rows that it can, with the same answers as `kinfo.decode`; the others are read one by one. Left to that are
regions with more than one record, without a sound magic at their start, and records whose findings look for a flipped bit.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinfo.examine.traced import Codes, RecordPlace, TracedRecord, judge
from kinfo.record.asked.follow import Rows, follow
from kinfo.record.asked.keys import HIGHEST, AddressPlaces, Asked, Keyed, StillOpen, agree, keyed, of_key, open_questions
from kinfo.record.asked.questions import Word
from kinfo.record.asked.traced import Asker, TracedWindow
from kinfo.record.asked.vectors import Blobs, Bools
from kinfo.record.asked.ways import Fork, Ways
from kinfo.record.checksum import ALL_ONES, State
from kinfo.record.decode import HALVES, NO_RECORD, REGION_LIMIT, Detected, read_window
from kinfo.record.layouts import LAYOUTS, MAGICS, SMALLEST
from kinfo.record.limits import VENDOR_HALF
from kinfo.record.scan import NEAR_MAGICS, PAGE, WORD


class Read(NamedTuple):
    """Rows that were read alike: the reading of their record, and of the vendor block at `half` where there is one.

    `judgement` is None where findings were not asked for; that of the vendor block, taken for a record of its own, also
    where a flipped bit would be looked for. `ends` are those of the ways on which that was found out.
    """

    rows: Rows
    reading: Detected
    vendor: Detected | None
    half: int
    judgement: Codes | None
    ends: tuple[Fork[Any], ...]
    vendor_judgement: Codes | None = None


class _Plans:
    """How regions of one frame are read, by their keys, and what is to be known of each of them before that is so.

    Of a key: how it is read, the least and the greatest base of each group of addresses, and which questions are open.
    """

    def __init__(self) -> None:
        self._by_key: dict[bytes, int] = {}
        self._limits: list[list[tuple[int, int]]] = []
        self._kinds: list[tuple[int, int]] = []
        self._reads: list[Read] = []
        self._open: list[tuple[Asked, ...]] = []
        self._numbers: dict[Hashable, int] = {}
        self._arrays: tuple[NDArray[np.uint64], NDArray[np.int64]] | None = None

    def __len__(self) -> int:
        return len(self._by_key)

    def __contains__(self, key: bytes) -> bool:
        return key in self._by_key

    def add(self, key: bytes, one: Read, limits: list[tuple[int, int]], asked: tuple[Asked, ...]) -> None:
        """Keep how a region of this key is read."""
        alike = (one.reading, one.vendor, one.judgement, one.vendor_judgement, one.ends)
        kinds = (_numbered(self._numbers, alike, self._reads, one), _numbered(self._numbers, asked, self._open, asked))
        self._by_key[key] = len(self._kinds)
        self._kinds.append(kinds)
        self._limits.append([(max(low, 0), min(high, HIGHEST)) for low, high in limits])
        self._arrays = None

    def find(self, blobs: Blobs, keyed: Keyed) -> Iterator[Read]:
        """Those of the rows that are read as before."""
        if not len(self):
            return
        if self._arrays is None:
            self._arrays = np.array(self._limits, np.uint64), np.array(self._kinds, np.int64)
        limits, kinds = self._arrays
        numbers = np.fromiter(map(self._by_key.get, keyed.keys, repeat(-1)), np.int64, len(keyed.keys))
        is_right = numbers >= 0
        for group, base in enumerate(keyed.bases.values()):
            is_right &= (limits[numbers, group, 0] <= base) & (base <= limits[numbers, group, 1])
        rows, kinds = keyed.rows[is_right], kinds[numbers[is_right]]
        for number, places in _alike(kinds[:, 1]):
            agreed = agree(blobs, rows[places], self._open[number])
            kinds[places[~agreed], 0] = -1
        yield from (self._reads[number]._replace(rows=rows[places]) for number, places in _alike(kinds[:, 0]) if number >= 0)


def _numbered(numbers: dict[Hashable, int], key: Hashable, values: list[Any], value: Any) -> int:
    """The number of a value in a list, where it is put once."""
    if key not in numbers:
        numbers[key] = len(values)
        values.append(value)
    return numbers[key]


def _alike(codes: NDArray[np.int64]) -> Iterator[tuple[int, Rows]]:
    """Every code, and where it stands."""
    order = np.argsort(codes, kind="stable")
    borders = np.flatnonzero(np.diff(codes[order])) + 1
    for places in np.split(order, borders):
        if len(places):
            yield int(codes[places[0]]), places


class _Kernels:
    """The plans of regions seen before."""

    def __init__(self) -> None:
        self._plans: dict[AddressPlaces, _Plans] = {}  # a key says nothing of which words of it are distances
        self._opened: dict[Hashable, StillOpen] = {}

    def find(self, blobs: Blobs, keys: Sequence[Keyed]) -> tuple[list[Read], Bools]:
        """What is read as before, and which rows that are."""
        found = [read for one in keys if one.frame in self._plans for read in self._plans[one.frame].find(blobs, one)]
        is_found = np.zeros(len(blobs), np.bool_)
        for read in found:
            is_found[read.rows] = True
        return found, is_found

    def keep(self, blobs: Blobs, keys: Sequence[Keyed], found: Sequence[Read]) -> None:
        """Keep how these were read."""
        read_as: dict[int, Read] = {row: one for one in found for row in one.rows.tolist()}
        for one in keys if read_as else ():
            plans = self._plans.setdefault(one.frame, _Plans())
            for at in np.flatnonzero(np.isin(one.rows, [*read_as])).tolist():
                if one.keys[at] not in plans and sum(map(len, self._plans.values())) < _MOST_KEYS:
                    row = int(one.rows[at])
                    self._keep(plans, one, at, read_as[row], blobs.blob(row))

    def _keep(self, plans: _Plans, one: Keyed, at: int, read: Read, data: bytes) -> None:
        zeros = tuple(not any(data[place : place + 8]) for place, _ in one.frame.words)
        known = (one.frame, tuple(map(id, read.ends)), zeros)
        if known not in self._opened:
            way = (asked for end in read.ends for asked in end.way())
            self._opened[known] = open_questions(way, one.frame, data)
        limits, asked = of_key(self._opened[known], one.frame, data)
        if len(asked) <= _MOST_OPEN:
            plans.add(one.keys[at], read._replace(rows=_NOBODY), limits, asked)


_MOST_KEYS = 1 << 15  # some 600 bytes each
_MOST_OPEN = 100  # questions; with more, the way itself is as quick
_NOBODY = np.zeros(0, np.intp)
_MAGICS = np.array(MAGICS, np.uint32)
_LIKE_MAGICS = np.array([*MAGICS, *NEAR_MAGICS], np.uint32)
_trees: dict[Hashable, Ways[Any]] = {}
_kernels: dict[Hashable, _Kernels] = {}


def read(blobs: Blobs, *, findings: bool) -> list[Read]:
    """Those regions that can be read together."""
    if not SMALLEST <= blobs.size <= REGION_LIMIT:
        return []
    half = blobs.size // 2
    alone, with_half = _places(blobs)
    if len(with_half):
        with_half = with_half[~blobs.blank(half + 4, half + 72)[with_half]]
    return [*_known(blobs, alone, 0, findings=findings), *_known(blobs, with_half, half, findings=findings)]


def _known(blobs: Blobs, rows: Rows, half: int, *, findings: bool) -> list[Read]:
    """Rows of kernels that were seen before, and then the others."""
    if not len(rows):
        return []
    kernels = _kernels.setdefault((blobs.size, half, findings), _Kernels())
    keys = keyed(blobs, rows, half)
    found, is_found = kernels.find(blobs, keys)
    left = rows[~is_found[rows]]
    if findings:
        left = left[_may_hold(blobs)[left]]
    others = _asked(blobs, left, half, findings=findings) if len(left) else []
    kernels.keep(blobs, keys, others)
    return [one for one in (*found, *others) if len(one.rows)]


def _may_hold(blobs: Blobs) -> Bools:
    """Whether a record at the start may have a sum that holds, or none: else a flipped bit is looked for, word by word."""
    stored = blobs.word(Word(4, 4))
    found = stored == 0
    for words in {layout.words for layout in LAYOUTS}:
        if 8 + 4 * words <= blobs.size:
            differ = stored ^ blobs.sums(0, words)
            found |= (differ == 0) | (differ == ALL_ONES)
    return found  # type: ignore[no-any-return]  # what numpy says of comparisons differs by its release


def _asked(blobs: Blobs, rows: Rows, half: int, *, findings: bool) -> list[Read]:
    """The same by questions."""
    if half:
        found = _with_vendor(blobs, rows)
    else:
        found = [Read(some, _said(end), None, 0, None, (end,)) for end, some in _readings(blobs, rows, 0, blobs.size)]
    found = [one._replace(rows=_only_records(blobs, one)) for one in found]
    found = [one for one in found if len(one.rows)]
    return [more for one in found for more in _judged(blobs, one)] if findings else found


def _like_magic(blobs: Blobs, place: int) -> Bools:
    return np.isin(blobs.word(Word(place, 4)), _LIKE_MAGICS)


def _places(blobs: Blobs) -> tuple[Rows, Rows]:
    """Rows with a magic at their start and nowhere else where a record may begin; and those with one at their half, too."""
    half, size = blobs.size // 2, blobs.size
    places = {place for place in (*HALVES, half) if place + SMALLEST <= size}
    places |= set(range(PAGE, size - 3, PAGE))
    begins = np.isin(blobs.word(Word(0, 4)), _MAGICS)
    for place in places - {half}:
        begins &= ~_like_magic(blobs, place)
    at_half = _like_magic(blobs, half) if half in places else np.zeros(len(begins), np.bool_)
    return np.flatnonzero(begins & ~at_half), np.flatnonzero(begins & at_half)


def _readings(blobs: Blobs, rows: Rows, start: int, end: int) -> list[tuple[Fork[Any], Rows]]:
    """What detection decides on the window that begins at `start`, in a region that ends at `end`."""
    size = min(end - start, VENDOR_HALF)
    is_end = start + size == blobs.size

    def ask(asker: Asker) -> Detected:
        return read_window(TracedWindow(asker, start, size, is_end=is_end))

    found, _ = follow(_tree(("read", start, size, is_end), ask), blobs, rows)
    return [(last, some) for last, some in found if last.outcome is not NO_RECORD]


def _tree(key: Hashable, ask: Any) -> Ways[Any]:
    if key not in _trees:
        _trees[key] = Ways(ask)
    return _trees[key]


def _with_vendor(blobs: Blobs, rows: Rows) -> list[Read]:
    """Regions with a vendor block at their half; what looks like one and is none is left to be read one by one."""
    half = blobs.size // 2
    found = []
    for first, some in _readings(blobs, rows, 0, blobs.size):
        if _is_vendors(_said(first)):
            continue
        for block, fewer in _readings(blobs, some, half, blobs.size):
            if _is_vendors(_said(block)):
                again = _readings(blobs, fewer, 0, half) if half < VENDOR_HALF else [(first, fewer)]
                found += [Read(ours, _said(end), _said(block), half, None, (first, block, end)) for end, ours in again]
    return found


def _said(end: Fork[Any]) -> Any:
    return end.outcome


def _is_vendors(reading: Any) -> bool:
    return bool(reading.layout.vendor)


def _only_records(blobs: Blobs, one: Read) -> Rows:
    """The rows where no other magic is: of a record whose sum does not hold, others are looked for at every word."""
    if one.reading.state.verified or not len(one.rows):
        return one.rows
    words = np.ascontiguousarray(blobs.kept[one.rows, : blobs.kept.shape[1] // WORD * WORD]).view("<u4")
    others = np.isin(words, _MAGICS).sum(axis=1)
    has_half = one.vendor and one.half % WORD == 0
    known = 1 + (np.isin(blobs.word(Word(one.half, WORD))[one.rows], _MAGICS) if has_half else 0)
    rows: Rows = one.rows[others == known]
    return rows


def _judged(blobs: Blobs, one: Read) -> list[Read]:
    if one.reading.state is State.MISMATCH:
        return []  # a flipped bit is looked for, word by word
    region, tail_end = blobs.size, one.half or blobs.size

    def ask(asker: Asker) -> tuple[Codes, Codes | None]:
        vendor, of_vendor = None, None
        if one.vendor:
            place = RecordPlace(one.half, min(region - one.half, VENDOR_HALF), 0, region)
            vendor = TracedRecord.at(asker, place, one.vendor, None)
            of_vendor = None if vendor.state is State.MISMATCH else judge(vendor)
        place = RecordPlace(0, min(tail_end, VENDOR_HALF), tail_end, region)
        return judge(TracedRecord.at(asker, place, one.reading, vendor)), of_vendor

    key = ("judge", region, one.half, one.reading, one.vendor)
    found, _ = follow(_tree(key, ask), blobs, one.rows)
    return [_with_judgement(one, end, rows) for end, rows in found]


def _with_judgement(one: Read, end: Fork[Any], rows: Rows) -> Read:
    judgement, of_vendor = _said(end)
    return one._replace(rows=rows, judgement=judgement, vendor_judgement=of_vendor, ends=(*one.ends, end))
