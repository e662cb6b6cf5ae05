"""What the model of the boot says, where no rule has said why: nothing that is lost goes without an error."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.board import Board
from kinfo.dt.boot.run import Death
from kinfo.dt.boot.verdict import LOST as MEMORY_LOST
from kinfo.dt.check.place import at
from kinfo.dt.driver import FAILS
from kinfo.dt.kernels import Outcome, names_text
from kinfo.findings import Finding, Rule, Severity

LOST = Rule(
    "devicetree-lost",
    Severity.ERROR,
    "the kernel does not hold the memory",
    "the kernel boots without a region for the record",
    "do as the reason says; `--explain-boot` shows the whole run",
    "the model of the boot: drivers/of/of_reserved_mem.c, drivers/of/fdt.c, mm/memblock.c",
)
NO_DRIVER = Rule(
    "devicetree-driver",
    Severity.ERROR,
    "the driver does not get the memory",
    "no record is written",
    "do as the reason says",
    "drivers/android/debug_kinfo.c, or the posted series: debug_kinfo_probe()",
)
DIES = Rule(
    "devicetree-kernel-dies",
    Severity.ERROR,
    "the kernel does not come up",
    "it dies of a translation fault before it can show its log, which only earlycon does",
    "align the address and the size of every no-map region to the kernel's page size",
    "arch/arm64/mm/mmu.c: map_mem() of 7.3 and 6.12.117 rounds inward to whole pages, that of 6.1.192 and 7.2.13 not",
)
RULES = (LOST, NO_DRIVER, DIES)


def check(board: Board, found: tuple[Finding, ...]) -> Iterator[Finding]:
    """A kernel that dies; and what is bad in an outcome and no error among `found` explains."""
    dying = tuple(_dying(board))
    yield from dying
    if any(finding.severity is Severity.ERROR for finding in (*found, *dying)):
        return
    lost: dict[str, list[Outcome]] = {}
    for one in board.outcomes:
        if one.memory.outcome == MEMORY_LOST:
            lost.setdefault(one.memory.code, []).append(one)  # releases say the same in other words
    for rows in lost.values():
        yield _lost(board, rows)
    if not lost:
        yield from _failing(board)


def _dying(board: Board) -> Iterator[Finding]:
    dying: dict[Death, list[str]] = {}
    for one in board.outcomes:
        if one.boot.dies:
            dying.setdefault(one.boot.dies, []).append(one.kernel)
    for (where, why), names in dying.items():
        yield DIES.at(where, f"{why}{_on(board, names)}")


def _failing(board: Board) -> Iterator[Finding]:
    failing: dict[str, list[str]] = {}
    for one in board.outcomes:
        if one.driver.outcome == FAILS:
            failing.setdefault(one.driver.why, []).append(one.kernel)
    for why, names in failing.items():
        yield NO_DRIVER.at(at(board.uses[0].node), f"{why}{_on(board, names)}")


def _lost(board: Board, rows: list[Outcome]) -> Finding:
    region = board.uses[0].region
    node = region.node if region else board.uses[0].node
    why, remedy, name = rows[-1].memory.why, "", ""
    if "failed to allocate" in why:
        remedy = "make the region smaller, or alloc-ranges wider: `size` bytes of free RAM must lie in one of them"
        name = "alloc-ranges" if "alloc-ranges" in node.properties else "size"
    return LOST.at(at(node, name), f"{why}{_on(board, [one.kernel for one in rows])}", remedy=remedy)


def _on(board: Board, names: list[str]) -> str:
    return f" (on {names_text(names)})" if len(names) < len(board.outcomes) or len(names) == 1 else ""
