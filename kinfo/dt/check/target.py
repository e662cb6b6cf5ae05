"""memory-region, and what it points at."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.board import Board, is_unresolved
from kinfo.dt.check.place import at
from kinfo.dt.profiles import is_region
from kinfo.findings import Finding, Rule, Severity
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.tree import Node

_PARSE = 'debug_kinfo_probe(): of_parse_phandle(node, "memory-region", 0)'
_LOOKUP = "drivers/of/of_reserved_mem.c: of_reserved_mem_lookup()"
_BAD_HANDLES = (0, 0xFFFFFFFF)

MEMORY_REGION = Rule(
    "devicetree-memory-region",
    Severity.ERROR,
    "memory-region does not lead to a region",
    "the driver finds no memory: its probe fails with -ENODEV",
    "write `memory-region = <&LABEL>;` with the label of a /reserved-memory child",
    _PARSE,
)
MEMORY_REGION_EXTRA = Rule(
    "devicetree-memory-region-extra",
    Severity.WARNING,
    "memory-region has more than one entry",
    "the driver takes the first and ignores the others",
    "put the record's region first",
    _PARSE,
)
TARGET_PLACE = Rule(
    "devicetree-target-place",
    Severity.ERROR,
    "the region is no direct child of /reserved-memory",
    "the kernel never registers it: of_reserved_mem_lookup() returns nothing and the probe fails",
    "move the region's node directly under /reserved-memory",
    "drivers/of/of_reserved_mem.c: fdt_scan_reserved_mem() looks at direct children only",
)
TARGET_NAME = Rule(
    "devicetree-target-name",
    Severity.ERROR,
    "a region elsewhere has the name of a reserved one",
    "the lookup compares names only: the driver gets the other region's memory and clears it",
    "move the region under /reserved-memory, or give it a name of its own",
    _LOOKUP,
)
RULES = (MEMORY_REGION, MEMORY_REGION_EXTRA, TARGET_PLACE, TARGET_NAME)


def check(board: Board) -> Iterator[Finding]:
    """All of this module, for the nodes that point at a region."""
    for use in board.uses:
        if not board.on_region(use.node) and not (board.profile.on_region and "memory-region" not in use.node.properties):
            yield from _handles(board, use.node)
            if use.region:
                yield from _target(board, use.node, use.region.node)


def _handles(board: Board, node: Node) -> Iterator[Finding]:
    where = at(node, "memory-region")
    raw = node.properties.get("memory-region")
    if raw is None:
        yield MEMORY_REGION.at(where, "there is no memory-region")
        return
    if not raw or len(raw) % 4:
        yield MEMORY_REGION.at(where, f"it has {len(raw)} bytes, no whole number of phandles")
        return
    handles = node.cells("memory-region") or ()
    if len(handles) > 1:
        yield MEMORY_REGION_EXTRA.at(where, f"it has {len(handles)}")
    if handles[0] in _BAD_HANDLES:
        if not (board.tree.partial and handles[0] == 0xFFFFFFFF):
            yield MEMORY_REGION.at(where, f"the phandle is {handles[0]:#x}, which is never valid")
        return
    found = board.tree.phandle(handles[0])
    if not found:
        yield MEMORY_REGION.at(where, f"no node has the phandle {handles[0]:#x}")
    elif len(found) > 1:
        names = " and ".join(one.path for one in found[:3])
        yield MEMORY_REGION.at(
            where, f"{names} have the same phandle {handles[0]:#x}", remedy="give each node a phandle of its own"
        )


def _target(board: Board, node: Node, target: Node) -> Iterator[Finding]:
    if is_region(target) or is_unresolved(target):
        return
    namesake = next((region.node for region in board.regions if region.node.name == target.name), None)
    where = at(node, "memory-region")
    if namesake:
        yield TARGET_NAME.at(where, f"it points at {target.path}; by name the kernel finds {namesake.path}")
    else:
        yield TARGET_PLACE.at(where, f"it points at {target.path}")
