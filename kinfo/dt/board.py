"""A board as the checks see it: the kinfo nodes, their regions, and the memory around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from kinfo.dt.profiles import Profile, is_region, kinfo_nodes, recognised
from kinfo.dt.ranges import MAX_RANGES, Cells, Range, number, root_cells, whole_ranges
from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.boot.run import Boot
    from kinfo.dt.dmesg import BootLog, Iomem
    from kinfo.dt.dump import DumpFacts
    from kinfo.dt.kernels import Outcome
    from kinfo.dt.tree import Node, Tree
    from kinfo.record.model import Layout

MIN_PAGE = 4096
MAX_USES = 16  # one is right; what comes behind these is said by number


class Options(NamedTuple):
    """What the user says about the board beyond its tree.

    `layout`: the record the kernel will write; `page_size`: the kernel's, in bytes; `kernel`: its release (major, minor);
    `image`: where it is loaded (PA); `blob`: where the tree itself lies (PA); `placed`: regions by name as the kernel's log
    places them; `log` and `iomem`: what the kernel said of a boot; `dump`: a record from memory;
    `require`: a tree without a kinfo node is an error; `if_present`: it is none.
    """

    profile: Profile | None = None
    layout: Layout | None = None
    page_size: int = MIN_PAGE
    kernel: tuple[int, int] | None = None
    image: Range | None = None
    blob: int | None = None
    placed: Mapping[str, Range] = {}
    log: BootLog | None = None
    iomem: Iomem | None = None
    dump: DumpFacts | None = None
    require: bool = False
    if_present: bool = False


class Region(NamedTuple):
    """A /reserved-memory child: its `reg` entries, or the size and ranges from which the kernel places it at boot."""

    node: Node
    entries: tuple[Range, ...]
    size: int | None
    alloc_ranges: tuple[Range, ...]
    placed: Range | None

    @property
    def is_static(self) -> bool:
        """Whether `reg` says where it lies; the kernel prefers that to `size`."""
        return "reg" in self.node.properties

    @property
    def extent(self) -> Range | None:
        """Where it lies: by `reg`, else as the kernel's log says."""
        return self.entries[0] if self.entries else self.placed

    @property
    def length(self) -> int | None:
        """Its size in bytes."""
        return self.extent.size if self.extent else self.size


class Use(NamedTuple):
    """A kinfo node and the region it names; None where there is none or it cannot be found."""

    node: Node
    region: Region | None


def is_okay(node: Node) -> bool:
    """Whether the kernel takes the node for enabled: no status, "ok" or "okay" (of_device_is_available())."""
    return "status" not in node.properties or node.text("status") in ("ok", "okay")


def is_unresolved(node: Node) -> bool:
    """Whether an overlay without its base puts the node below a label that only the base resolves: /&soc/..."""
    return node.path.startswith("/&")


def ancestors(node: Node) -> Iterator[Node]:
    """The node's parents, the nearest first, the root last."""
    while node.parent is not None:
        node = node.parent
        yield node


class Board:
    """One tree with what was said about it."""

    def __init__(self, tree: Tree, options: Options) -> None:
        self.tree, self.options = tree, options
        self.nodes = kinfo_nodes(tree)
        self.found_profile, self.reason = recognised(self.nodes)
        self.profile = options.profile or self.found_profile

    @cached_property
    def cells(self) -> Cells:
        """The root's cells, by which the kernel reads memory and reserved memory; guessed in an overlay without a base."""
        return self._guessed_cells() if self.tree.partial else root_cells(self.tree)

    @cached_property
    def boots(self) -> tuple[tuple[str, Boot], ...]:
        """What each kernel in question makes of the memory, by its name."""
        from kinfo.dt import kernels

        return kernels.boots(self)

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What becomes of the kinfo memory and its driver on each."""
        from kinfo.dt import kernels

        return kernels.outcomes(self)

    @cached_property
    def own_cells(self) -> Cells | None:
        """The cells that /reserved-memory declares, where they are not the root's: the kernel then reads nothing."""
        found = self.parent and (self.parent.cells("#address-cells"), self.parent.cells("#size-cells"))
        own = Cells(found[0][0], found[1][0]) if found and found[0] and found[1] else None
        return own if own and own != self.cells and own.total and not self.tree.partial else None

    def is_written_for_cells(self, raw: bytes) -> bool:
        """Whether a reg is written with the wrong cells of /reserved-memory: its length is then no fault of its own."""
        own = self.own_cells
        return own is not None and len(raw) == 4 * own.total and own.total != self.cells.total

    def _guessed_cells(self) -> Cells:
        """By the first reg of a region: 3 or 4 cells begin with an address of 2."""
        for node in self.nodes:
            words = (self.target(node) or node).cells("reg") or ()
            if len(words) in (2, 3, 4):
                return Cells(1 + (len(words) > 2), 1 + (len(words) > 3))
        return Cells(2, 2)

    @cached_property
    def parent(self) -> Node | None:
        """/reserved-memory; also with a unit address, where kernels from 5.17 on find it (fdt_path_offset())."""
        return next((node for node in self.tree.root.children if node.name.partition("@")[0] == "reserved-memory"), None)

    @cached_property
    def uses(self) -> tuple[Use, ...]:
        """The kinfo nodes that a driver would serve, with their regions; of a tree with absurdly many the first.

        Where a device node and the region that it names both have the compatible, one of the two becomes a device: the one
        that the profile's driver goes by.
        """
        nodes = [node for node in self.nodes[:MAX_USES] if node not in self.spare]
        return tuple(Use(node, self.region(target) if (target := self.target(node)) else None) for node in nodes)

    @cached_property
    def spare(self) -> tuple[Node, ...]:
        """Of a tree with both shapes the nodes that the profile's driver does not go by."""
        pairs = [
            (node, target)
            for node in self.nodes[:MAX_USES]
            if not self.on_region(node) and (target := self.target(node)) in self.nodes and target is not None
        ]
        return tuple(device if self.profile.on_region else region for device, region in pairs)

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """Every enabled child of /reserved-memory."""
        if self.parent is None:
            return ()
        return tuple(self.region(child) for child in self.parent.children if is_okay(child))

    @cached_property
    def banks(self) -> tuple[Range, ...]:
        """RAM as the memory nodes give it, without empty entries: the boot loader fills those in."""
        return tuple(bank for node in self.memory_nodes for bank in self._bank_ranges(node) if bank.size)

    @cached_property
    def memory_nodes(self) -> tuple[Node, ...]:
        """Enabled children of the root with device_type "memory" (early_init_dt_scan_memory())."""
        return tuple(node for node in self.tree.root.children if node.text("device_type") == "memory" and is_okay(node))

    def _bank_ranges(self, node: Node) -> tuple[Range, ...]:
        name = "linux,usable-memory" if "linux,usable-memory" in node.properties else "reg"
        return whole_ranges(node.cells(name) or (), self.cells)

    def target(self, node: Node) -> Node | None:
        """The node that holds the memory: itself, or the one that its memory-region names."""
        if self.on_region(node):
            return node
        handles = node.cells("memory-region")
        found = self.tree.phandle(handles[0]) if handles else ()
        return found[0] if found else None

    @cached_property
    def _pointing(self) -> dict[int, list[Node]]:
        found: dict[int, list[Node]] = {}
        for node in self.tree.root.walk():
            for handle in dict.fromkeys((node.cells("memory-region") or ())[:MAX_RANGES]):
                found.setdefault(handle, []).append(node)
        return found

    def consumers(self, region: Region) -> tuple[Node, ...]:
        """Every node whose memory-region names the region."""
        handles = {handle for name in ("phandle", "linux,phandle") for handle in region.node.cells(name) or ()}
        return tuple(node for handle in handles for node in self._pointing.get(handle, ()))

    @property
    def vendor(self) -> str:
        """Who made the SoC: the prefix of the root's last compatible ("qcom")."""
        names = self.tree.root.texts("compatible")
        return names[-1].partition(",")[0] if names else ""

    def on_region(self, node: Node) -> bool:
        """Whether the node is the region itself."""
        return is_region(node) and "memory-region" not in node.properties

    def region(self, node: Node) -> Region:
        """The node read as a reserved region."""
        raw = node.properties.get("reg", b"")
        cells = self.own_cells if self.own_cells and self.is_written_for_cells(raw) else self.cells
        is_whole = bool(cells.total) and not len(raw) % (4 * cells.total)
        entries = whole_ranges(node.cells("reg") or (), cells) if is_whole else ()
        size = node.cells("size")
        alloc = whole_ranges(node.cells("alloc-ranges") or (), self.cells)
        placed = None if "reg" in node.properties else self.options.placed.get(node.name)
        return Region(node, entries, number(size) if size else None, alloc, placed)
