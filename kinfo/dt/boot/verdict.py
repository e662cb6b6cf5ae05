"""What becomes of the kinfo region on one release: held, where, and with which flags; or lost, and why."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.boot.run import Boot, ListedRegion
from kinfo.dt.ranges import Range, bytes_text
from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.tree import Node

HELD, LOST = "held", "lost"


class Held(NamedTuple):
    """The memory's outcome, `held` or `lost`.

    `extent`: where, or None where that cannot be said before the boot; `why`: of a loss, in the log's words where the log
    has any; of memory that is held, under which condition.
    """

    outcome: str
    extent: Range | None
    no_map: bool
    why: str
    code: str = ""


def lookup(boot: Boot, node: Node) -> ListedRegion | None:
    """of_reserved_mem_lookup(): the first entry with the node's own name, wherever that node is."""
    return next((one for one in boot.listed if one.node.name == node.name), None)


def memory_of(boot: Boot, node: Node | None, smallest: int) -> Held:
    """What becomes of the memory of the region that `node` is, or is called like.

    `smallest`: bytes of the smallest record; what is less holds none.
    """
    if node is None:
        return _lost(None, no_map=False, why="nothing names a region", code="unnamed")
    found = lookup(boot, node)
    no_map = "no-map" in node.properties
    if boot.dies:
        why = f"the kernel does not come up: {boot.dies.why}"
        return _lost(found.extent if found else None, no_map=no_map, why=why, code="dies")
    if found is None:
        why = boot.missing.get(node.path) or _not_looked_at(node)
        return _lost(None, no_map=no_map, why=why, code="missing")
    for code, why in _losses(boot, found, smallest):
        return _lost(found.extent, no_map=found.no_map, why=why, code=code)
    return _held(boot, found)


def _held(boot: Boot, found: ListedRegion) -> Held:
    why = ""
    extent = found.extent
    if found.is_dynamic:
        why = "unless the kernel's image, the blob or what the boot loader adds is there"
        if not boot.ram_known:
            extent, why = None, "the tree does not say where RAM is: the kernel chooses"
    elif not boot.ram_known:
        why = "if there is RAM: the tree does not say where it is"
    return Held(HELD, extent, found.no_map, why)


def _lost(extent: Range | None, *, no_map: bool, why: str, code: str) -> Held:
    return Held(LOST, extent, no_map, why, code)


def _not_looked_at(node: Node) -> str:
    parent = node.parent
    if parent is not None and parent.path == "/reserved-memory":
        return "the kernel does not register it"
    return f"{node.path} is no child of /reserved-memory: the kernel does not register it"


def _losses(boot: Boot, found: ListedRegion, smallest: int) -> Iterator[tuple[str, str]]:
    """What speaks against the memory, the gravest first."""
    extent = found.extent
    if extent is None:
        yield "empty-reg", "its reg is empty: the kernel reads what lies behind it in the blob as address and size"
        return
    if found.refused:
        yield "refused", f'"{found.refused}"{_in_the_way(boot, found, extent)}'
    if found.freed:
        yield "freed", f'"compatible matching fail": {found.freed}; the memory is given back'
    if not boot.ram.covers(extent):
        yield "no-ram", _outside(boot, extent)
    yield from _shared(boot, found, extent)
    if extent.size < smallest:
        yield "small", f"{extent.size} bytes are less than any record: the smallest has {smallest}"


def _shared(boot: Boot, found: ListedRegion, extent: Range) -> Iterator[tuple[str, str]]:
    for other in boot.listed:
        if other is not found and other.extent and other.extent.overlaps(extent):
            yield "overlap", f'"OVERLAP DETECTED!": {other.node.name} lies at {other.extent}'
    for one in boot.owned:
        if one.extent.overlaps(extent):
            yield "owned", f"{one.name} lies at {one.extent}"


def _in_the_way(boot: Boot, found: ListedRegion, extent: Range) -> str:
    """Who had the memory, as far as the tree tells."""
    others = [(one.name, one.extent) for one in boot.owned]
    others += [(one.node.name, one.extent) for one in boot.listed if one is not found and one.extent]
    for name, there in others:
        if there.overlaps(extent):
            return f": {name} lies at {there}"
    return ": memory in it is reserved before"


def _outside(boot: Boot, extent: Range) -> str:
    banks = list(boot.ram)
    if not any(bank.overlaps(extent) for bank in banks):
        return f"there is no RAM at {extent}"
    return f"not all of {extent} is RAM: {bytes_text(_inside(banks, extent))} of it is"


def _inside(banks: list[Range], extent: Range) -> int:
    return sum(max(0, min(bank.end, extent.end) - max(bank.base, extent.base)) for bank in banks)
