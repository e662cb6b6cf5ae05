"""Records that were found in dumps, a line each, as they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinfo.record.locate import Hit
from kinfo.report.columns import Column, Row, Shape, row
from kinfo.report.style import Style

_COLUMNS = (
    Column("offset", 14),
    Column("kind", 8, 0),
    Column("alias", 6, 0),
    Column("sure", 11, 0),
    Column("state", 13, 0),
    Column("release", 64, 0),
    Column("dump", 0, 0),
)
_USUAL = ("0x123456789", "record", "A6v2", "unlikely", "not written", "6.12.37-android16-5-g2a1f81476db0-ab56593943")


def hits_shape(dumps: Sequence[str], style: Style) -> Shape:
    """How the table lies before any hit is known: for records of the usual size in these dumps."""
    return Shape(_COLUMNS, [row(*_USUAL, dump) for dump in dumps], style, indent=0)


def hit_rows(source: str, hit: Hit) -> Iterator[Row]:
    """The row of a hit, and that of the vendor's block behind it."""
    record = hit.record
    if record is None or record.layout is None:
        yield row(f"{hit.offset:#x}", "decoy", "-", "-", "-", "(no sense behind the magic)", source)
        return
    kind = "vendor" if record.layout.vendor else "record"
    state = "bad magic" if record.checksum.holds_but_for_the_magic else record.state.value
    known = (record.layout.alias, record.confidence.value, state, record.release_text or "(empty)")
    yield row(f"{hit.offset:#x}", kind, *known, source)
    if record.vendor:
        yield from hit_rows(source, Hit(record.vendor.offset, record.vendor))
