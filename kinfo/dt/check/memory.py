"""The region among RAM, other regions and what the boot loader loads, as the model of the boot has it."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.board import Board, Region, Use, ancestors
from kinfo.dt.boot.memblock import joined
from kinfo.dt.boot.ram import elfcorehdr, initrd, memory_limit, usable
from kinfo.dt.boot.verdict import LOST
from kinfo.dt.check.place import at
from kinfo.dt.kernels import names_text
from kinfo.dt.ranges import Range
from kinfo.findings import Finding, Rule, Severity
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.kernels import Outcome

_OF = "drivers/of/of_reserved_mem.c"

OUTSIDE = Rule(
    "devicetree-outside-memory",
    Severity.ERROR,
    "the region is not in RAM as the kernel has it",
    "the kernel lists the region and reserves nothing: there is no memory for the record, or it belongs to something else",
    "check the address, and the memory node",
    f"{_OF}: early_init_dt_reserve_memory(): memblock_mark_nomap() passes over what is no memory",
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
    Severity.ERROR,
    "the region overlaps other memory that is spoken for",
    "the record and the other owner overwrite each other",
    "move one of them",
    f'{_OF}: "OVERLAP DETECTED!"; -EBUSY "failed to reserve memory for node" where memory was reserved before',
)
MEMRESERVE = Rule(
    "devicetree-memreserve",
    Severity.INFO,
    "the region is in /memreserve/, too",
    "kernels of 5.12 to 6.4 take /memreserve/ first and refuse a no-map region in it; on others, and mapped, both stay",
    "remove the /memreserve/ entry",
    "drivers/of/fdt.c: early_init_fdt_scan_reserved_mem(); 6.5 moved /memreserve/ behind the regions",
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
    "remove regions, put the kinfo region before others, or name the kernel with --kernel",
    f"{_OF}: MAX_RESERVED_REGIONS: 32 in 5.4, 64 from 5.10 on; from 6.12 on for regions without reg only",
)
_FULL = ('"not enough space', '"too many defined')
RULES = (OUTSIDE, MEMORY_UNKNOWN, OVERLAP, MEMRESERVE, OVERLAP_IMAGE, IN_ALLOC_RANGES, TOO_MANY)


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
    known = [(name, one) for name, one in board.boots if one.ram_known]
    if not known:
        if not board.tree.partial:
            yield MEMORY_UNKNOWN.at("/memory", "there is no memory node with a size")
        return
    without = [name for name, one in known if not one.ram.covers(extent)]
    if without:
        banks = ", ".join(map(str, joined(known[-1][1].ram)[:4])) or "nothing"
        on = f" on {names_text(without)}" if len(without) < len(known) else ""
        yield OUTSIDE.at(at(region.node, "reg"), f"{extent} is not inside {banks}{on}{_cut(board, extent)}")


def _cut(board: Board, extent: Range) -> str:
    """What took the memory away that the memory node has; empty where that has none."""
    if not any(bank.overlaps(extent) for bank in board.banks):
        return ""
    release = board.boots[-1][1].release
    page = board.options.page_size
    if limit := memory_limit(board.tree, page):
        return f": mem= of bootargs leaves {limit >> 20} MiB"
    if ranges := usable(board.tree, release):
        return f": linux,usable-memory-range of /chosen leaves {ranges[0]}"
    return ""


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
    refused = [one.kernel for one in board.outcomes if one.memory.code == "refused"]
    for base, size in board.tree.reservations:
        if size and Range(base, size).overlaps(extent):
            message = f"/memreserve/ has {Range(base, size)}"
            if refused:
                yield MEMRESERVE.at(where, f"{message}: refused on {names_text(refused)}", Severity.ERROR)
            else:
                yield MEMRESERVE.at(where, message)
    for name, there in chosen_memory(board):
        if there.overlaps(extent):
            yield OVERLAP.at(where, f"{name} of /chosen is at {there}")
    if board.options.image and board.options.image.overlaps(extent):
        yield OVERLAP_IMAGE.at(where, f"the kernel's image is at {board.options.image}")
    if board.options.blob is not None and (blob := Range(board.options.blob, board.tree.size)).overlaps(extent):
        yield OVERLAP.at(where, f"this tree itself is at {blob}")


def chosen_memory(board: Board) -> Iterator[tuple[str, Range]]:
    """What /chosen says is in memory already: the initrd, and the crashed kernel's core header."""
    for name, there in (("the initrd", initrd(board.tree)), ("elfcorehdr", elfcorehdr(board.tree))):
        if there is not None:
            yield name, there


def _count(board: Board) -> Iterator[Finding]:
    """Regions beyond the limit of each kernel in question: an error where the kinfo region is among them."""
    where = board.parent.path if board.parent else "/"
    over: dict[str, list[Outcome]] = {}
    for one in board.outcomes:
        if lines := [line for line in one.boot.log if line.startswith(("not enough space", "too many defined"))]:
            limit = one.boot.release.limit
            what = "regions without reg" if one.boot.release.late else "regions"
            over.setdefault(f"{len(lines) + limit} {what}, where {{}} {{}} {limit}", []).append(one)
    if over:
        parts = [
            text.format(names_text(one.kernel for one in rows), "keeps" if len(rows) == 1 else "keep")
            for text, rows in over.items()
        ]
        rows = [one for several in over.values() for one in several]
        lost = any(one.memory.outcome == LOST and one.memory.why.startswith(_FULL) for one in rows)
        yield TOO_MANY.at(where, "; ".join(parts), Severity.ERROR if lost else None)
