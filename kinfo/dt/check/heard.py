"""What the kernel said of a boot, held against what the model says it would do with this tree."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.board import Board, Region
from kinfo.dt.boot.memblock import Stretches
from kinfo.dt.boot.verdict import HELD
from kinfo.dt.check.place import at
from kinfo.dt.ranges import Range, bytes_text
from kinfo.findings import Finding, Rule, Severity
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.dmesg import BootLog, Iomem
    from kinfo.dt.kernels import Outcome

_TREE = "check that log and tree are of one boot (/sys/firmware/fdt of that boot), and what the boot loader put there"
_ASK = "give that boot's log with --dmesg: it says where the region is"

LOG_AGREES = Rule(
    "devicetree-log-agrees",
    Severity.INFO,
    "the kernel's log says what the tree lets expect",
    "the region is what it should be on that boot",
    "nothing to do",
    'drivers/of/of_reserved_mem.c: the lines "OF: reserved mem:"',
)
LOG_DIFFERS = Rule(
    "devicetree-log-differs",
    Severity.ERROR,
    "the kernel's log says otherwise than the tree lets expect",
    "on that boot the record had no memory of its own, or another: the kernel knew more than this tree, or got another",
    _TREE,
    'drivers/of/of_reserved_mem.c, drivers/of/fdt.c: the lines "OF: reserved mem:" and "OF: fdt:"',
)
IOMEM_AGREES = Rule(
    "devicetree-iomem-agrees",
    Severity.INFO,
    "/proc/iomem has the region as the tree lets expect",
    "the kernel keeps off the memory",
    "nothing to do",
    "arch/arm64/kernel/setup.c: request_standard_resources(); reserve_memblock_reserved_regions()",
)
IOMEM_DIFFERS = Rule(
    "devicetree-iomem-differs",
    Severity.ERROR,
    "/proc/iomem has the region otherwise than the tree lets expect",
    "the kernel uses the memory, or does not know it as RAM",
    _TREE,
    "arch/arm64/kernel/setup.c: request_standard_resources(); reserve_memblock_reserved_regions()",
)
RULES = (LOG_AGREES, LOG_DIFFERS, IOMEM_AGREES, IOMEM_DIFFERS)


def check(board: Board) -> Iterator[Finding]:
    """All of this module, where there is a log or a map of memory."""
    log, iomem = board.options.log, board.options.iomem
    if not board.outcomes:
        return
    expected = board.outcomes[-1]
    region = board.uses[0].region
    if region is None:
        return
    if log is not None:
        yield from _log(board, region, log, expected)
    if iomem is not None:
        yield from _iomem(region, iomem, expected)


def _log(board: Board, region: Region, log: BootLog, expected: Outcome) -> Iterator[Finding]:
    name = region.node.name
    where, is_held = at(region.node), expected.memory.outcome == HELD
    if line := log.dropped or log.complaints.get(name, ""):
        if is_held:
            yield LOG_DIFFERS.at(where, f'the kernel said "{line}"{_guess(line)}')
        else:
            yield LOG_AGREES.at(where, f'the kernel said "{line}", and the memory is lost on {expected.kernel}')
    elif (there := log.placed.get(name)) is not None:
        yield from _listed(board, region, there, expected)
    elif log.placed and is_held:
        yield LOG_DIFFERS.at(where, f"the kernel lists {len(log.placed)} regions, and {name} is not among them")


def _listed(board: Board, region: Region, there: Range, expected: Outcome) -> Iterator[Finding]:
    said = f"the kernel lists it at {there}"
    if expected.memory.outcome != HELD:
        message = f"{said}; by the tree it is lost on {expected.kernel}: {expected.memory.why}"
        yield LOG_AGREES.at(at(region.node), message)  # a region that is lost stays listed all the same
    elif not region.is_static:
        yield from _chosen(board, region, there, said)
    elif there != region.extent:
        yield LOG_DIFFERS.at(at(region.node, "reg"), f"{said}, the tree has {region.extent}")
    else:
        yield LOG_AGREES.at(at(region.node), said)


def _chosen(board: Board, region: Region, there: Range, said: str) -> Iterator[Finding]:
    """Of a region that the kernel placed: the log knows where; whether this tree is that boot's, shows in what it allows."""
    from kinfo.dt.chosen import chosen

    found = chosen(board, region, there.base)
    if there.size != region.size:
        yield LOG_DIFFERS.at(at(region.node, "size"), f"{said}, where size asks for {bytes_text(region.size or 0)}")
    elif found.against:
        yield LOG_DIFFERS.at(at(region.node), f"{said}, {found.against}")
    elif found.places:
        message = f"{said}; by the tree alone {found.expected}"
        remedy = f"nothing to do where the blob, or what the boot loader adds, was in the way; else {_TREE}"
        yield LOG_DIFFERS.at(at(region.node), message, Severity.WARNING, remedy=remedy)
    else:
        yield LOG_AGREES.at(at(region.node), said)


def _guess(line: str) -> str:
    if "failed to reserve" in line:
        return ": something that the tree does not show was in the way"
    if "failed to allocate" in line:
        return ": there was less free RAM than the tree shows"
    return ""


def _iomem(region: Region, iomem: Iomem, expected: Outcome) -> Iterator[Finding]:
    extent = region.placed or expected.memory.extent or region.extent
    if extent is None or not extent.size:
        return
    where = at(region.node, "reg" if region.is_static else "")
    used = any(one.overlaps(extent) for one in iomem.ram)
    kept = Stretches(iomem.reserved).covers(extent)
    no_map = "no-map" in region.node.properties
    if kept and (not used or not no_map):
        yield IOMEM_AGREES.at(where, f"{extent} is reserved{' within System RAM' if used else ''}")
    elif no_map and used and kept:
        yield IOMEM_DIFFERS.at(where, f"{extent} is reserved, but mapped as System RAM: no-map did not hold")
    else:
        state = "System RAM that the kernel uses" if used else "neither System RAM nor reserved"
        if expected.memory.outcome != HELD:
            yield IOMEM_DIFFERS.at(where, f"{extent} is {state}", Severity.INFO)
        elif region.is_static or region.placed:
            yield IOMEM_DIFFERS.at(where, f"{extent} is {state}")
        else:
            message = f"{extent}, where the tree alone lets expect the region, is {state}"
            yield IOMEM_DIFFERS.at(where, message, Severity.WARNING, remedy=_ASK)
