"""The catalogue of findings as text, data and Markdown."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from kinfo.catalogue import FAMILIES, RULES
from kinfo.findings import Rule
from kinfo.report.columns import Column, Shape, pairs, row
from kinfo.report.style import Style

_COLUMNS = (Column(room=8), Column(room=32, gap=0), Column(gap=0, is_text=True))


def listing(rules: Iterable[Rule], style: Style) -> str:
    """One line a rule, by family."""
    rows = [(rule.family, row(_severity(rule, style), rule.code, rule.title)) for rule in rules]
    shape = Shape(_COLUMNS, [cells for _, cells in rows], style, titled=False)
    lines: list[str] = []
    for family, question in FAMILIES.items():
        lines.append(style.paint(f"{family}: {question}", "bold"))
        lines += [line for of, cells in rows if of == family for line in shape.lines(cells)]
    return "\n".join(lines) + "\n"


def text(rule: Rule, style: Style) -> str:
    """The long form of one rule."""
    title = f"{style.severity(rule.severity, rule.severity.value)}  {style.paint(rule.code, 'bold')}"
    rows = {"what": rule.title, "effect": rule.effect, "do": rule.remedy, "source": rule.source}
    return "\n".join([title, *pairs(itertools.starmap(row, rows.items()), 8, style)]) + "\n"


def _severity(rule: Rule, style: Style) -> str:
    return style.severity(rule.severity, f"{rule.severity.value:<8}")


def data(rule: Rule) -> dict[str, Any]:
    """One rule as plain data."""
    return {**rule._asdict(), "severity": rule.severity.value}


def markdown() -> str:
    """The whole catalogue as tables, one a family."""
    parts = []
    for family, question in FAMILIES.items():
        rows = [
            f"| {_code(rule)} | {rule.severity.value} | {rule.title} | {rule.effect} | {rule.remedy} | {rule.source} |"
            for rule in RULES
            if rule.family == family
        ]
        head = "| code | severity | what | effect | what to do | source |\n|---|---|---|---|---|---|\n"
        parts.append(f"## {family}\n\n{question}\n\n{head}" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _code(rule: Rule) -> str:
    """The code, where SARIF's helpUri leads to."""
    return f'<a id="{rule.code}"></a>`{rule.code}`'
