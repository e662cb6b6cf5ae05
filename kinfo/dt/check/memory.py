"""The region among RAM, other regions and what the boot loader loads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kinfo.dt.board import Board, Region, Use, ancestors
from kinfo.dt.check.place import at
from kinfo.dt.ranges import Range, number
from kinfo.findings import Finding, Rule, Severity

if TYPE_CHECKING:
    from kinfo.dt.tree import Node

_OF = "drivers/of/of_reserved_mem.c"
MAX_REGIONS = 64

OUTSIDE = Rule(
    "devicetree-outside-memory",
    Severity.WARNING,
    "the region is not inside one bank of RAM",
    "no-map outside RAM does nothing; the mapper may fail, or the memory may not survive a reset",
    "check the address, or the memory node",
    f"{_OF}: early_init_dt_reserve_memory(); memblock_mark_nomap()",
)
MEMORY_UNKNOWN = Rule(
    "devicetree-memory-unknown",
    Severity.INFO,
    "the tree does not say where RAM is",
    "whether the region is RAM cannot be checked: the boot loader fills the memory node in",
    "check /sys/firmware/fdt of the running device instead",
    "memory nodes of Qualcomm boards are `reg = <0 0 0 0>`",
)
OVERLAP = Rule(
    "devicetree-overlap",
    Severity.WARNING,
    "the region overlaps other memory that is spoken for",
    "the record and the other owner overwrite each other",
    "move one of them",
    f'{_OF}: "OVERLAP DETECTED!"; -EBUSY "failed to reserve memory for node" where memory was reserved before',
)
OVERLAP_IMAGE = Rule(
    "devicetree-overlap-image",
    Severity.ERROR,
    "the region overlaps the kernel's image",
    "the reservation fails, yet the region stays listed: the driver writes its record into the kernel",
    "move the region, or load the kernel elsewhere",
    f"{_OF}: early_init_dt_reserve_memory() returns -EBUSY",
)
IN_ALLOC_RANGES = Rule(
    "devicetree-in-alloc-ranges",
    Severity.INFO,
    "the region lies where the kernel may place others",
    "none, on kernels that reserve fixed regions first (all current ones)",
    "nothing to do",
    f"{_OF}: fdt_scan_reserved_mem() takes reg nodes first",
)
TOO_MANY = Rule(
    "devicetree-too-many",
    Severity.WARNING,
    "/reserved-memory has more regions than the kernel keeps",
    'the kernel logs "not enough space for all defined regions": the lookup of a late region fails',
    "remove regions, or name the kernel with --kernel",
    f"{_OF}: MAX_RESERVED_REGIONS: 32 before 5.7, 64 to 6.11, from 6.12 on for dynamic ones only",
)
RULES = (OUTSIDE, MEMORY_UNKNOWN, OVERLAP, OVERLAP_IMAGE, IN_ALLOC_RANGES, TOO_MANY)


def check(board: Board) -> Iterator[Finding]:
    """All of this module."""
    if not board.uses:
        return
    yield from _count(board)
    for use in _one_per_region(board):
        region = use.region
        if region and region.extent and region.extent.size:
            yield from _inside(board, region, region.extent)
            yield from _siblings(board, region, region.extent)
            yield from _reserved(board, region, region.extent)


def _one_per_region(board: Board) -> Iterator[Use]:
    seen: set[str] = set()
    for use in board.uses:
        if use.region and use.region.node.path not in seen:
            seen.add(use.region.node.path)
            yield use


def _inside(board: Board, region: Region, extent: Range) -> Iterator[Finding]:
    if not board.banks:
        if not board.tree.partial:
            yield MEMORY_UNKNOWN.at("/memory", "there is no memory node with a size")
    elif not any(bank.holds(extent) for bank in board.banks):
        banks = ", ".join(map(str, board.banks[:4]))
        yield OUTSIDE.at(at(region.node, "reg"), f"{extent} is not inside {banks}")


def _siblings(board: Board, region: Region, extent: Range) -> Iterator[Finding]:
    where = at(region.node, "reg")
    around: list[str] = []
    for other in board.regions:
        if other.node is region.node or other.node in ancestors(region.node):
            continue
        overlapping = [entry for entry in _extents(other) if entry.overlaps(extent)]
        if overlapping:
            yield OVERLAP.at(where, f"{other.node.path} lies at {overlapping[0]}")
        elif not other.is_static and any(one.overlaps(extent) for one in other.alloc_ranges):
            around.append(other.node.name)
    if around and region.is_static:
        names = ", ".join(around[:3]) + (" and others" if around[3:] else "")
        yield IN_ALLOC_RANGES.at(where, f"the kernel places {names} in the same range")


def _extents(region: Region) -> tuple[Range, ...]:
    return region.entries or ((region.placed,) if region.placed else ())


def _reserved(board: Board, region: Region, extent: Range) -> Iterator[Finding]:
    where = at(region.node, "reg")
    for base, size in board.tree.reservations:
        if size and Range(base, size).overlaps(extent):
            yield OVERLAP.at(where, f"/memreserve/ has {Range(base, size)}", remedy="remove the /memreserve/ entry")
    for name, there in chosen_memory(board):
        if there.overlaps(extent):
            yield OVERLAP.at(where, f"{name} of /chosen is at {there}", Severity.ERROR)
    if board.options.image and board.options.image.overlaps(extent):
        yield OVERLAP_IMAGE.at(where, f"the kernel's image is at {board.options.image}")


def chosen_memory(board: Board) -> Iterator[tuple[str, Range]]:
    """What /chosen says is in memory already: the initrd, and the crashed kernel's core header."""
    chosen = board.tree.at("/chosen")
    if chosen is None:
        return
    start, end = _word(chosen, "linux,initrd-start"), _word(chosen, "linux,initrd-end")
    if start is not None and end is not None and end > start:
        yield "the initrd", Range(start, end - start)
    header = chosen.cells("linux,elfcorehdr") or ()
    if len(header) == board.cells.total:
        width = board.cells.address
        yield "elfcorehdr", Range(number(header[:width]), number(header[width:]))


def _word(node: Node, name: str) -> int | None:
    cells = node.cells(name)
    return number(cells) if cells else None


def _count(board: Board) -> Iterator[Finding]:
    where = board.parent.path if board.parent else "/"
    dynamic = sum(not region.is_static for region in board.regions)
    total = len(board.regions)
    kernel = board.options.kernel
    if dynamic > MAX_REGIONS:
        yield TOO_MANY.at(where, f"{dynamic} regions are placed at boot; the kernel keeps {MAX_REGIONS}")
    elif kernel and kernel < (6, 12) and total > (limit := MAX_REGIONS if kernel >= (5, 7) else 32):
        yield TOO_MANY.at(where, f"{total} regions; {kernel[0]}.{kernel[1]} keeps {limit}")
