"""Regions of one size read together: what detection and the checks ask of them is answered for all at once.

It gives the rows that it can, with the same answers as `kinfo.decode`; the others are read one by one. Left to that are
regions with more than one record, without a sound magic at their start, and records whose findings look for a flipped bit.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from kinfo.examine.known_kernels import KnownKernels, Read
from kinfo.examine.traced import Codes, RecordPlace, TracedRecord, judge
from kinfo.record.asked.blobs import Blobs, Bools
from kinfo.record.asked.follow import Rows, follow
from kinfo.record.asked.keys import keyed
from kinfo.record.asked.questions import Word
from kinfo.record.asked.traced import Asker, TracedWindow
from kinfo.record.asked.ways import Fork, Ways
from kinfo.record.checksum import ALL_ONES, State
from kinfo.record.decode import HALVES, NO_RECORD, REGION_LIMIT, Detected, read_window
from kinfo.record.layouts import LAYOUTS, MAGICS, SMALLEST
from kinfo.record.limits import VENDOR_HALF
from kinfo.record.scan import NEAR_MAGICS, PAGE, WORD

_MAGICS = np.array(MAGICS, np.uint32)
_LIKE_MAGICS = np.array([*MAGICS, *NEAR_MAGICS], np.uint32)
_trees: dict[Hashable, Ways[Any]] = {}
_kernels: dict[Hashable, KnownKernels] = {}


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
    kernels = _kernels.setdefault((blobs.size, half, findings), KnownKernels())
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
