"""The kernel's run over /reserved-memory, in its order: what is listed, reserved and refused, and what the log says."""

from __future__ import annotations

from itertools import pairwise

from kinfo.dt.boot import linear, place, pools, scan
from kinfo.dt.boot.memblock import Memblock, Stretches
from kinfo.dt.boot.ram import LoadedFile, Owned, elfcorehdr, prepare, replaces_cma
from kinfo.dt.boot.releases import DYNAMIC, ELFCOREHDR, FIXED, MEMRESERVE, EarlyMemory
from kinfo.dt.boot.scan import Asked, Wish
from kinfo.dt.ranges import Range, root_cells
from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.tree import Node, Tree


class ListedRegion(NamedTuple):
    """An entry of reserved_mem[]: what of_reserved_mem_lookup() finds by the node's name.

    `extent`: None for an empty reg, for which a kernel reads what lies behind it. `refused`: why its memory is not
    reserved all the same; `freed`: why it was given back.
    """

    node: Node
    extent: Range | None
    no_map: bool
    is_dynamic: bool
    refused: str = ""
    freed: str = ""


class Death(NamedTuple):
    """What the kernel dies of: the node or property at fault, and why."""

    where: str
    why: str


class Boot(NamedTuple):
    """What one release makes of a tree.

    `ram`: memory before /reserved-memory is read; `ram_known`: whether the tree says it. `owned`: what was there before;
    `reserved_later`: /memreserve/ and elfcorehdr. `listed` in the order of reserved_mem[]; `missing`: why a node is not
    among them, by path. `log`: the kernel's lines, without the "OF: reserved mem: " of each. `open`: memory that is free when
    regions without an address are placed; `wishes`: what these ask for, by path. `dies`: why the kernel does not come up.
    """

    release: EarlyMemory
    ram: Stretches
    ram_known: bool
    owned: tuple[Owned, ...]
    listed: tuple[ListedRegion, ...]
    missing: dict[str, str]
    log: tuple[str, ...]
    memory: Memblock
    open: Stretches
    wishes: dict[str, Wish]
    dies: Death | None = None


def boot(tree: Tree, release: EarlyMemory, loaded: LoadedFile = LoadedFile()) -> Boot:  # noqa: B008  # an immutable value
    """Run the early boot of one release over a tree."""
    return _Run(tree, release, loaded).whole()


class _Run:
    def __init__(self, tree: Tree, release: EarlyMemory, loaded: LoadedFile) -> None:
        self.tree, self.release, self.page, self.image = tree, release, loaded.page, loaded.image
        self.cells = root_cells(tree)
        self.memory, self.owned, self.ram_known = prepare(tree, release, loaded)
        self.ram = Stretches(self.memory.memory)
        self.listed: list[ListedRegion] = []
        self.waiting: list[Asked] = []  # regions to be placed
        self.missing: dict[str, str] = {}
        self.failed: dict[str, str] = {}  # of fixed regions: why the reservation failed
        self.log: list[str] = []
        self.has_cma = replaces_cma(tree)
        self.open = Stretches()
        self.wishes: dict[str, Wish] = {}

    def whole(self) -> Boot:
        nodes = self._nodes()
        steps = {
            MEMRESERVE: self._memreserve,
            ELFCOREHDR: self._elfcorehdr,
            FIXED: lambda: self._fixed(nodes),
            DYNAMIC: self._dynamic,
        }
        for step in self.release.order:
            steps[step]()
        self._late(nodes) if self.release.late else self._begin_fixed(nodes)
        self._overlaps()
        known, log, listed = self.ram_known, tuple(self.log), tuple(self.listed)
        told = (self.ram, known, self.owned, listed, self.missing, log)
        return Boot(self.release, *told, self.memory, self.open, self.wishes, self._death())

    def _death(self) -> Death | None:
        """Why the kernel does not come up: the first memory that it takes for itself is not mapped."""
        found = linear.trap(self.memory, self.page, self.image) if self.release.inward and self.ram_known else None
        if found is None:
            return None
        cut = linear.beside(self.memory, found, self.page)
        who = next((one.node.path for one in self.listed if one.extent and cut and one.extent.overlaps(cut)), "")
        what = f"{who} is no-map and begins or ends within a page" if who else "RAM ends within a page"
        why = f"{what}: the kernel does not map the rest of it, {found}, and takes that first"
        return Death(who or "/chosen:linux,usable-memory-range", why)

    def _nodes(self) -> list[Asked]:
        parent = scan.parent_of(self.tree, self.release)
        if parent is None:
            return []
        if fault := scan.root_fault(self.tree, parent):
            self.log.append(scan.FORMAT)
            self.missing |= dict.fromkeys((one.path for one in parent.children), f'"{scan.FORMAT}": {fault}')
            return []
        nodes = list(scan.asked(self.tree, parent, self.release))
        if self.has_cma and self.release.strict:
            nodes = [one for one in nodes if not self._is_skipped(one)]
        there = {one.node.path for one in nodes}
        off = (one for one in parent.children if one.path not in there | self.missing.keys())
        self.missing |= {one.path: "its status is not okay: the kernel passes over it" for one in off}
        return nodes

    def _is_skipped(self, one: Asked) -> bool:
        """Whether 7.x passes over the default pool's node, for cma= of the command line; before, it is given back later."""
        if pools.is_default(one.node):
            self._miss(one.node, pools.SKIPPED)
        return pools.is_default(one.node)

    def _memreserve(self) -> None:
        for base, size in self.tree.reservations:
            if not size:
                break
            self.memory.reserved.add(Range(base, size))

    def _elfcorehdr(self) -> None:
        there = elfcorehdr(self.tree)
        if there is None:
            return
        if self.memory.reserved.overlaps(there):
            self.log.append("elfcorehdr is overlapped")
            return
        self.memory.reserved.add(there)
        self.owned += (Owned("the core header", there),)

    def _fixed(self, nodes: list[Asked]) -> None:
        """Reserve what has reg, in the tree's order; up to 6.6 each takes an entry right away."""
        for one in nodes:
            if one.fault:
                self._miss(one.node, one.fault)
            elif one.entries is not None:
                self._reserve_all(one)
                if not self.release.late:
                    self._list_fixed(one)
            elif one.is_dynamic:
                self._wait(one)
            elif one.lacking:
                self.missing[one.node.path] = "its reg is empty: nothing is saved of it"
            else:
                self.missing[one.node.path] = "it has neither reg nor size"

    def _wait(self, one: Asked) -> None:
        taken = len(self.waiting) + (0 if self.release.late else len(self.listed))
        if taken < self.release.limit:
            self.waiting.append(one)
        elif self.release.late:
            self._miss(one.node, f"too many defined dynamic regions, skip '{one.node.name}'")
        else:
            self._miss(one.node, "not enough space for all defined regions.")

    def _reserve_all(self, one: Asked) -> None:
        for place_, entry in enumerate((one.entries or ())[: 1 if self.release.strict else None]):
            if entry.size and self._reserve(entry, one.no_map):
                continue
            line = f"Reserved memory: failed to reserve memory for node '{one.node.name}': base {entry.base:#018x}"
            self.log.append(f"{line}, size {entry.size >> 20} MiB")
            if place_ == 0:
                self.failed[one.node.path] = line

    def _reserve(self, there: Range, no_map: bool) -> bool:
        """early_init_dt_reserve_memory(): no-map is refused where a byte of RAM in it is reserved."""
        if not no_map:
            self.memory.reserved.add(there)
        elif self.release.removes:
            self.memory.memory.remove(there)
        elif self.memory.memory.overlaps(there) and self.memory.reserved.overlaps(there):
            return False
        else:
            self.memory.memory.mark(there)
        return True

    def _list_fixed(self, one: Asked) -> None:
        entry = (one.entries or (Range(0, 0),))[0]
        if len(self.listed) + len(self.waiting) >= self.release.limit:
            self._miss(one.node, "not enough space for all defined regions.")
            return
        if not entry.size:  # the mark of a region that is to be placed: it is, where there is a size beside reg
            self.missing[one.node.path] = self.failed.get(one.node.path, "the size is 0")
            if "size" in one.node.properties:
                self.waiting.append(one)
            return
        self._list(one, entry, is_dynamic=False, freed="")

    def _late(self, nodes: list[Asked]) -> None:
        """From 6.12 on: the second scan, when memory is mapped, lists what has reg, whether it could be reserved or not."""
        for one in nodes:
            if one.lacking:
                self.missing.pop(one.node.path, None)
                self.listed.append(ListedRegion(one.node, None, one.no_map, is_dynamic=False))
            elif one.entries and one.entries[0].size:
                self._ignored(one, len(one.entries) - 1)
                self._list(one, one.entries[0], is_dynamic=False)
            elif one.entries:
                self.missing[one.node.path] = self.failed.get(one.node.path, "the size is 0")

    def _ignored(self, one: Asked, count: int) -> None:
        if count and self.release.strict:
            self.log.append(
                f"Reserved memory: node '{one.node.name}' has {count + 1} <base size> entries, only the first is used"
            )
        elif count:
            self.log.append(f"fdt_scan_reserved_mem_reg_nodes() ignores {count} regions in node '{one.node.name}'")

    def _dynamic(self) -> None:
        waiting = self.waiting
        if waiting:
            self.open = Stretches(self.memory.free())
        if not self.release.stable:
            waiting = self._heap_order()
        for one in waiting:
            self._place(one)

    def _heap_order(self) -> list[Asked]:
        """fdt_init_reserved_mem() up to 6.5 sorts all entries by base and size; those to be placed have 0 and 0."""
        return [one for _, _, one in place.heap_sorted(self._saved(), lambda row: row[:2]) if one is not None]

    def _saved(self) -> list[tuple[int, int, Asked | None]]:
        """Every entry of reserved_mem[] in the order of saving: base, size, and the node where it waits for a place."""
        entries = {one.node.path: one.extent for one in self.listed}
        waiting = {one.node.path: one for one in self.waiting}
        parent = scan.parent_of(self.tree, self.release)
        rows: list[tuple[int, int, Asked | None]] = []
        for node in parent.walk() if parent else ():
            if extent := entries.get(node.path):
                rows.append((extent.base, extent.size, None))
            elif one := waiting.get(node.path):
                rows.append((0, 0, one))
        return rows

    def _place(self, one: Asked) -> None:
        found = scan.wish(one.node, self.cells, self.release)
        if isinstance(found, str):
            self._miss(one.node, found)
            return
        if not found.size:
            self.missing[one.node.path] = "the size is 0"
            return
        found = self.wishes[one.node.path] = pools.aligned(one.node, found, self.release, self.page)
        extents = [there.extent for there in self.listed if there.extent]
        base = place.place(self.memory, found, self.release, extents, self.page)
        if not base:
            self._miss(one.node, self._no_room(one.node, found))
            return
        self.missing.pop(one.node.path, None)
        extent = Range(base, found.size)
        if not self.release.removes or not one.no_map:
            self.memory.reserved.add(extent)
        if one.no_map and self.release.removes:
            self.memory.memory.remove(extent)
        elif one.no_map:
            self.memory.memory.mark(extent)
        self._list(one, extent, is_dynamic=True)

    def _no_room(self, node: Node, wish: Wish) -> str:
        line = f"failed to allocate memory for node '{node.name}'"
        return line if self.release.version < (5, 15) else f"{line}: size {wish.size >> 20} MiB"

    def _list(self, one: Asked, extent: Range, *, is_dynamic: bool, freed: str | None = None) -> None:
        """Enter the region; `freed`: why it was given back, where that is known already."""
        why = self._freed(one, extent) if freed is None else freed
        self.listed.append(ListedRegion(one.node, extent, one.no_map, is_dynamic, self.failed.get(one.node.path, ""), why))

    def _freed(self, one: Asked, extent: Range) -> str:
        """__reserved_mem_init_node(): why the region is given back, empty where it is kept."""
        freed = pools.refusal(one.node, extent, self.release, self.page, replaced=self.has_cma)
        if freed:
            self.log.append(f"node {one.node.name} compatible matching fail")
            self.memory.memory.mark(extent, mark=False) if one.no_map else self.memory.reserved.remove(extent)
        elif self.release.version >= (6, 6):  # fdt_init_reserved_mem() says nothing of it in 6.1
            self.log.append(_line(one.node, extent, no_map=one.no_map))
        return freed

    def _begin_fixed(self, nodes: list[Asked]) -> None:
        """Up to 6.6 fdt_init_reserved_mem() gives regions with reg back when those without one have their places."""
        asked = {one.node.path: one for one in nodes}
        for number, one in enumerate(self.listed):
            if one.extent and not one.is_dynamic:
                self.listed[number] = one._replace(freed=self._freed(asked[one.node.path], one.extent))

    def _miss(self, node: Node, why: str) -> None:
        self.log.append(why)
        self.missing[node.path] = f'"{why}"'

    def _overlaps(self) -> None:
        """__rmem_check_for_overlap(): neighbours by address; it says so and changes nothing."""
        known = sorted(((one.extent, one.node.name) for one in self.listed if one.extent), key=lambda row: row[0])
        for (low, name), (high, other) in pairwise(known):
            if low.end > high.base:
                self.log.append(
                    f"OVERLAP DETECTED! {name} ({low.base:#018x}--{low.end:#018x}) overlaps with "
                    f"{other} ({high.base:#018x}--{high.end:#018x})"
                )


def _line(node: Node, extent: Range, *, no_map: bool) -> str:
    flags = f"{'nomap' if no_map else 'map'} {'reusable' if 'reusable' in node.properties else 'non-reusable'}"
    return f"{extent.base:#018x}..{extent.end - 1:#018x} ({extent.size >> 10} KiB) {flags} {node.name}"
