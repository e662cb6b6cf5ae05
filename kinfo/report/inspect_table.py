"""The inspect table as text and as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kinfo.meminspect.entry import Entry, Table
from kinfo.meminspect.listing import rows
from kinfo.report.findings import finding_lines
from kinfo.report.style import Style


def render(table: Table, style: Style) -> str:
    """The whole screen: where from, which series and why, the entries, the findings."""
    lines = [f"{style.paint(table.source, 'bold')}: {table.form.value}, {len(table.entries)} regions, {table.series.title}"]
    lines += [f"  {reason}" for reason in table.why[:6]]
    lines += ["", style.paint(_row("id", "name", "va", "pa", "size", "kind"), "bold"), *_entries(table)]
    if table.findings:
        lines += ["", style.paint("Findings", "bold"), *finding_lines(table.findings, style)]
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


def _entries(table: Table) -> Iterator[str]:
    for entry in table.entries:
        id_ = "-" if entry.id is None else str(entry.id)
        yield _row(id_, entry.name or "-", _address(entry.va), _address(entry.pa), str(entry.size), _kind(entry))


def _kind(entry: Entry) -> str:
    return {True: "dynamic", False: "static", None: ""}[entry.dynamic]


def _address(value: int | None) -> str:
    return "-" if value is None else f"{value:#x}"


def _row(id_: str, name: str, va: str, pa: str, size: str, kind: str) -> str:
    return f"  {id_:>4}  {name:<28}{va:<20}{pa:<16}{size:>10}  {kind}".rstrip()
