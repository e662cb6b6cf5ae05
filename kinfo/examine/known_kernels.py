"""How regions of a kernel that was seen before are read, by their keys."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import repeat
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from kinfo.examine.traced import Codes
from kinfo.record.asked.blobs import Blobs, Bools
from kinfo.record.asked.follow import Rows
from kinfo.record.asked.keys import AddressPlaces, Keyed
from kinfo.record.asked.still_open import HIGHEST, Asked, StillOpen, agree, of_key, open_questions
from kinfo.record.asked.ways import Fork
from kinfo.record.decode import Detected

T = TypeVar("T")
_MOST_KEYS = 1 << 15  # some 600 bytes each
_MOST_OPEN = 100  # questions; with more, the way itself is as quick
_NOBODY = np.zeros(0, np.intp)


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


class _Numbered(Generic[T]):
    """Values that come again and again, each kept once."""

    def __init__(self) -> None:
        self.values: list[T] = []
        self._numbers: dict[Hashable, int] = {}

    def number(self, key: Hashable, value: T) -> int:
        """Where the value of a key stands among all; it is the first one that came with the key."""
        if key not in self._numbers:
            self._numbers[key] = len(self.values)
            self.values.append(value)
        return self._numbers[key]


class _Plans:
    """How regions of one frame are read, by their keys, and what is to be known of each of them before that is so.

    Of a key: how it is read, the least and the greatest base of each group of addresses, and which questions are open.
    """

    def __init__(self) -> None:
        self._by_key: dict[bytes, int] = {}
        self._limits: list[list[tuple[int, int]]] = []
        self._kinds: list[tuple[int, int]] = []
        self._reads: _Numbered[Read] = _Numbered()
        self._open: _Numbered[tuple[Asked, ...]] = _Numbered()
        self._arrays: tuple[NDArray[np.uint64], NDArray[np.int64]] | None = None

    def __len__(self) -> int:
        return len(self._by_key)

    def __contains__(self, key: bytes) -> bool:
        return key in self._by_key

    def add(self, key: bytes, one: Read, limits: list[tuple[int, int]], asked: tuple[Asked, ...]) -> None:
        """Keep how a region of this key is read."""
        alike = (one.reading, one.vendor, one.judgement, one.vendor_judgement, one.ends)
        self._by_key[key] = len(self._kinds)
        self._kinds.append((self._reads.number(alike, one), self._open.number(asked, asked)))
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
            agreed = agree(blobs, rows[places], self._open.values[number])
            kinds[places[~agreed], 0] = -1
        reads = self._reads.values
        yield from (reads[number]._replace(rows=rows[places]) for number, places in _alike(kinds[:, 0]) if number >= 0)


def _alike(codes: NDArray[np.int64]) -> Iterator[tuple[int, Rows]]:
    """Every code, and where it stands."""
    order = np.argsort(codes, kind="stable")
    borders = np.flatnonzero(np.diff(codes[order])) + 1
    for places in np.split(order, borders):
        if len(places):
            yield int(codes[places[0]]), places


class KnownKernels:
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
