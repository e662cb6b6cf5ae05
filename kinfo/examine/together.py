"""Regions of one size read together: what detection and the checks ask of them is answered for all at once.

It gives the rows that it can, with the same answers as `kinfo.decode`; the others are read one by one. Left to that are
regions with more than one record, without a sound magic at their start, and records whose findings look for a flipped bit.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinfo.examine.traced import Codes, RecordPlace, TracedRecord, judge
from kinfo.record.asked.follow import Rows, follow
from kinfo.record.asked.keys import AddressPlaces, Keyed, agree, keyed, open_questions
from kinfo.record.asked.questions import Answer, Question, Word
from kinfo.record.asked.traced import Asker, TracedWindow
from kinfo.record.asked.vectors import Blobs, Bools
from kinfo.record.asked.ways import Fork, Ways
from kinfo.record.checksum import State
from kinfo.record.decode import HALVES, NO_RECORD, REGION_LIMIT, Detected, read_window
from kinfo.record.layouts import MAGICS, SMALLEST
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


class _Plan(NamedTuple):
    """How regions of some keys are read, and what is to be asked of them before that is so."""

    read: Read
    open: tuple[tuple[Question, Answer], ...]


class _Kernels:
    """The plans of regions seen before, by their keys."""

    def __init__(self) -> None:
        self._plans: dict[AddressPlaces, dict[bytes, _Plan]] = {}
        self._kept = 0
        self._made: dict[Hashable, _Plan | None] = {}

    def find(self, blobs: Blobs, keys: Sequence[Keyed]) -> tuple[list[Read], Bools]:
        """What is read as before, and which rows that are."""
        found, is_found = [], np.zeros(len(blobs.matrix), np.bool_)
        for one in keys:
            by_plan: dict[int, tuple[_Plan, list[int]]] = {}
            plans = self._plans.get(one.frame, {})  # a key says nothing of which words of it are distances
            for at, plan in enumerate(map(plans.get, one.keys)):
                if plan is not None:
                    by_plan.setdefault(id(plan), (plan, []))[1].append(at)
            by_open: dict[Hashable, list[tuple[_Plan, list[int]]]] = {}
            for plan, places in by_plan.values():
                by_open.setdefault(plan.open, []).append((plan, places))
            for alike in by_open.values():
                rows = one.rows[[at for _, places in alike for at in places]]
                agreed = agree(blobs, rows, alike[0][0].open)
                is_found[rows[agreed]] = True
                start = 0
                for plan, places in alike:
                    end = start + len(places)
                    found.append(plan.read._replace(rows=rows[start:end][agreed[start:end]]))
                    start = end
        return found, is_found

    def keep(self, blobs: Blobs, keys: Sequence[Keyed], found: Sequence[Read]) -> None:
        """Keep how these were read."""
        read_as: dict[int, Read] = {row: one for one in found for row in one.rows.tolist()}
        for one in keys:
            plans = self._plans.setdefault(one.frame, {})
            for row, key in zip(one.rows.tolist(), one.keys, strict=True):
                read = read_as.get(row)
                if read and self._kept < _MOST_KEYS and (plan := self._plan(one.frame, read, blobs, row)):
                    self._kept += key not in plans
                    plans[key] = plan

    def _plan(self, frame: AddressPlaces, read: Read, blobs: Blobs, row: int) -> _Plan | None:
        data = blobs.matrix[row].tobytes()
        zeros = tuple(not any(data[at : at + 8]) for at, _ in frame.words)
        known = (frame, tuple(map(id, read.ends)), zeros)
        if known not in self._made:
            way = (asked for end in read.ends for asked in end.way())
            asked = open_questions(way, frame, data)
            self._made[known] = _Plan(read._replace(rows=_NOBODY), asked) if len(asked) <= _MOST_OPEN else None
        return self._made[known]


_MOST_KEYS = 1 << 15  # some 600 bytes each
_MOST_OPEN = 100  # questions; with more, the way itself is as quick
_NOBODY = np.zeros(0, np.intp)
_MAGICS = np.array(MAGICS, np.uint32)
_LIKE_MAGICS = np.array([*MAGICS, *NEAR_MAGICS], np.uint32)
_trees: dict[Hashable, Ways[Any]] = {}
_kernels: dict[Hashable, _Kernels] = {}


def read(matrix: NDArray[np.uint8], *, findings: bool) -> list[Read]:
    """The rows of a matrix of regions that can be read together."""
    blobs = Blobs(matrix)
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
    others = _asked(blobs, rows[~is_found[rows]], half, findings=findings)
    kernels.keep(blobs, keys, others)
    return [one for one in (*found, *others) if len(one.rows)]


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
    words = blobs.matrix[one.rows, : blobs.size // WORD * WORD].view("<u4")
    others = np.isin(words, _MAGICS).sum(axis=1)
    has_half = one.vendor and one.half % WORD == 0
    known = 1 + (np.isin(words[:, one.half // WORD], _MAGICS) if has_half else np.zeros(len(words), np.int64))
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
