"""An overlay without its base."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.board import Board
from kinfo.findings import Finding, Rule, Severity

PARTIAL = Rule(
    "devicetree-partial",
    Severity.INFO,
    "the overlay is checked without its base",
    "the root's cells, RAM, other regions and the place of its nodes are not known: their rules are left out",
    "give the base tree, and this file with --overlay",
    "scripts/dtc/libfdt/fdt_overlay.c: targets are resolved in the base",
)
RULES = (PARTIAL,)


def check(board: Board) -> Iterator[Finding]:
    """All of this module."""
    if board.tree.partial and board.nodes:
        yield PARTIAL.at("/", f"cells are taken for {board.cells}, by the length of reg")
