"""Physical memory as a drawing, and as the table of the same addresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinfo.pages.draw import DrawnMark, DrawnSpan, drawn
from kinfo.pages.model import Figure, Folded, Grid, PageSection
from kinfo.pages.places import MapPlace, MapPlaces
from kinfo.printable import size_words

_LANES = ("board", "dump", "reserved", "image", "parts")
_MOST = 160  # marked addresses: more are in the table alone


def section(places: MapPlaces) -> PageSection | None:
    """The section; None where no address is known."""
    if not places.all:
        return None
    return PageSection("memory", "Memory", tuple(_blocks(places)))


def _blocks(places: MapPlaces) -> Iterator[Figure | Grid | Folded]:
    physical = [one for one in places.all if one.space == "PA"]
    if physical:
        shown = sorted(physical, key=lambda one: (one.kind == "found", not one.lane))[:_MOST]
        lanes = [lane for lane in _LANES if any(one.lane == lane for one in shown)]
        spans = [DrawnSpan(*one[1:5], lanes.index(one.lane), one.anchor) for one in shown if one.lane]
        marks = [DrawnMark(one.start, one.name, one.kind, one.anchor) for one in shown if not one.lane]
        words = f"{len(spans)} ranges and {len(marks)} addresses of physical memory; the table below has the same"
        yield Figure("Physical memory, not to scale", words, drawn(spans, marks))
        yield _table("Every physical address that is known", physical)
    virtual = [one for one in places.all if one.space == "VA"]
    if virtual:
        table = _table("Every virtual address that is known", virtual)
        yield Folded(f"{len(virtual)} ranges and addresses of virtual memory", (table,)) if physical else table


def _table(caption: str, places: Sequence[MapPlace]) -> Grid:
    rows = tuple(map(_row, places))
    return Grid(caption, ("from", "to", "size", "what", "known by"), rows, (2,), tuple(one.anchor for one in places))


def _row(one: MapPlace) -> tuple[str, ...]:
    is_range = one.end > one.start
    size = size_words(one.end - one.start) if is_range else ""
    return (f"{one.start:#x}", f"{one.end:#x}" if is_range else "", size, one.name, one.source)
