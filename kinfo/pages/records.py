"""A section on a record: what it is, and every field with its meaning and where the driver takes it from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kinfo.pages.documents import Document
from kinfo.pages.model import FactTable, Folded, Grid, PageFact, PageSection

_HEAD = ("offset", "type", "field", "value", "meaning", "taken from")


def section(record: Document, layout: Document | None, number: int = 0) -> PageSection:
    """The section of the record; `layout` is its layout's document, None where it has none."""
    blocks: list[Any] = [FactTable("The record", tuple(_identity(record)))]
    if layout is not None:
        rows = tuple(_row(field, record["fields"]) for field in layout["fields"])
        blocks.append(Folded(f"{len(rows)} fields, with what they mean", (Grid("Fields", _HEAD, rows, (0,)),)))
    if record.get("vendor"):
        blocks.append(FactTable("The vendor's block behind it", tuple(_identity(record["vendor"]))))
    anchor = f"record-{number}" if number else "record"
    return PageSection(anchor, f"Record {number + 1}" if number else "Record", tuple(blocks))


def _identity(record: Document) -> Iterator[PageFact]:
    yield PageFact("layout", f"{record['layout']} ({record['alias']})", record["confidence"])
    place = f"PA {record['address']}" if record["address"] else f"offset {record['offset']}"
    yield PageFact("place", place, f"{record['size']} bytes{', cut off' if record['truncated'] else ''}")
    sums = record["checksum"]
    yield PageFact("checksum", sums["state"], f"stored {sums['stored']}, computed {sums['computed']}")
    for at, writer in enumerate(record["writers"]):
        yield PageFact("" if at else "possible writers", writer)
    if record["rivals"]:
        yield PageFact("also reads as", ", ".join(record["rivals"]))
    if record["missing"]:
        yield PageFact("not written", ", ".join(record["missing"]))
    for name in ("last_uts_release", "build_info"):
        if name in record["fields"]:
            yield PageFact(name, str(record["fields"][name]) or "(empty)")


def _row(field: Document, values: Document) -> tuple[str, ...]:
    value = values.get(field["name"], "")
    shown = ", ".join(str(one) for one in value if one) if isinstance(value, list) else str(value)
    return (f"{field['offset']:#x}", field["type"], field["name"], shown, field["meaning"], field["taken_from"])
