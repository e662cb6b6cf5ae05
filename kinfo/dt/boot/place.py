"""Where a region without an address is put: drivers/of/of_reserved_mem.c: __reserved_mem_alloc_size()."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from kinfo.dt.boot.memblock import Memblock
from kinfo.dt.boot.releases import EarlyMemory
from kinfo.dt.boot.scan import Wish
from kinfo.dt.ranges import Range
from kinfo.typed import TypeVar

CACHE_LINE = 64  # SMP_CACHE_BYTES of arm64
_WORD = (1 << 64) - 1
_ANYWHERE = _WORD  # MEMBLOCK_ALLOC_ANYWHERE
T = TypeVar("T")


def place(memory: Memblock, wish: Wish, release: EarlyMemory, listed: Sequence[Range], page: int) -> int:
    """The address, or 0 where no range has room.

    `listed` are the regions that reserved_mem[] has so far: from 6.6 on a range that begins or ends at one of them is filled
    from there (__reserved_mem_alloc_in_range()).
    """
    for there in wish.ranges if wish.ranges is not None else (Range(0, 0),):
        end = there.end & _WORD
        bottom_up = False
        if release.near and wish.ranges is not None:
            below = any(one.base <= there.base <= one.end for one in listed if one.size)
            above = any(one.base <= end <= one.end for one in listed if one.size)
            bottom_up = below and not above
        alignment = wish.alignment or CACHE_LINE
        found = memory.find(wish.size, alignment, there.base, end or _ANYWHERE, bottom_up=bottom_up, page=page)
        if found:
            return found
    return 0


def heap_sorted(items: Iterable[T], key: Callable[[T], tuple[int, ...]]) -> list[T]:
    """Sorted as lib/sort.c does it (5.2 to 6.5): not stable, and so it says in which order equal ones are served."""
    found = list(items)
    end = len(found)
    first = end // 2
    while end > 1 or first:
        if first:
            first -= 1
        else:
            end -= 1
            if not end:
                break
            found[0], found[end] = found[end], found[0]
        _sift(found, first, end, key)
    return found


def _sift(found: list[T], first: int, end: int, key: Callable[[T], tuple[int, ...]]) -> None:
    """Put the item at `first` where it belongs in the heap: down to a leaf by the larger child, then back up."""
    at = first
    while (child := 2 * at + 1) + 1 < end:
        at = child if key(found[child]) >= key(found[child + 1]) else child + 1
    if child + 1 == end:
        at = child
    while at != first and key(found[first]) >= key(found[at]):
        at = (at - 1) // 2
    goal = at
    while at != first:
        at = (at - 1) // 2
        found[at], found[goal] = found[goal], found[at]
