"""A record out of memory against the tree: whether it lies where the tree says, and its kernel leaves the region alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kinfo.dt.board import Board, Region
from kinfo.dt.check.place import at
from kinfo.dt.ranges import Range
from kinfo.findings import Finding, Rule, Severity

if TYPE_CHECKING:
    from kinfo.dt.dump import DumpFacts

_UPDATE = "update_kernel_all_info() writes at rmem->priv, the mapping of the region"

DUMP_ADDRESS = Rule(
    "devicetree-dump-address",
    Severity.ERROR,
    "the record does not lie where the tree has the region",
    "the memory is of another board or boot, or the boot loader changes the tree",
    "check FILE@BASE or --base, and the tree that the kernel got (/sys/firmware/fdt)",
    _UPDATE,
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
RULES = (DUMP_ADDRESS, DUMP_UNPLACED, DUMP_SIZE, DUMP_IMAGE, DUMP_AGREES)


def check(board: Board) -> Iterator[Finding]:
    """All of this module, where there is a dump."""
    facts = board.options.dump
    if facts is None:
        return
    for region in dict.fromkeys(use.region for use in board.uses if use.region):
        yield from _place(region, facts)
        if region.length and facts.record.size > region.length:
            message = f"it has {facts.record.size} bytes, the region {region.length}"
            yield DUMP_SIZE.at(at(region.node, "reg" if region.is_static else "size"), message)
    if facts.image and board.uses:
        yield from _image(board, facts.image)


def _place(region: Region, facts: DumpFacts) -> Iterator[Finding]:
    pa = facts.record.address
    where = at(region.node, "reg" if region.is_static else "size")
    if pa is None:
        yield DUMP_UNPLACED.at(where, f"{facts.name} is raw memory")
    elif region.extent is not None:
        if pa == region.extent.base:
            yield DUMP_AGREES.at(where, f"{facts.name} has it at {pa:#x}")
        else:
            yield DUMP_ADDRESS.at(where, f"{facts.name} has it at {pa:#x}, the region begins at {region.extent.base:#x}")
    elif region.alloc_ranges and not any(one.base <= pa < one.end for one in region.alloc_ranges):
        yield DUMP_ADDRESS.at(at(region.node, "alloc-ranges"), f"{facts.name} has it at {pa:#x}, outside alloc-ranges")
    else:
        yield DUMP_AGREES.at(where, f"{facts.name} has it at {pa:#x}, where the kernel may place it")


def _image(board: Board, image: Range) -> Iterator[Finding]:
    for region in board.regions:
        for entry in region.entries:
            if entry.size and entry.overlaps(image):
                yield DUMP_IMAGE.at(at(region.node, "reg"), f"{entry} overlaps the image at {image}")
