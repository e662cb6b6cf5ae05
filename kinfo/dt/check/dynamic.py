"""A region that the kernel places at boot."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.board import Board, Region
from kinfo.dt.check.place import at
from kinfo.dt.ranges import bytes_text
from kinfo.findings import Finding, Rule, Severity

_ALLOC = "drivers/of/of_reserved_mem.c: __reserved_mem_alloc_size()"

SIZE_CELLS = Rule(
    "devicetree-size-cells",
    Severity.ERROR,
    "size has another number of cells than the root's #size-cells",
    'the kernel logs "invalid size property" and does not reserve the region',
    "write size with as many cells as the root's #size-cells",
    _ALLOC,
)
ALIGNMENT_CELLS = Rule(
    "devicetree-alignment-cells",
    Severity.ERROR,
    "alignment has another number of cells than the root's #address-cells",
    'the kernel logs "invalid alignment property" and does not reserve the region',
    "write alignment with as many cells as the root's #address-cells (the schema's text says #size-cells: the kernel wins)",
    _ALLOC,
)
ALLOC_RANGES = Rule(
    "devicetree-alloc-ranges",
    Severity.ERROR,
    "alloc-ranges is no whole number of address-size pairs",
    'the kernel logs "invalid alloc-ranges property" and does not reserve the region',
    "write each range with the root's cells",
    _ALLOC,
)
NO_ALIGNMENT = Rule(
    "devicetree-no-alignment",
    Severity.WARNING,
    "the kernel places the region, and nothing asks for a page",
    "only a cache line's alignment is promised: the region may share its pages",
    "add an `alignment` of one page",
    _ALLOC + ": SMP_CACHE_BYTES",
)
DYNAMIC = Rule(
    "devicetree-dynamic",
    Severity.INFO,
    "the kernel chooses the region's address at boot",
    "the tree cannot say where the record lies; the boot loader has to be told",
    'give the kernel\'s log with --dmesg: it has a line "OF: reserved mem: ..." for the region',
    _ALLOC,
)
PLACED = Rule(
    "devicetree-placed",
    Severity.INFO,
    "the kernel's log says where the region was placed",
    "the address holds for that boot",
    "nothing to do",
    'drivers/of/of_reserved_mem.c: the lines "OF: reserved mem:"',
)
BOTH = Rule(
    "devicetree-reg-and-size",
    Severity.WARNING,
    "the region has reg and size",
    "the kernel goes by reg and ignores size, alignment and alloc-ranges",
    "remove one of the two",
    "drivers/of/of_reserved_mem.c: fdt_scan_reserved_mem(); reserved-memory.yaml allows one of them",
)
RULES = (SIZE_CELLS, ALIGNMENT_CELLS, ALLOC_RANGES, NO_ALIGNMENT, DYNAMIC, PLACED, BOTH)


def check(board: Board) -> Iterator[Finding]:
    """All of this module, once for each region."""
    for region in dict.fromkeys(use.region for use in board.uses if use.region):
        properties = region.node.properties
        if "size" not in properties:
            continue
        if region.is_static:
            yield BOTH.at(at(region.node, "size"), "it has both")
            continue
        yield from _lengths(board, region)
        yield from _placing(board, region)


def _lengths(board: Board, region: Region) -> Iterator[Finding]:
    properties = region.node.properties
    for name, cells, rule in (("size", board.cells.size, SIZE_CELLS), ("alignment", board.cells.address, ALIGNMENT_CELLS)):
        if name in properties and len(properties[name]) != 4 * cells and not board.own_cells:
            yield rule.at(
                at(region.node, name), f"it has {len(properties[name])} bytes, the root's cells ask for {4 * cells}"
            )
    ranges, width = properties.get("alloc-ranges"), 4 * board.cells.total
    if ranges is not None and not board.own_cells and (not ranges or not width or len(ranges) % width):
        yield ALLOC_RANGES.at(at(region.node, "alloc-ranges"), f"it has {len(ranges)} bytes, a range has {width}")


def _placing(board: Board, region: Region) -> Iterator[Finding]:
    if region.placed:
        yield PLACED.at(at(region.node), f"it lies at {region.placed}")
    elif board.profile.on_region:
        message = f"profile {board.profile.name} requires reg"
        yield DYNAMIC.at(at(region.node, "size"), message, Severity.ERROR, remedy="give the region a reg")
    else:
        among = " in " + ", ".join(f"{one.base:#x}..." for one in region.alloc_ranges[:2]) if region.alloc_ranges else ""
        yield DYNAMIC.at(at(region.node, "size"), f"{bytes_text(region.size or 0)} anywhere{among}")
    if "alignment" not in region.node.properties:
        yield from _no_alignment(board, region)


def _no_alignment(board: Board, region: Region) -> Iterator[Finding]:
    """A page is what comes of it where everything that is placed has whole pages: the kernel fills from the top of RAM."""
    places = [one.memory.extent for one in board.outcomes if one.memory.extent]
    page = board.options.page_size
    is_off = any((there.base | there.size) % page for there in places) or (region.size or 0) % page
    message = "there is no alignment, and the region gets no whole pages" if is_off else "there is no alignment"
    yield NO_ALIGNMENT.at(at(region.node, "alignment"), message, None if is_off else Severity.INFO)
