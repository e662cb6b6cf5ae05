"""The values of an inspect table's regions as text and as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kinfo.region_memory.values import RegionValue, RegionValues
from kinfo.report.style import Style

_NAME = 24


def render(values: RegionValues, style: Style) -> str:
    """A line a region, with more below it where it holds several things."""
    series = values.memory.series.title if values.memory.series else "of no known series"
    head = f"{style.paint(values.memory.source, 'bold')}: what {len(values.all)} regions hold, {series}"
    return "\n".join([head, "", *(line for one in values.all for line in _lines(one, style))]) + "\n"


def _lines(one: RegionValue, style: Style) -> Iterator[str]:
    id_ = "-" if one.region.id is None else str(one.region.id)
    words = one.words if one.is_read else style.paint(f"not read: {one.words}", "yellow")
    yield f"  {id_:>4}  {one.region.name or '-':<{_NAME}}  {words}"
    yield from (f"{'':{_NAME + 10}}{line}" for line in one.more)


def document(values: RegionValues) -> dict[str, Any]:
    """What JSON and YAML show: `value` is None for bytes that only the kernel's types would explain."""
    return {
        "schema_version": 1,
        "source": values.memory.source,
        "series": values.memory.series.name if values.memory.series else None,
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
