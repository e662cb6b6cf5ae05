"""Ranges of physical memory: put in order, joined, and cut to what a dump holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from kinfo.errors import HoleError, KernelError
from kinfo.kernel.kernel import Kernel
from kinfo.memory import Memory, Segment
from kinfo.named import NamedTuple


class PhysicalRange(NamedTuple):
    """PAs from `start` up to `end`."""

    start: int
    end: int


def joined(ranges: Iterable[PhysicalRange]) -> list[PhysicalRange]:
    """The same memory in order, each byte once, in as few ranges as there can be."""
    found: list[PhysicalRange] = []
    for one in sorted(ranges):
        if found and one.start <= found[-1].end:
            found[-1] = PhysicalRange(found[-1].start, max(found[-1].end, one.end))
        elif one.start < one.end:
            found.append(one)
    return found


def without(ranges: Iterable[PhysicalRange], others: Iterable[PhysicalRange]) -> list[PhysicalRange]:
    """What of `ranges` is in none of `others`."""
    found: list[PhysicalRange] = []
    taken = joined(others)
    first = 0
    for start, end in joined(ranges):
        while first < len(taken) and taken[first].end <= start:
            first += 1
        at = start
        for low, high in islice(taken, first, None):
            if low >= end:
                break
            found.append(PhysicalRange(at, max(at, low)))
            at = high
        found.append(PhysicalRange(at, max(at, end)))
    return joined(found)


def size_of(ranges: Iterable[PhysicalRange]) -> int:
    """Bytes of ranges that do not overlap."""
    return sum(end - start for start, end in ranges)


def segments_of(memory: Memory, ranges: Iterable[PhysicalRange]) -> Iterator[Segment]:
    """What a memory holds of ranges that are in order, as segments of its files."""
    index = 0
    for start, end in ranges:
        while index < len(memory.segments) and memory.segments[index].end <= start:
            index += 1
        at = index
        while at < len(memory.segments) and memory.segments[at].start < end:
            one = memory.segments[at]
            first, last = max(start, one.start), min(end, one.end)
            yield Segment(first, last, one.dump, one.offset + first - one.start)
            at += 1


def of_virtual(kernel: Kernel, va: int, size: int) -> Iterator[PhysicalRange]:
    """The PAs of a range of VAs, page by page; pages that are not mapped, or whose tables the dump lacks, are left out."""
    space = kernel.space
    assert space is not None
    page = space.form.page_size if space.form else 1 << 12
    at, end = va, va + size
    while at < end:
        length = min(end - at, page - at % page)
        try:
            pa = space.pa(at)
        except (HoleError, KernelError):
            pa = None
        if pa is not None:
            yield PhysicalRange(pa, pa + length)
        at += length
