"""/reserved-memory as the kernel reads it: which nodes it looks at, and what their properties say to it.

drivers/of/fdt.c and drivers/of/of_reserved_mem.c: __reserved_mem_check_root(), fdt_scan_reserved_mem(),
__reserved_mem_reserve_reg().
"""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.boot.ram import is_available
from kinfo.dt.boot.releases import EarlyMemory
from kinfo.dt.ranges import Cells, Range, number, root_cells, whole_ranges
from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.tree import Node, Tree

FORMAT = "Reserved memory: unsupported node format, ignoring"


def parent_of(tree: Tree, release: EarlyMemory) -> Node | None:
    """/reserved-memory. libfdt takes a node with a unit address for a path without one, the old scan by name does not.

    fdt_path_offset() (from 5.17 on) compares names up to the @ where the path has none: fdt_nodename_eq_().
    """
    for node in tree.root.children:
        if node.name == "reserved-memory" or (not release.nested and node.name.partition("@")[0] == "reserved-memory"):
            return node
    return None


def root_fault(tree: Tree, parent: Node) -> str:
    """Why __reserved_mem_check_root() refuses /reserved-memory; empty where it does not."""
    wanted = root_cells(tree)
    for name, value in (("#size-cells", wanted.size), ("#address-cells", wanted.address)):
        found = parent.cells(name)
        if not found or found[0] != value:
            return f"{name} is {found[0] if found else 'missing'}, the root's is {value}"
    return "" if "ranges" in parent.properties else "there is no ranges"


class Asked(NamedTuple):
    """A node that asks for memory.

    `entries`: of its reg; None without one. `fault`: what the log says where the node is passed over. `lacking`: reg is
    there and empty. `size`, `alignment`, `ranges`: of a region that the kernel places.
    """

    node: Node
    no_map: bool
    entries: tuple[Range, ...] | None
    fault: str = ""
    lacking: bool = False

    @property
    def is_dynamic(self) -> bool:
        """Whether the kernel is to choose the place."""
        return self.entries is None and not self.fault and not self.lacking and "size" in self.node.properties


def asked(tree: Tree, parent: Node, release: EarlyMemory) -> Iterator[Asked]:
    """The available nodes below /reserved-memory, in the tree's order."""
    cells = root_cells(tree)
    for node in _nodes(parent, release):
        if is_available(node, release):
            yield _read(node, cells, release)


def _nodes(parent: Node, release: EarlyMemory) -> Iterator[Node]:
    if not release.nested:
        yield from parent.children
        return
    below = parent.walk()
    next(below)
    yield from below


def _read(node: Node, cells: Cells, release: EarlyMemory) -> Asked:
    no_map = "no-map" in node.properties
    raw = node.properties.get("reg")
    if raw is None:
        return Asked(node, no_map, None)
    if not raw:
        # Up to 6.6 nothing is saved of it; 6.12's second scan reads what lies behind it; 7.x takes it for no reg.
        return Asked(node, no_map, None, lacking=not release.strict)
    if not cells.total or len(raw) % (4 * cells.total):
        if release.strict:
            return Asked(node, no_map, None)  # of_flat_dt_get_addr_size_prop() finds none: a size beside it counts
        return Asked(node, no_map, None, fault=f"Reserved memory: invalid reg property in '{node.name}', skipping node.")
    return Asked(node, no_map, whole_ranges(node.cells("reg") or (), cells))


class Wish(NamedTuple):
    """What a region without reg asks for: bytes, alignment (0: none given), ranges to choose from (None: anywhere)."""

    size: int
    alignment: int
    ranges: tuple[Range, ...] | None


def wish(node: Node, cells: Cells, release: EarlyMemory) -> Wish | str:
    """The wish, or what the log says where it is refused (__reserved_mem_alloc_size())."""
    properties = node.properties
    if len(properties.get("size", b"")) != 4 * cells.size:
        return f"invalid size property in '{node.name}' node."
    if len(properties.get("alignment", b"")) not in (4 * cells.address, *([0] if "alignment" not in properties else [])):
        return f"invalid alignment property in '{node.name}' node."
    raw, ranges = properties.get("alloc-ranges"), None
    if raw is not None:
        if not cells.total or len(raw) % (4 * cells.total):
            if not release.strict:
                return f"invalid alloc-ranges property in '{node.name}', skipping node."
        else:
            ranges = whole_ranges(node.cells("alloc-ranges") or (), cells)
    return Wish(number(node.cells("size") or ()), number(node.cells("alignment") or ()), ranges)
