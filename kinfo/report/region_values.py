"""The values of an inspect table's regions as text and as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kinfo.region_memory.values import RegionValue, RegionValues
from kinfo.report.columns import Column, Row, row, table
from kinfo.report.style import Style

_COLUMNS = (Column(room=4, is_right=True), Column(room=24), Column(is_text=True))


def render(values: RegionValues, style: Style) -> str:
    """A line a region, with more below it where it holds several things."""
    series = values.memory.series.title if values.memory.series else "of no known series"
    head = f"{style.paint(values.memory.source, 'bold')}: what {len(values.all)} regions hold, {series}"
    rows = [each for one in values.all for each in _rows(one, style)]
    return "\n".join([head, "", *table(_COLUMNS, rows, style, titled=False)]) + "\n"


def _rows(one: RegionValue, style: Style) -> Iterator[Row]:
    id_ = "-" if one.region.id is None else str(one.region.id)
    words = one.words if one.is_read else style.paint(f"not read: {one.words}", "yellow")
    yield row(id_, one.region.name or "-", words)
    yield from (row("", "", line) for line in one.more)


def document(values: RegionValues) -> dict[str, Any]:
    """What JSON and YAML show: `value` is None for bytes that only the kernel's types would explain."""
    from kinfo.report.document import finding_data

    return {
        "schema_version": 1,
        "source": values.memory.source,
        "series": values.memory.series.name if values.memory.series else None,
        "findings": [finding_data(finding) for finding in values.memory.findings],
        "values": [
            {
                "id": one.region.id,
                "name": one.region.name or None,
                "size": one.region.size,
                "is_read": one.is_read,
                "words": one.words,
                "value": one.data,
            }
            for one in values.all
        ],
    }
