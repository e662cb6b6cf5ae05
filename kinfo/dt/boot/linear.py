"""What the kernel maps of memory, and whether the first piece that memblock hands out for use is in it.

arch/arm64/mm/mmu.c: map_mem(). Some kernels of 2026 (6.12.117 and 7.3; not 6.1.192 and 7.2.13) map
whole pages only of what lies between regions that are not mapped. The rest of a page beside such a region stays free for
memblock all the same: where it is the highest that is free once the page tables have their pages, the first small allocation
gets it, and the kernel dies of a translation fault.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.boot.memblock import Memblock, Stretches, joined
from kinfo.dt.ranges import Range

_FIRST = 64  # bytes: fdt_scan_reserved_mem_reg_nodes() allocates 48 for each region, at a cache line


def trap(memory: Memblock, page: int, image: Range | None) -> Range | None:
    """The piece of memory that is handed out first and is not mapped; None where all is well."""
    mapped = Stretches(_inward(one, page) for one in joined(memory.memory.unmarked()))
    tables = _tables(mapped, page, image)
    for stretch in reversed(memory.free()):
        whole = _inward(stretch, page)
        taken = whole.size // page
        for piece in _pieces(stretch, whole, is_full=taken <= tables):
            if _holds(piece):
                return None if mapped.covers(piece) else piece
        tables -= taken
        if tables < 0:
            return None
    return None


def _pieces(stretch: Range, whole: Range, *, is_full: bool) -> Iterator[Range]:
    """What is left of free memory for less than a page: above a stretch's whole pages, and below when these are taken."""
    if not whole.size:
        yield stretch
        return
    yield Range(whole.end, stretch.end - whole.end)
    if is_full:
        yield Range(stretch.base, whole.base - stretch.base)


def _holds(piece: Range) -> bool:
    return (piece.end - _FIRST) & ~(_FIRST - 1) >= piece.base and piece.size > 0


def _tables(mapped: Stretches, page: int, image: Range | None) -> int:
    """Pages of page tables: memory is mapped page by page (rodata=full, the default), but the image by blocks.

    Of a table each entry has 8 bytes; those above the last two levels are one or two.
    """
    entries = page // 8
    last, above = (_count(mapped, entries**level * page) for level in (1, 2))
    blocks = image.size // (entries * page) if image else 0
    return last - blocks + above + 1


def _count(mapped: Stretches, size: int) -> int:
    """How many tables that span so much are touched."""
    found, behind = 0, 0
    for one in mapped:
        first, end = max(one.base // size, behind), -(-one.end // size)
        found += max(end - first, 0)
        behind = max(behind, end)
    return found


def _inward(there: Range, page: int) -> Range:
    start, end = -(-there.base // page) * page, there.end // page * page
    return Range(start, max(end - start, 0))


def beside(memory: Memblock, there: Range, page: int) -> Range | None:
    """The stretch that is not mapped in the same page: what cut the piece off."""
    around = Range(there.base // page * page, page)
    return next((one for one in memory.memory.marked() if one.overlaps(around)), None)
