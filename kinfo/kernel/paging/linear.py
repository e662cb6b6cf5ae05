"""The linear map: where all RAM is mapped in one piece, so that one distance between VA and PA holds for all of it.

Where it can lie is known (arch/arm64/include/asm/memory.h, Documentation/arch/x86/x86_64/mm.rst), and that the kernel image
has an alias in it; of 32-bit arm the image itself lies in it (arch/arm/include/asm/memory.h). A table that the dump lacks is
a hole: what it maps is not known, and nothing else stands for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.arch import arm, arm64, x86_64
from kinfo.arch.address import MASK, SPACE
from kinfo.errors import HoleError
from kinfo.kernel.paging.formats import PageFormat
from kinfo.kernel.paging.space import Space
from kinfo.kernel.paging.walk import Mapping, table_at, walk
from kinfo.memory import Memory
from kinfo.named import NamedTuple

_MOST_TABLES = 256  # looked into for mappings: the first is never far
_MOST_MAPPINGS = 64
_PART = 1 << 20
_OF_A_TABLE = 4  # mappings of one table that are looked at
_ENOUGH = 2  # mappings at one distance that are believed where the image's alias lies in a hole


class Stated(NamedTuple):
    """What a PHYS_OFFSET stands for: `shift` is VA minus PA in the linear map, `va_bits` those that it counts with."""

    shift: int
    va_bits: int


def shift(space: Space) -> int | None:
    """VA minus PA in the linear map, modulo 2^64, as the page tables have it; None where they do not tell."""
    found = bounds(space)
    if found is None or space.form is None:
        return None
    if space.form.machine == arm.MACHINE:
        return space.voffset
    distances = [mapping.va - mapping.pa & MASK for mapping in _Lowest(space.memory, space.form, *found).mappings(space.root)]
    fitting = [distance for distance in dict.fromkeys(distances) if _is_possible(space, distance)]
    alias = {distance: _has_image(space, distance) for distance in fitting}
    sure = next((distance for distance in fitting if alias[distance]), None)
    if sure is not None or space.form.machine != arm64.MACHINE:  # on x86-64 vmalloc and vmemmap are in the range too
        return sure
    is_one = len(set(distances)) == 1 and len(distances) >= _ENOUGH
    return fitting[0] if is_one and fitting and alias[fitting[0]] is None else None


def bounds(space: Space) -> tuple[int, int] | None:
    """The lowest VA that the linear map can have, and the one behind the highest; None where that is not known.

    arm64 has it in the lower half of the kernel's VAs since 5.4, with the image in the upper one; the other way round before.
    """
    form, bits = space.form, space.va_bits
    if form is None or bits is None:
        return None
    text = space.va(space.kallsyms.borders.stext)
    if form.machine == arm64.MACHINE:
        return _bounds_of_arm64(text, bits, form.page_shift)
    if form.machine == x86_64.MACHINE:
        return x86_64.LINEAR_START[form.va_bits], x86_64.LINEAR_END
    start = arm.page_offset(text) if form.machine == arm.MACHINE else None
    return None if start is None else (start, arm.SPACE)


def _bounds_of_arm64(text: int, bits: int, page_shift: int) -> tuple[int, int]:
    middle = arm64.page_end(bits)
    if text < middle:
        return middle, SPACE
    return arm64.page_offset(bits), arm64.page_end(arm64.va_bits_min(bits, page_shift))


def phys_offset(space: Space, distance: int, va_bits: int | None = None) -> int | None:
    """PHYS_OFFSET of arm and arm64, modulo 2^64: the PA of PAGE_OFFSET, on arm64 of so many VA bits or of those in use."""
    found = bounds(space)
    if found is None:
        return None
    is_as_used = va_bits is None or found[1] in (SPACE, arm.SPACE)
    start = found[0] if is_as_used or va_bits is None else arm64.page_offset(va_bits)
    return start - distance & MASK


def stated(space: Space, value: int) -> Stated | None:
    """What a PHYS_OFFSET that somebody states stands for; None for one with which the image would not be in the linear map.

    Kernels built for 52-bit VAs count from the PAGE_OFFSET of 52 bits on CPUs with fewer, too (memstart_addr in
    arch/arm64/mm/init.c): for one distance there are two numbers then.
    """
    found = bounds(space)
    if found is None or space.va_bits is None:
        return None
    wide = ((arm64.page_offset(arm64.WIDE), arm64.WIDE),) if space.va_bits in (47, 48) and found[1] != SPACE else ()
    for start, bits in ((found[0], space.va_bits), *wide):
        distance = start - value & MASK
        if is_within(space, distance):
            return Stated(distance, bits)
    return None


def is_within(space: Space, distance: int) -> bool:
    """Whether the kernel image's alias lies where the linear map can, if that is `distance` above its PAs."""
    found, borders = bounds(space), space.kallsyms.borders
    return found is not None and all(found[0] <= (pa + distance & MASK) < found[1] for pa in (borders.stext, borders.end - 1))


def parts(space: Space, distance: int, start: int, end: int) -> Iterator[tuple[bool, int, int]]:
    """The parts of a physical range that a linear map at a distance has, and those that it has not: which, start, end.

    What the tables map is looked at once a MiB, the least that a kernel takes out of the map in one piece.
    """
    at = first = start
    was = bool(_is_at(space, distance, start))
    while at < end:
        if (here := bool(_is_at(space, distance, at))) != was:
            yield was, first, at
            first, was = at, here
        at += _PART - at % _PART
    yield was, first, end


def _is_at(space: Space, distance: int, pa: int) -> bool | None:
    """Whether a PA is mapped at a distance; None where the tables for it are not in the dump."""
    va = pa + distance & MASK
    try:
        mapping = walk(space.memory, space.root, space.form, va) if space.form else None
    except HoleError:
        return None
    return mapping is not None and mapping.pa + va - mapping.va == pa


def _is_possible(space: Space, distance: int) -> bool:
    """Whether a distance is a multiple of what the kernel aligns its linear map to, and has room for the image.

    arm64 has ARM64_MEMSTART_ALIGN, which is as much as x86-64's PUD_SIZE where the format is not known.
    """
    form = space.form
    is_arm64 = form is not None and form.machine == arm64.MACHINE
    align = arm64.memstart_align(form.page_shift) if form and is_arm64 else x86_64.LINEAR_ALIGN
    return distance % align == 0 and is_within(space, distance)


def _has_image(space: Space, distance: int) -> bool | None:
    """Whether the image's alias is mapped at a distance; None where the tables for it are not in the dump."""
    return _is_at(space, distance, space.kallsyms.borders.stext)


class _Lowest:
    """The first mappings between two VAs that are no code."""

    def __init__(self, memory: Memory, form: PageFormat, start: int, end: int) -> None:
        self.memory, self.form, self.start, self.end = memory, form, start, end
        self.tables = self.found = 0

    def mappings(self, root: int) -> Iterator[Mapping]:
        yield from self._below(root, self.form.levels - 1, self.form.start)

    def _below(self, table: int, level: int, first_va: int) -> Iterator[Mapping]:
        self.tables += 1
        count, size = self.form.entries(level), 1 << self.form.shift(level)
        try:
            raws = table_at(self.memory, self.form, table, level)
        except HoleError:
            return
        first, last = max(self.start - first_va, 0) // size, min(-(-(self.end - first_va) // size), count)
        of_this = 0
        for index in range(first, last):
            entry = self.form.entry(raws[index], level) if raws[index] else None
            if entry is None:
                continue
            if self.found >= _MOST_MAPPINGS or of_this >= _OF_A_TABLE:
                return
            va = first_va + index * size
            if not entry.is_leaf:
                yield from self._below(entry.pa, level - 1, va) if self.tables < _MOST_TABLES else ()
            elif not entry.is_executable:
                self.found, of_this = self.found + 1, of_this + 1
                yield Mapping(va, entry.pa, size, is_executable=False)
