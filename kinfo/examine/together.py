"""Regions of one size read together: what detection and the checks ask of them is answered for all at once.

It gives the rows that it can, with the same answers as `kinfo.decode`; the others are read one by one. Left to that are
regions with more than one record, without a sound magic at their start, and records whose findings look for a flipped bit.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinfo.examine.traced import Codes, RecordPlace, TracedRecord, judge
from kinfo.record.asked.follow import Rows, follow
from kinfo.record.asked.questions import Word
from kinfo.record.asked.traced import Asker, TracedWindow
from kinfo.record.asked.vectors import Blobs, Bools
from kinfo.record.asked.ways import Ways
from kinfo.record.checksum import State
from kinfo.record.decode import HALVES, NO_RECORD, REGION_LIMIT, Detected, read_window
from kinfo.record.layouts import MAGICS, SMALLEST
from kinfo.record.limits import VENDOR_HALF
from kinfo.record.scan import NEAR_MAGICS, PAGE, WORD


class Read(NamedTuple):
    """Rows that were read alike: the reading of their record, and of the vendor block at `half` where there is one."""

    rows: Rows
    reading: Detected
    vendor: Detected | None
    half: int
    judgement: Codes | None


_MAGICS = np.array(MAGICS, np.uint32)
_LIKE_MAGICS = np.array([*MAGICS, *NEAR_MAGICS], np.uint32)
_trees: dict[Hashable, Ways[Any]] = {}


def read(matrix: NDArray[np.uint8], *, findings: bool) -> list[Read]:
    """The rows of a matrix of regions that can be read together."""
    blobs = Blobs(matrix)
    if not SMALLEST <= blobs.size <= REGION_LIMIT:
        return []
    alone, with_half = _places(blobs)
    found = [Read(rows, reading, None, 0, None) for reading, rows in _readings(blobs, alone, 0, blobs.size)]
    found += _with_vendor(blobs, with_half)
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


def _readings(blobs: Blobs, rows: Rows, start: int, end: int) -> list[tuple[Detected, Rows]]:
    """What detection decides on the window that begins at `start`, in a region that ends at `end`."""
    size = min(end - start, VENDOR_HALF)
    is_end = start + size == blobs.size

    def ask(asker: Asker) -> Detected:
        return read_window(TracedWindow(asker, start, size, is_end=is_end))

    found, _ = follow(_tree(("read", start, size, is_end), ask), blobs, rows)
    return [(reading, some) for reading, some in found if reading is not NO_RECORD]


def _tree(key: Hashable, ask: Any) -> Ways[Any]:
    if key not in _trees:
        _trees[key] = Ways(ask)
    return _trees[key]


def _with_vendor(blobs: Blobs, rows: Rows) -> list[Read]:
    """Regions with a vendor block at their half; what looks like one and is none is left to be read one by one."""
    half = blobs.size // 2
    rows = rows[~blobs.blank(half + 4, half + 72)[rows]]
    found = []
    for first, some in _readings(blobs, rows, 0, blobs.size):
        if first.layout is None or first.layout.vendor:
            continue
        for vendor, fewer in _readings(blobs, some, half, blobs.size):
            if vendor.layout is not None and vendor.layout.vendor:
                again = _readings(blobs, fewer, 0, half) if half < VENDOR_HALF else [(first, fewer)]
                found += [Read(ours, reading, vendor, half, None) for reading, ours in again]
    return found


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

    def ask(asker: Asker) -> Codes:
        vendor = None
        if one.vendor:
            place = RecordPlace(one.half, min(region - one.half, VENDOR_HALF), 0, region)
            vendor = TracedRecord.at(asker, place, one.vendor, None)
        return judge(
            TracedRecord.at(asker, RecordPlace(0, min(tail_end, VENDOR_HALF), tail_end, region), one.reading, vendor)
        )

    key = ("judge", region, one.half, one.reading, one.vendor)
    found, _ = follow(_tree(key, ask), blobs, one.rows)
    return [one._replace(rows=rows, judgement=judgement) for judgement, rows in found]
