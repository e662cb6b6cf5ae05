"""The linear map: where all RAM is mapped in one piece, so that one distance between VA and PA holds for all of it.

Where it can lie is known (arch/arm64/include/asm/memory.h, Documentation/arch/x86/x86_64/mm.rst), and that the kernel image
has an alias in it. A table that the dump lacks is a hole: what it maps is not known, and nothing else stands for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kinfo.errors import HoleError
from kinfo.kernel.kallsyms.addresses import numbers
from kinfo.kernel.paging.formats import ARM64, Format
from kinfo.kernel.paging.space import Space
from kinfo.kernel.paging.walk import Mapping, walk
from kinfo.memory import Memory

_SPACE = 1 << 64
_MASK = _SPACE - 1
_WIDE = 52  # CONFIG_ARM64_VA_BITS of kernels that run with 48 bits, or with 47 (16K pages), where the CPU has no more
_X86_START = {48: 0xFFFF880000000000, 57: 0xFF10000000000000}  # the lowest that PAGE_OFFSET was in any release
_X86_END = 0xFFFFFE0000000000  # CPU_ENTRY_AREA_BASE: above it are no maps that KASLR moves
_MOST_TABLES = 256  # looked into for mappings: the first is never far
_MOST_MAPPINGS = 64
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
    distances = [
        mapping.va - mapping.pa & _MASK for mapping in _Lowest(space.memory, space.form, *found).mappings(space.root)
    ]
    fitting = [distance for distance in dict.fromkeys(distances) if _is_possible(space, distance)]
    alias = {distance: _has_image(space, distance) for distance in fitting}
    sure = next((distance for distance in fitting if alias[distance]), None)
    if sure is not None or space.form.machine != ARM64:  # on x86-64 vmalloc and vmemmap are in the range too
        return sure
    is_one = len(set(distances)) == 1 and len(distances) >= _ENOUGH
    return fitting[0] if is_one and fitting and alias[fitting[0]] is None else None


def bounds(space: Space) -> tuple[int, int] | None:
    """The lowest VA that the linear map can have, and the one behind the highest; None without page tables.

    arm64 has it in the lower half of the kernel's VAs since 5.4, with the image in the upper one; the other way round before.
    """
    form, bits = space.form, space.va_bits
    if form is None or bits is None:
        return None
    if form.machine != ARM64:
        return _X86_START[form.va_bits], _X86_END
    middle = _SPACE - (1 << bits - 1)
    if space.va(space.kallsyms.borders.stext) < middle:
        return middle, _SPACE
    smallest = min(bits, 47 if form.page_shift == 14 and form.va_bits == _WIDE else 48)  # VA_BITS_MIN
    return _SPACE - (1 << bits), _SPACE - (1 << smallest - 1)


def phys_offset(space: Space, distance: int, va_bits: int | None = None) -> int | None:
    """PHYS_OFFSET of arm64, modulo 2^64: the PA that PAGE_OFFSET, of so many VA bits or of those in use, stands for."""
    found = bounds(space)
    if found is None:
        return None
    start = found[0] if va_bits is None or found[1] == _SPACE else _SPACE - (1 << va_bits)
    return start - distance & _MASK


def stated(space: Space, value: int) -> Stated | None:
    """What a PHYS_OFFSET that somebody states stands for; None for one with which the image would not be in the linear map.

    Kernels built for 52-bit VAs count from the PAGE_OFFSET of 52 bits on CPUs with fewer, too (memstart_addr in
    arch/arm64/mm/init.c): for one distance there are two numbers then.
    """
    found = bounds(space)
    if found is None or space.va_bits is None:
        return None
    wide = ((_SPACE - (1 << _WIDE), _WIDE),) if space.va_bits in (47, 48) and found[1] != _SPACE else ()
    for start, bits in ((found[0], space.va_bits), *wide):
        distance = start - value & _MASK
        if is_within(space, distance):
            return Stated(distance, bits)
    return None


def is_within(space: Space, distance: int) -> bool:
    """Whether the kernel image's alias lies where the linear map can, if that is `distance` above its PAs."""
    found, borders = bounds(space), space.kallsyms.borders
    return found is not None and all(
        found[0] <= (pa + distance & _MASK) < found[1] for pa in (borders.stext, borders.end - 1)
    )


def _is_possible(space: Space, distance: int) -> bool:
    """Whether a distance is a multiple of what the kernel aligns its linear map to, and has room for the image.

    ARM64_MEMSTART_ALIGN is 1 GiB with 4K and 16K pages, at least 512 MiB with 64K; x86-64's KASLR moves by PUD_SIZE.
    """
    form = space.form
    align = 1 << (29 if form is not None and form.page_shift == 16 else 30)
    return distance % align == 0 and is_within(space, distance)


def _has_image(space: Space, distance: int) -> bool | None:
    """Whether the image's alias is mapped at a distance; None where the tables for it are not in the dump."""
    pa = space.kallsyms.borders.stext
    va = pa + distance & _MASK
    try:
        mapping = walk(space.memory, space.root, space.form, va) if space.form else None
    except HoleError:
        return None
    return mapping is not None and mapping.pa + va - mapping.va == pa


class _Lowest:
    """The first mappings between two VAs that are no code."""

    def __init__(self, memory: Memory, form: Format, start: int, end: int) -> None:
        self.memory, self.form, self.start, self.end = memory, form, start, end
        self.tables = self.found = 0

    def mappings(self, root: int) -> Iterator[Mapping]:
        yield from self._below(root, self.form.levels - 1, _SPACE - (1 << self.form.va_bits))

    def _below(self, table: int, level: int, first_va: int) -> Iterator[Mapping]:
        self.tables += 1
        count, size = self.form.entries(level), 1 << self.form.shift(level)
        try:
            raws = numbers(self.memory.view(table, 8 * count), "Q")
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
