"""Whether one release can have put a region without an address at a place: what speaks against it, by the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinfo.dt.boot.memblock import PHYS_MAX
from kinfo.dt.boot.place import CACHE_LINE
from kinfo.dt.boot.run import Boot
from kinfo.dt.ranges import Range

if TYPE_CHECKING:
    from kinfo.dt.tree import Node


def why_not(boot: Boot, node: Node, there: Range) -> str:
    """Why the release cannot have chosen the place, as in "outside alloc-ranges"; empty where nothing in the tree forbids it.

    What the tree does not show (the blob, what the boot loader adds) makes other places free or taken: a place that nothing
    forbids is possible, no more.
    """
    wish = boot.wishes.get(node.path)
    if wish is None:
        return boot.missing.get(node.path, "the kernel places no such region")
    if wish.ranges is not None and not any(_holds(one, there) for one in wish.ranges):
        return "outside alloc-ranges"
    alignment = wish.alignment or CACHE_LINE
    if there.base & (alignment - 1):  # __memblock_find_range_top_down() masks, whatever the number
        asked = "" if "alignment" in node.properties else ", the least that the kernel keeps"
        return f"no multiple of {alignment:#x}{asked}"
    if boot.ram_known and not boot.ram.covers(there):
        return f"where {there} is not all RAM"
    return "" if boot.open.covers(there) else f"where {_owner(boot, there)}"


def _holds(allowed: Range, there: Range) -> bool:
    """A range that ends at 0 ends nowhere (MEMBLOCK_ALLOC_ANYWHERE)."""
    end = allowed.end & PHYS_MAX or PHYS_MAX
    return allowed.base <= there.base and there.end <= end


def _owner(boot: Boot, there: Range) -> str:
    others = [(one.name, one.extent) for one in boot.owned]
    others += [(one.node.path, one.extent) for one in boot.listed if one.extent and not one.is_dynamic]
    for name, extent in others:
        if extent.overlaps(there):
            return f"{name} lies ({extent})"
    return "memory is reserved before"
