"""The kernel's early allocator: which memory there is, what of it is not to be mapped, and what is reserved.

mm/memblock.c of 5.4 to 7.3. Ranges never overlap and are kept by address; the kernel's own merging of neighbours shows in
nothing that is asked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kinfo.dt.ranges import Range

PHYS_MAX = (1 << 64) - 1  # PHYS_ADDR_MAX on a 64-bit kernel


class Stretches:
    """Disjoint ranges by address, each with a mark (memblock's flags: here whether it is not mapped)."""

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self._rows: list[tuple[int, int, bool]] = []
        for one in ranges:
            self.add(one)

    def __iter__(self) -> Iterator[Range]:
        return (Range(start, end - start) for start, end, _ in self._rows)

    def marked(self) -> Iterator[Range]:
        """Those with the mark."""
        return (Range(start, end - start) for start, end, mark in self._rows if mark)

    def unmarked(self) -> Iterator[Range]:
        """Those without it."""
        return (Range(start, end - start) for start, end, mark in self._rows if not mark)

    def overlaps(self, there: Range) -> bool:
        """Whether a byte is in both (memblock_overlaps_region())."""
        start, end = _bounds(there)
        return any(low < end and start < high for low, high, _ in self._rows)

    def covers(self, there: Range) -> bool:
        """Whether every byte of it is in here; an empty range is not."""
        at, end = there.base, there.end
        for low, high, _ in self._rows:
            if low <= at < high:
                at = high
        return there.size > 0 and at >= end

    def add(self, there: Range) -> None:
        """Add what of it is not there yet, unmarked (memblock_add_range())."""
        at, end = _bounds(there)
        fresh: list[tuple[int, int, bool]] = []
        for low, high, _ in self._rows:
            if high <= at or low >= end:
                continue
            if at < low:
                fresh.append((at, low, False))
            at = max(at, high)
        if at < end:
            fresh.append((at, end, False))
        self._rows = sorted(self._rows + fresh)

    def remove(self, there: Range) -> None:
        """Take it out (memblock_remove_range())."""
        start, end = _bounds(there)
        rows: list[tuple[int, int, bool]] = []
        for low, high, mark in self._rows:
            rows += [(a, b, mark) for a, b in ((low, min(high, start)), (max(low, end), high)) if a < b]
        self._rows = rows

    def mark(self, there: Range, *, mark: bool = True) -> None:
        """Mark what of it is in here; what is not is passed over (memblock_setclr_flag())."""
        start, end = _bounds(there)
        rows: list[tuple[int, int, bool]] = []
        for low, high, was in self._rows:
            parts = ((low, min(high, start), was), (max(low, start), min(high, end), mark), (max(low, end), high, was))
            rows += [part for part in parts if part[0] < part[1]]
        self._rows = rows


def _bounds(there: Range) -> tuple[int, int]:
    """First byte and end, cut at the top as memblock_cap_size() does."""
    return there.base, min(there.end, PHYS_MAX)


class Memblock:
    """memblock.memory (marked: MEMBLOCK_NOMAP) and memblock.reserved."""

    def __init__(self, banks: Iterable[Range] = ()) -> None:
        self.memory, self.reserved = Stretches(banks), Stretches()

    def free(self) -> list[Range]:
        """Memory that is mapped and not reserved, by address (for_each_free_mem_range())."""
        left = Stretches(self.memory.unmarked())
        for one in list(self.reserved):
            left.remove(one)
        return joined(left)

    def find(self, size: int, alignment: int, start: int, end: int, *, bottom_up: bool = False, page: int = 4096) -> int:
        """A free place of `size` bytes within start and end, the highest first; 0 where there is none.

        memblock_find_in_range_node(): the first page is never given; a candidate is rounded by masking, which the kernel does
        with an alignment that is no power of two as well.
        """
        start = max(start, page)
        end = max(start, min(end, PHYS_MAX))
        mask = alignment - 1
        stretches = self.free()
        for stretch in stretches if bottom_up else reversed(stretches):
            low, high = (min(max(edge, start), end) for edge in (stretch.base, stretch.end))
            if bottom_up:
                candidate = ((low - 1) | mask) + 1
                if candidate < high and high - candidate >= size:
                    return candidate
            elif high >= size and (candidate := (high - size) & ~mask) >= low:
                return candidate
        return 0

    def cap(self, there: Range) -> None:
        """Keep only this of what is mapped (memblock_cap_memory_range()); of an empty range nothing comes."""
        if not there.size or not list(self.memory):
            return
        for outside in (Range(0, there.base), Range(there.end, max(PHYS_MAX - there.end, 0))):
            for one in [mapped for mapped in self.memory.unmarked() if mapped.overlaps(outside)]:
                low, high = max(one.base, outside.base), min(one.end, outside.end)
                self.memory.remove(Range(low, high - low))
            self.reserved.remove(outside)

    def limit(self, size: int) -> None:
        """Keep the first `size` bytes of memory (memblock_mem_limit_remove_map(), for `mem=`)."""
        left = size
        for bank in list(self.memory):
            if left <= bank.size:
                if size:
                    self.cap(Range(0, bank.base + left))
                return
            left -= bank.size


def joined(stretches: Iterable[Range]) -> list[Range]:
    """Neighbours as one: memblock merges them, and a search must see them so."""
    found: list[Range] = []
    for one in stretches:
        if found and found[-1].end == one.base:
            found[-1] = Range(found[-1].base, found[-1].size + one.size)
        else:
            found.append(one)
    return found
