"""Layouts as text, JSON and Markdown: all derived from the construct model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kinfo.record.layout_diff import LayoutDiff
from kinfo.record.model import Field, Layout
from kinfo.report.columns import Column, Row, pairs, row, table
from kinfo.report.style import Style

_ROOM = 12  # letters of a row's name
_LISTED = (
    Column("alias", 6),
    Column("name", 26, 0),
    Column("size", 5, 0, is_right=True),
    Column("kernels and trees", is_text=True),
)
_FIELDS = (
    Column("off", 5, is_right=True),
    Column("hex", 6, 1, is_right=True),
    Column("type", 10),
    Column("field", 28, 1),
    Column("meaning (= taken from)", 0, 1, is_text=True),
)
_DIFF = (
    Column(),
    Column("", 6, 1, is_right=True),
    Column("", 2, 1),
    Column("", 6, 1, is_right=True),
    Column("", 9, 1),
    Column("", 0, 1),
)


def listing(layouts: Iterable[Layout], style: Style) -> str:
    """One line a layout."""
    rows = [row(one.alias, one.name, f"{one.size}", one.seen_in) for one in layouts]
    return "\n".join(table(_LISTED, rows, style, indent=0)) + "\n"


def text(layout: Layout, style: Style) -> str:
    """Everything about one layout, field by field."""
    lines: list[str | Row] = [
        style.paint(f"{layout.name} ({layout.alias}): {layout.title}", "bold"),
        row("size", f"{layout.size} bytes; the checksum covers {layout.words} words from offset 8"),
        row("magic", f"{layout.magic:#x}"),
        row("kernels", layout.seen_in),
        row("devicetree", layout.compatible),
        *(row("written by", writer) for writer in layout.writers),
        "",
        *table(_FIELDS, _fields(layout), style),
    ]
    return "\n".join(pairs(lines, _ROOM, style)) + "\n"


def _fields(layout: Layout) -> Iterator[Row]:
    for field in layout.fields:
        note = field.note
        yield row(f"{field.offset}", f"{field.offset:#x}", field.ctype, field.name, note.meaning)
        yield row("", "", "", "", f"= {note.taken_from} ({note.unit})")


def document(layouts: Iterable[Layout]) -> dict[str, Any]:
    """What JSON and YAML show."""
    from kinfo.report.document import SCHEMA_VERSION

    return {"schema_version": SCHEMA_VERSION, "layouts": [data(layout) for layout in layouts]}


def by_alias(records: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The layouts of records' documents, by alias."""
    from kinfo.record.layouts import LAYOUTS

    wanted = {one["alias"] for one in records}
    return {one.alias: data(one) for one in LAYOUTS if one.alias in wanted}


def data(layout: Layout) -> dict[str, Any]:
    """One layout as plain data."""
    return {
        "name": layout.name,
        "alias": layout.alias,
        "title": layout.title,
        "size": layout.size,
        "checksum_words": layout.words,
        "magic": f"{layout.magic:#x}",
        "vendor": layout.vendor,
        "seen_in": layout.seen_in,
        "compatible": layout.compatible,
        "writers": list(layout.writers),
        "fields": [_field_data(field) for field in layout.fields],
    }


def _field_data(field: Field) -> dict[str, Any]:
    note = field.note
    return {
        "name": field.name,
        "offset": field.offset,
        "size": field.size,
        "type": field.ctype,
        "meaning": note.meaning,
        "taken_from": note.taken_from,
        "unit": note.unit,
    }


def markdown(layout: Layout) -> str:
    """One layout as a chapter of the format's specification."""
    lines = [
        f"### {layout.alias}: {layout.name}",
        "",
        f"{layout.title[0].upper()}{layout.title[1:]}. {layout.size} bytes, magic `{layout.magic:#x}`;",
        f"the checksum covers {layout.words} words. Devicetree: `{layout.compatible}`. Seen in: {layout.seen_in}.",
        "",
        *(f"* Written by: {writer}" for writer in layout.writers),
        "",
        "| offset | hex | type | field | meaning | taken from | unit |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {field.offset} | {field.offset:#x} | {field.ctype} | `{field.name}` | {field.note.meaning} "
        f"| `{field.note.taken_from}` | {field.note.unit} |"
        for field in layout.fields
    ]
    return "\n".join(lines) + "\n"


def diff(found: LayoutDiff, style: Style) -> str:
    """What differs between two layouts: fields that moved, changed type, came or went."""
    one, other = found.one, found.other
    title = f"{one.name} ({one.alias}, {one.size} bytes) -> {other.name} ({other.alias}, {other.size} bytes)"
    return "\n".join((style.paint(title, "bold"), *_differences(found, style))) + "\n"


def _differences(found: LayoutDiff, style: Style) -> Iterator[str]:
    yield from table(_DIFF, _moves(found), style, titled=False)
    same = len(found.same)
    yield (
        f"  all {same} fields are the same"
        if found.is_identical
        else f"  {same} fields are the same (- gone, > moved, + new)"
    )
    if found.magic:
        yield f"  magic: {found.magic[0]:#x} -> {found.magic[1]:#x}"
    if found.compatible:
        yield f"  devicetree: {found.compatible[0]} -> {found.compatible[1]}"


def _moves(found: LayoutDiff) -> Iterator[Row]:
    moved = {old.name: new for old, new in found.moved}
    for field in found.one.fields:
        if field in found.gone:
            yield Row(("-", f"{field.offset:#x}", "", "", field.ctype, field.name), ("red",))
        elif new := moved.get(field.name):
            yield row(">", f"{field.offset:#x}", "->", f"{new.offset:#x}", new.ctype, field.name)
    for field in found.new:
        yield Row(("+", "", "", f"{field.offset:#x}", field.ctype, field.name), ("green",))
