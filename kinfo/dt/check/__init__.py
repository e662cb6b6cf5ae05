"""The rules that no schema can hold, one subject a file: each rule stands beside the code that finds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kinfo.dt.board import Board
from kinfo.dt.check import (
    dynamic,
    heard,
    mapper,
    memory,
    nodes,
    outcome,
    partial,
    ramoops,
    record,
    region,
    root,
    schema,
    target,
)
from kinfo.findings import Finding, Rule

Check = Callable[[Board], Iterable[Finding]]

_SUBJECTS = (root, nodes, target, region, dynamic, memory, mapper, record, heard, partial, ramoops)
RULES: tuple[Rule, ...] = (*(rule for subject in (*_SUBJECTS, outcome) for rule in subject.RULES), *schema.RULES)
CHECKS: tuple[Check, ...] = tuple(subject.check for subject in _SUBJECTS)


def run(board: Board) -> list[Finding]:
    """Every finding on a board."""
    found = [finding for check in CHECKS for finding in check(board)]
    return [*found, *outcome.check(board, tuple(found))]
