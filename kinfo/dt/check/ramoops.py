"""A ramoops node beside the kinfo one: what the driver makes of it (fs/pstore/ram.c, the same in 6.1 to 7.3 unless said)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kinfo.dt import ramoops
from kinfo.dt.board import Board
from kinfo.dt.check.place import at
from kinfo.dt.ramoops import INT_MAX, NUMBERS, SIZES, RamoopsNode
from kinfo.dt.ranges import Range, bytes_text
from kinfo.findings import Finding, Rule, Severity
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.regions.ramoops.layout import ZonePlan

_PROBE = "fs/pstore/ram.c: ramoops_probe()"
_LARGEST_MEM_TYPE = 2

NUMBER = Rule(
    "devicetree-ramoops-number",
    Severity.ERROR,
    "a number of the ramoops node that the driver does not take",
    "the driver's probe fails: there is no ramoops, and no crash is recorded",
    "write one cell, at most 0x7fffffff",
    "fs/pstore/ram.c: ramoops_parse_dt_u32(), of_property_read_u32()",
)
SIZE = Rule(
    "devicetree-ramoops-size",
    Severity.ERROR,
    "no zones can be made of the ramoops region",
    "the driver's probe fails: there is no ramoops, and no crash is recorded",
    "give record-size, console-size, ftrace-size or pmsg-size, with a sum that the region has room for",
    f"{_PROBE}, ramoops_init_przs(), persistent_ram_init_ecc()",
)
ROUNDED = Rule(
    "devicetree-ramoops-rounded",
    Severity.WARNING,
    "a size of the ramoops node is no power of two",
    "the driver rounds it down (Rockchip's kernels do not)",
    "write a power of two",
    f"{_PROBE}: rounddown_pow_of_two()",
)
ECC = Rule(
    "devicetree-ramoops-ecc",
    Severity.WARNING,
    "an ecc-size that puts next to nothing right, or that the code has no room for",
    "half of it is how many wrong bytes of 128 can be put right; beyond 127 the kernel's library stops with a BUG",
    "write 16; the module's parameter ecc=1 means 16, the tree's ecc-size does not",
    "fs/pstore/ram_core.c: persistent_ram_init_ecc(); lib/reed_solomon: a codeword has at most 255 bytes, 128 of them data",
)
MEM_TYPE = Rule(
    "devicetree-ramoops-mem-type",
    Severity.ERROR,
    "a mem-type that there is not",
    "kernels from 6.1 on (not 5.10) map no memory for it: the driver's probe fails",
    "write 0 (write-combined), 1 (uncached) or 2 (cached)",
    'fs/pstore/ram_core.c: persistent_ram_vmap(), "invalid mem_type"',
)
SECOND = Rule(
    "devicetree-ramoops-second",
    Severity.ERROR,
    "more than one ramoops node",
    'the driver takes the first that makes records and says "already initialized" of the others',
    "leave one node enabled",
    _PROBE,
)
UNRESERVED = Rule(
    "devicetree-ramoops-unreserved",
    Severity.ERROR,
    "the ramoops node's memory is not reserved",
    "the kernel uses the memory for itself and the driver writes into it",
    "put the node below /reserved-memory",
    "Documentation/devicetree/bindings/reserved-memory/ramoops.yaml; drivers/of/platform.c makes a device of it there",
)
NO_MAP = Rule(
    "devicetree-ramoops-no-map",
    Severity.INFO,
    "the ramoops region is mapped by the kernel, too",
    "the linear map covers it cached while the driver maps it write-combined; most boards have it so",
    "add no-map; or mem-type = <2>, where caches are kept or flushed at a reset",
    "drivers/of/fdt.c: memblock_mark_nomap(); fs/pstore/ram_core.c: persistent_ram_vmap()",
)
PLACE = Rule(
    "devicetree-ramoops-place",
    Severity.INFO,
    "where ramoops lies, and the zones that the driver makes",
    "none: crash logs, console and traces of a device that came back are there",
    "kinfo pstore RAM --dtb FILE --list",
    _PROBE,
)
RULES = (NUMBER, SIZE, MEM_TYPE, SECOND, UNRESERVED, ROUNDED, ECC, NO_MAP, PLACE)


def check(board: Board) -> Iterator[Finding]:
    """All of this module, for every enabled ramoops node."""
    found = ramoops.nodes(board)
    for node in found:
        wrong = [*_numbers(node)]
        yield from wrong
        yield from _memory(board, node)
        if not wrong:
            yield from _sizes(node)
    if len(found) > 1:
        yield SECOND.at(at(found[1].node), f"{found[0].node.path} is the first of {len(found)}")


def _numbers(node: RamoopsNode) -> Iterator[Finding]:
    for name in NUMBERS:
        raw = node.node.properties.get(name)
        value = ramoops.value(node.node, name)
        if raw is not None and value is None:
            yield NUMBER.at(at(node.node, name), f"it has {len(raw)} bytes, and no number")
        elif value is not None and value > INT_MAX:
            yield NUMBER.at(at(node.node, name), f"{value:#x} is more than 0x7fffffff")
    kind = ramoops.value(node.node, "mem-type")
    if kind is not None and _LARGEST_MEM_TYPE < kind <= INT_MAX:
        yield MEM_TYPE.at(at(node.node, "mem-type"), f"it is {kind}")


def _memory(board: Board, node: RamoopsNode) -> Iterator[Finding]:
    extent = node.extent
    if not ramoops.in_reserved_memory(node.node):
        kept = [entry for region in board.regions for entry in region.entries]
        kept += [Range(base, size) for base, size in board.tree.reservations]
        covered = extent and any(one.holds(extent) for one in kept)
        if not covered and extent and any(bank.overlaps(extent) for bank in board.banks):
            yield UNRESERVED.at(at(node.node, "reg"), f"{extent} is RAM that no region keeps")
    elif "no-map" not in node.node.properties and ramoops.value(node.node, "mem-type") != _LARGEST_MEM_TYPE:
        yield NO_MAP.at(at(node.node, "no-map"), "there is no no-map")


def _sizes(node: RamoopsNode) -> Iterator[Finding]:
    from kinfo.regions.ramoops import ecc, layout

    for name in SIZES:
        value = ramoops.value(node.node, name) or 0
        if value != layout.power_below(value):
            message = f"{value:#x} becomes {layout.power_below(value):#x}"
            yield ROUNDED.at(at(node.node, name), message)
    parity = node.sizes.ecc
    if parity == 1 or parity > ecc.LARGEST:
        yield ECC.at(at(node.node, "ecc-size"), f"it is {parity}", Severity.ERROR if parity > 1 else None)
    size = node.region.length
    if size is None or parity > ecc.LARGEST:
        return
    plan = layout.plan(size, node.sizes)
    if plan.fault:
        yield SIZE.at(at(node.node), f'of {bytes_text(size)}: "{plan.fault}"')
    else:
        where = f"{node.extent}" if node.extent else f"{bytes_text(size)} that the kernel places"
        yield PLACE.at(at(node.node), f"{where}: {_zones(plan)}")


def _zones(plan: ZonePlan) -> str:
    kinds = Counter((zone.kind, zone.size) for zone in plan.zones)
    return ", ".join(f"{count} x {kind} of {size} bytes" for (kind, size), count in kinds.items())
