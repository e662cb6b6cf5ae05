"""A tree's ramoops nodes, read as the driver reads them: fs/pstore/ram.c, ramoops_parse_dt()."""

from __future__ import annotations

from kinfo.dt.board import Board, Region, is_okay
from kinfo.dt.ranges import Range
from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.tree import Node
    from kinfo.regions.ramoops.layout import Sizes

COMPATIBLE = "ramoops"
SIZES = ("record-size", "console-size", "ftrace-size", "pmsg-size")
NUMBERS = (*SIZES, "ecc-size", "flags", "max-reason", "mem-type")
INT_MAX = 0x7FFFFFFF
_MOST = 16  # nodes of a tree that are looked at: the driver takes one


class RamoopsNode(NamedTuple):
    """A node, the region that its reg (or the kernel, at boot) gives it, and the sizes in it."""

    node: Node
    region: Region
    sizes: Sizes

    @property
    def extent(self) -> Range | None:
        """Where the memory lies; None where the kernel places it and nothing says where."""
        return self.region.extent


def nodes(board: Board) -> tuple[RamoopsNode, ...]:
    """Every enabled ramoops node."""
    found = [node for node in board.tree.root.walk() if _is_ramoops(node) and is_okay(node)]
    return tuple(RamoopsNode(node, board.region(node), _sizes(board, node)) for node in found[:_MOST])


def _is_ramoops(node: Node) -> bool:
    return COMPATIBLE.encode() in node.properties.get("compatible", b"") and COMPATIBLE in node.texts("compatible")


def value(node: Node, name: str) -> int | None:
    """A number of the node; None where the driver takes its default, or fails."""
    cells = node.cells(name)
    return cells[0] if cells else None


def _sizes(board: Board, node: Node) -> Sizes:
    from kinfo.regions.ramoops.layout import Sizes  # few trees have such a node

    record, console, ftrace, pmsg, ecc, flags = (value(node, name) or 0 for name in (*SIZES, "ecc-size", "flags"))
    if not in_reserved_memory(node) and not (console or ftrace or pmsg or ecc):
        console = pmsg = record  # for old Chromebooks, whose node lies elsewhere
    return Sizes(record, console, ftrace, pmsg, ecc, flags, _cpus(board))


def in_reserved_memory(node: Node) -> bool:
    """Whether it is a child of a node of that name."""
    return node.parent is not None and node.parent.name.partition("@")[0] == "reserved-memory"


def _cpus(board: Board) -> int:
    cpus = board.tree.root.child("cpus")
    found = [child for child in cpus.children if child.text("device_type") == "cpu"] if cpus else []
    return max(len(found), 1)
