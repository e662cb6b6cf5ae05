"""The inspect table as text and as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kinfo.findings import Severity
from kinfo.meminspect.entry import Entry, Table
from kinfo.meminspect.listing import rows
from kinfo.report import columns
from kinfo.report.columns import Column, Row, row
from kinfo.report.findings import finding_lines
from kinfo.report.style import Style

_COLUMNS = (
    Column("id", 4, is_right=True),
    Column("name", 28),
    Column("va", 20, 0),
    Column("pa", 16, 0),
    Column("size", 10, 0, is_right=True),
    Column("kind"),
)


def render(table: Table, style: Style) -> str:
    """The whole screen: where from, which series and why, the entries, the findings."""
    lines = [f"{style.paint(table.source, 'bold')}: {table.form.value}, {len(table.entries)} regions, {table.series.title}"]
    lines += [f"  {reason}" for reason in table.why[:6]]
    lines += ["", *columns.table(_COLUMNS, _entries(table), style)]
    if table.findings:
        lines += ["", style.paint("Findings", "bold"), *finding_lines(table.findings, style)]
    return "\n".join(lines) + "\n"


def block(table: Table, style: Style) -> str:
    """A line for a table that is one of many, and one for each of its errors and warnings."""
    lines = [f"{style.paint(table.source, 'bold')}: {table.form.value}, {len(table.entries)} regions, {table.series.title}"]
    for one in table.findings:
        if one.severity is not Severity.INFO:
            head = style.severity(one.severity, f"{one.severity.value:<8}")
            lines.append(f"  {head}{style.paint(one.code, 'bold')}  {one.where}: {one.message}")
    return "\n".join(lines) + "\n"


def document(table: Table) -> dict[str, Any]:
    """What JSON and YAML show; `kinfo table` and `kinfo build` read it back."""
    from kinfo.report.document import SCHEMA_VERSION, finding_data

    return {
        "schema_version": SCHEMA_VERSION,
        "source": table.source,
        "form": table.form.value,
        "series": table.series.name,
        "why": list(table.why),
        "entries": rows(table),
        "findings": [finding_data(finding) for finding in table.findings],
    }


def _entries(table: Table) -> Iterator[Row]:
    for entry in table.entries:
        id_ = "-" if entry.id is None else str(entry.id)
        yield row(id_, entry.name or "-", _address(entry.va), _address(entry.pa), str(entry.size), _kind(entry))


def _kind(entry: Entry) -> str:
    return {True: "dynamic", False: "static", None: ""}[entry.dynamic]


def _address(value: int | None) -> str:
    return "-" if value is None else f"{value:#x}"
