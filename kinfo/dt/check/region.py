"""The region itself: whether it is big enough, aligned, and kept from the kernel's own mapping."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kinfo.dt.board import Board, Region
from kinfo.dt.check.place import at
from kinfo.dt.mappers import maps_uncached, splits_region
from kinfo.dt.ranges import bytes_text
from kinfo.findings import Finding, Rule, Severity
from kinfo.record.layouts import LAYOUTS

_RESERVE = "drivers/of/of_reserved_mem.c: __reserved_mem_reserve_reg()"
_PROBE = "debug_kinfo_probe(): rmem->base, rmem->size"
_PA_BITS, _WIDE_PA_BITS = 48, 52
_MBLOCK = r"mblock-\d+-"
_VENDOR_SIZES = sorted(layout.size for layout in LAYOUTS if layout.vendor)

NO_ADDRESS = Rule(
    "devicetree-no-address",
    Severity.ERROR,
    "the region has neither reg nor size",
    "the kernel reserves nothing for it: the driver's lookup fails",
    "give it a reg",
    "drivers/of/of_reserved_mem.c: fdt_scan_reserved_mem()",
)
REG_LENGTH = Rule(
    "devicetree-reg-length",
    Severity.ERROR,
    "reg is no whole number of address-size pairs",
    'the kernel logs "invalid reg property" and skips the region',
    "write the address and the size with as many cells as the root has for each",
    _RESERVE,
)
REG_EMPTY = Rule(
    "devicetree-reg-empty",
    Severity.ERROR,
    "the region's reg is empty",
    "nothing is reserved; 6.12 even registers what lies behind it in the blob as an address and a size",
    "write the address and the size of the memory",
    _RESERVE + "; fdt_scan_reserved_mem_reg_nodes() of 6.12 does not look at the length",
)
REG_EXTRA = Rule(
    "devicetree-reg-extra",
    Severity.WARNING,
    "reg has more than one entry",
    "the kernel hands only the first to the driver",
    "leave one entry",
    _RESERVE,
)
ZERO = Rule(
    "devicetree-zero",
    Severity.ERROR,
    "the region's address or size is 0",
    "a region of size 0 is not registered, one at address 0 the driver refuses with -EINVAL",
    "write the address and the size of the memory",
    _RESERVE + "; " + _PROBE,
)
WRAPS = Rule(
    "devicetree-wraps",
    Severity.ERROR,
    "the region ends beyond any physical address",
    "the memory does not exist: the kernel cannot map it",
    "check the order and the number of the cells in reg",
    "arm64: 48 bits of physical address, 52 with LPA",
)
TOO_SMALL = Rule(
    "devicetree-too-small",
    Severity.ERROR,
    "the region is smaller than the record",
    "Android's driver refuses it with -EINVAL; meminspect v1 to v3 log it and write past its end all the same",
    "make the region a page (0x1000)",
    _PROBE + ", sizeof(struct kernel_all_info)",
)
HALF_TOO_SMALL = Rule(
    "devicetree-half-too-small",
    Severity.ERROR,
    "a Pixel mapper takes the second half, and a half is too small",
    "the mapper refuses the region, rmem->priv is never set and the kinfo driver waits for ever",
    "make the region a page (0x1000)",
    "Pixel debug-snapshot-debug-kinfo: size / 2 against both structs",
)
ALIGNMENT = Rule(
    "devicetree-alignment",
    Severity.WARNING,
    "the region does not begin and end at a page",
    "with no-map the kernel unmaps whole pages only; the mapper's pages hold memory of others too",
    "align address and size to the kernel's page size",
    "binding text of v2 and v3: page-aligned; memblock_mark_nomap()",
)
UNIT_ADDRESS = Rule(
    "devicetree-unit-address",
    Severity.WARNING,
    "the node's name and its reg disagree",
    "the kernel goes by reg; people and boot loaders that go by the name look elsewhere",
    "name the node after the address in reg, or without one where the kernel chooses it",
    "Devicetree Specification v0.4, 2.2.1 (node names)",
)
NO_MAP = Rule(
    "devicetree-no-map",
    Severity.ERROR,
    "the region has no no-map",
    "the memory is held, and the kernel maps it cached: a mapper that maps it otherwise makes an alias of other attributes",
    "add `no-map;`",
    "binding v2, v3: required; Arm ARM: mismatched memory attributes; mappers: Pixel, Exynos vmap(), Samsung ioremap_wc()",
)
REUSABLE = Rule(
    "devicetree-reusable",
    Severity.ERROR,
    "the region is reusable",
    "of a shared-dma-pool the kernel gives pages to others while the record lies in it; else reusable does nothing",
    "remove `reusable;`",
    "kernel/dma/contiguous.c: rmem_cma_setup(); nobody else reads reusable but for the log",
)
FOREIGN = Rule(
    "devicetree-foreign-use",
    Severity.WARNING,
    "the region is set up for another use",
    "another subsystem may take the memory for buffers",
    "remove the property: the record needs a region of its own",
    "shared-dma-pool.yaml; iommu-addresses in reserved-memory.yaml",
)
RULES = (
    REG_EMPTY,
    *(NO_ADDRESS, REG_LENGTH, REG_EXTRA, ZERO, WRAPS, TOO_SMALL, HALF_TOO_SMALL, ALIGNMENT, UNIT_ADDRESS, NO_MAP, REUSABLE),
    FOREIGN,
)


def check(board: Board) -> Iterator[Finding]:
    """All of this module, once for each region."""
    for region in dict.fromkeys(use.region for use in board.uses if use.region):
        yield from _reg(board, region)
        yield from _place(board, region)
        yield from _size(board, region)
        yield from _flags(board, region)
        yield from _foreign(region)


def _reg(board: Board, region: Region) -> Iterator[Finding]:
    where = at(region.node, "reg")
    raw = region.node.properties.get("reg")
    if raw is None:
        if "size" not in region.node.properties:
            yield NO_ADDRESS.at(at(region.node), "it has neither")
        return
    width = board.cells.total * 4
    if not raw:
        yield REG_EMPTY.at(where, "reg has no value")
    elif not board.is_written_for_cells(raw) and (not width or len(raw) % width):
        yield REG_LENGTH.at(where, f"{len(raw)} bytes, where an entry of the root's {board.cells} cells has {width}")
    if len(region.entries) > 1:
        yield REG_EXTRA.at(where, f"it has {len(region.entries)}")


def _place(board: Board, region: Region) -> Iterator[Finding]:
    extent = region.extent
    if extent is None:
        return
    where = at(region.node, "reg" if region.is_static else "")
    if not extent.base or not extent.size:
        yield ZERO.at(where, f"the address is {extent.base:#x}, the size {extent.size:#x}")
        return
    if extent.end > 1 << _PA_BITS:
        severity = Severity.ERROR if extent.end > 1 << _WIDE_PA_BITS else Severity.WARNING
        bits = _WIDE_PA_BITS if severity is Severity.ERROR else _PA_BITS
        yield WRAPS.at(where, f"it ends at {extent.end:#x}, beyond {bits} bits", severity)
    yield from _alignment(board, extent.base, extent.size, where)
    yield from _unit_address(region)


def _alignment(board: Board, base: int, size: int, where: str) -> Iterator[Finding]:
    wanted = board.options.page_size
    if (base | size) % wanted:
        what = "address" if base % wanted else "size"
        yield ALIGNMENT.at(where, f"the {what} is no multiple of {bytes_text(wanted)}")


def _unit_address(region: Region) -> Iterator[Finding]:
    unit = region.node.unit_address
    if unit is None and re.match(_MBLOCK, region.node.name):
        return  # MediaTek's boot loader numbers its regions, and gives them no address
    if not region.is_static:
        if unit is not None:
            yield UNIT_ADDRESS.at(at(region.node), f"the kernel places it at boot, but its name says @{unit}")
        return
    base = f"{region.entries[0].base:x}" if region.entries else ""
    if unit is None:
        yield UNIT_ADDRESS.at(
            at(region.node), f"it lies at {base}, but its name has no address", remedy=f"name it ...@{base}"
        )
    elif base not in _readings(unit):
        yield UNIT_ADDRESS.at(at(region.node), f"its name says @{unit}, its reg {base}", remedy=f"name it ...@{base}")


def _readings(unit: str) -> set[str]:
    """The addresses that a unit address can mean: `1,200000` is 1 and 0x200000 in two cells, as many trees write it."""
    parts = unit.lower().removeprefix("0x").split(",")
    high, low = parts[0], parts[-1]
    joined = high + low.rjust(8, "0") if len(parts) == 2 else high
    return {joined.lstrip("0") or "0"}


def _size(board: Board, region: Region) -> Iterator[Finding]:
    size = region.length
    where = at(region.node, "reg" if region.is_static else "size")
    if not size:
        if size == 0 and not region.extent:
            yield ZERO.at(where, "the size is 0")
        return
    layout = board.options.layout
    records = (layout,) if layout else board.profile.records
    smallest, largest = records[0], records[-1]
    if size < smallest.size:
        yield TOO_SMALL.at(where, f"{size} bytes, where {smallest.name} ({smallest.alias}) has {smallest.size}")
    elif size < largest.size:
        names = ", ".join(f"{one.alias} ({one.size})" for one in records if one.size > size)
        message = f"{size} bytes are too few for the layouts {names}; --layout says which one the kernel writes"
        yield TOO_SMALL.at(where, message, Severity.WARNING)
    if splits_region(board, region):
        yield from _halves(size, smallest.size, where)


def _halves(size: int, record: int, where: str) -> Iterator[Finding]:
    first, second = size // 2, size - size // 2
    if first < record:
        yield HALF_TOO_SMALL.at(where, f"half of {size} bytes is {first}; the record has {record}")
    elif second < _VENDOR_SIZES[0]:
        yield HALF_TOO_SMALL.at(where, f"the second half has {second} bytes; the vendor block has {_VENDOR_SIZES[0]} or more")
    elif second < _VENDOR_SIZES[-1]:
        message = f"the second half has {second} bytes; the vendor block of later trees has {_VENDOR_SIZES[-1]}"
        yield HALF_TOO_SMALL.at(where, message, Severity.WARNING)


def _flags(board: Board, region: Region) -> Iterator[Finding]:
    has_no_map = "no-map" in region.node.properties
    if "reusable" in region.node.properties:
        is_pool = "shared-dma-pool" in region.node.texts("compatible")
        message = "it is no-map and reusable" if has_no_map else "it is reusable"
        yield REUSABLE.at(at(region.node, "reusable"), message, None if is_pool else Severity.INFO)
    if has_no_map:
        return
    if board.profile.on_region:
        yield NO_MAP.at(at(region.node, "no-map"), f"there is no no-map, which profile {board.profile.name} requires")
    elif mapper := maps_uncached(board, region):
        yield NO_MAP.at(at(region.node, "no-map"), f"there is no no-map, and {mapper} maps it uncached", Severity.WARNING)


def _foreign(region: Region) -> Iterator[Finding]:
    node = region.node
    if "shared-dma-pool" in node.texts("compatible"):
        yield FOREIGN.at(at(node, "compatible"), "it is a shared-dma-pool")
    for name in ("iommu-addresses", "linux,cma-default", "linux,dma-default"):
        if name in node.properties:
            yield FOREIGN.at(at(node, name), f"it has {name}")
