"""A record out of memory against the tree: whether it lies where the tree says, and its kernel leaves the region alone."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.board import Board, Region
from kinfo.dt.check.place import at
from kinfo.dt.kernels import names_text
from kinfo.dt.ranges import Range
from kinfo.findings import Finding, Rule, Severity
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.dump import DumpFacts

_RECORDS = 64  # of a dump that are tried
_UPDATE = "update_kernel_all_info() writes at rmem->priv, the mapping of the region"

DUMP_ADDRESS = Rule(
    "devicetree-dump-address",
    Severity.ERROR,
    "the record does not lie where the tree has the region",
    "the memory is of another board or boot, or the boot loader changes the tree",
    "check FILE@BASE or --base, and the tree that the kernel got (/sys/firmware/fdt)",
    _UPDATE,
)
DUMP_ELSEWHERE = Rule(
    "devicetree-dump-elsewhere",
    Severity.WARNING,
    "the record lies where the kernel could put the region, and not where this tree alone lets expect it",
    "whether memory and tree are of one boot is not decided: the blob or what the boot loader adds may have moved the region",
    "check it with the tree that the kernel got (/sys/firmware/fdt) and that boot's log (--dmesg); or say where the blob and "
    "the kernel were (--blob, --image)",
    "drivers/of/of_reserved_mem.c: __reserved_mem_alloc_size(), the highest free place",
)
DUMP_POSSIBLE = Rule(
    "devicetree-dump-possible",
    Severity.INFO,
    "the record lies where the kernel could put the region",
    "that is not known to be its place: the tree does not say where RAM is, from whose end the kernel places",
    "check it with the tree that the kernel got (/sys/firmware/fdt), or give that boot's log with --dmesg",
    "drivers/of/of_reserved_mem.c: __reserved_mem_alloc_size()",
)
DUMP_UNPLACED = Rule(
    "devicetree-dump-unplaced",
    Severity.INFO,
    "the dump's address is not known",
    "the record's place cannot be held against the tree",
    "give the address of the dump's first byte with --base",
    _UPDATE,
)
DUMP_SIZE = Rule(
    "devicetree-dump-size",
    Severity.ERROR,
    "the record in the dump does not fit into the region",
    "the driver wrote past the end of the region",
    "make the region larger",
    _UPDATE,
)
DUMP_IMAGE = Rule(
    "devicetree-dump-image",
    Severity.ERROR,
    "the kernel that the record describes lies in reserved memory",
    "the region and the kernel's image overwrite each other",
    "check that record and tree are of one board; move the region",
    "_text_pa and _end_pa of the record",
)
DUMP_AGREES = Rule(
    "devicetree-dump-agrees",
    Severity.INFO,
    "the record lies where the tree has the region",
    "tree and memory are of one board",
    "nothing to do",
    _UPDATE,
)
DUMP_ERASED = Rule(
    "devicetree-dump-erased",
    Severity.WARNING,
    "the dump has no record of the kernel in the region",
    "nothing can be said about the region's place: the driver never ran, or what it wrote was cleared or lost since",
    "look for the driver's probe in the kernel's log (a region that nobody maps is never written), and dump the region again "
    "before the boot loader clears it",
    f"{_UPDATE}; LK clears the region after use; memory that lost power reads as 00 or ff",
)
RULES = (DUMP_ERASED, DUMP_ADDRESS, DUMP_ELSEWHERE, DUMP_POSSIBLE, DUMP_UNPLACED, DUMP_SIZE, DUMP_IMAGE, DUMP_AGREES)


def check(board: Board) -> Iterator[Finding]:
    """All of this module, where there is a dump."""
    facts = board.options.dump
    if facts is None:
        return
    for region in dict.fromkeys(use.region for use in board.uses if use.region):
        where = at(region.node, "reg" if region.is_static else "size")
        if message := _erased(region, facts):
            yield DUMP_ERASED.at(where, message)
        if facts.erased or _is_vendor(facts):
            continue
        yield from _place(board, region, facts)
        if region.length and facts.record.size > region.length:
            yield DUMP_SIZE.at(where, f"it has {facts.record.size} bytes, the region {region.length}")
    if facts.image and board.uses:
        yield from _image(board, facts.image)


def _erased(region: Region, facts: DumpFacts) -> str:
    """What is there instead of the kernel's record, where there is none; empty where there is one, or not known."""
    pa, extent = facts.record.address, region.extent
    if facts.erased:
        dumped = None if pa is None else Range(pa, facts.record.size)
        message = f"all {facts.record.size} bytes of {facts.name} are {facts.erased}{f' ({dumped})' if dumped else ''}"
        if dumped and extent and not dumped.overlaps(extent):
            message += f", and they are not the region's, which begins at {extent.base:#x}"
        return message
    if _is_vendor(facts):
        at_ = f"{pa:#x}" if pa is not None else f"offset {facts.record.offset:#x}"
        return f"{facts.name} has the vendor module's block alone, at {at_}: the kernel's record beside it is gone"
    if extent and (byte := facts.erased_at(extent)):
        return f"the region's {extent.size} bytes in {facts.name} are all {byte}; a record lies elsewhere, at {pa:#x}"
    return ""


def _is_vendor(facts: DumpFacts) -> bool:
    return facts.record.layout is not None and facts.record.layout.vendor


def _place(board: Board, region: Region, facts: DumpFacts) -> Iterator[Finding]:
    if region.extent is None:
        yield from _chosen(board, region, facts)
        return
    pa, where = facts.record_at(region.extent.base).address, at(region.node, "reg" if region.is_static else "size")
    if pa is None:
        yield DUMP_UNPLACED.at(where, f"{facts.name} is raw memory")
    elif pa == region.extent.base:
        yield DUMP_AGREES.at(where, f"{facts.name} has it at {pa:#x}")
    else:
        yield DUMP_ADDRESS.at(where, f"{facts.name} has it at {pa:#x}, the region begins at {region.extent.base:#x}")


def _chosen(board: Board, region: Region, facts: DumpFacts) -> Iterator[Finding]:
    """Of a region that the kernel places: any of the dump's records may be its."""
    from kinfo.dt.chosen import chosen

    rows = [
        (pa, chosen(board, region, pa))
        for one in (facts.record, *facts.others[:_RECORDS])
        if (pa := one.address) is not None and not (one.layout and one.layout.vendor)
    ]
    where = at(region.node, "size")
    if not rows:
        yield DUMP_UNPLACED.at(where, f"{facts.name} is raw memory")
        return
    pa, found = min(rows, key=lambda row: (not row[1].agreeing, bool(row[1].against)))
    said = f"{facts.name} has it at {pa:#x}"
    if found.agreeing:
        yield DUMP_AGREES.at(where, f"{said}, where {names_text(found.agreeing)} put{'' if found.agreeing[1:] else 's'} it")
    elif found.against:
        name = "alloc-ranges" if found.against == "outside alloc-ranges" else "size"
        yield DUMP_ADDRESS.at(at(region.node, name), f"{said}, {found.against}")
    elif found.ram_known:
        yield DUMP_ELSEWHERE.at(where, f"{said}; by the tree {found.expected}")
    else:
        yield DUMP_POSSIBLE.at(where, f"{said}, which nothing in the tree forbids")


def _image(board: Board, image: Range) -> Iterator[Finding]:
    for region in board.regions:
        for entry in region.entries:
            if entry.size and entry.overlaps(image):
                yield DUMP_IMAGE.at(at(region.node, "reg"), f"{entry} overlaps the image at {image}")
