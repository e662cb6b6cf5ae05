"""The catalogue of findings as text, data and Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kinfo.catalogue import FAMILIES, RULES
from kinfo.findings import Rule
from kinfo.report.style import Style


def listing(rules: Iterable[Rule], style: Style) -> str:
    """One line a rule, by family."""
    lines: list[str] = []
    for family, question in FAMILIES.items():
        lines.append(style.paint(f"{family}: {question}", "bold"))
        lines += [
            f"  {style.severity(rule.severity, f'{rule.severity.value:<8}')}{rule.code:<32}{rule.title}"
            for rule in rules
            if rule.family == family
        ]
    return "\n".join(lines) + "\n"


def text(rule: Rule, style: Style) -> str:
    """The long form of one rule."""
    return (
        f"{style.severity(rule.severity, rule.severity.value)}  {style.paint(rule.code, 'bold')}\n"
        f"  what    {rule.title}\n  effect  {rule.effect}\n  do      {rule.remedy}\n  source  {rule.source}\n"
    )


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
