"""A Rust module without std and without dependencies: a table of the layouts, the checksum, and fields read within bounds.

It says which layouts' sums hold, and leaves it at that: what else tells layouts apart is the C header's.
"""

from __future__ import annotations

from collections.abc import Sequence

from kinfo.exports.vocabulary import camel, filled, kinds, rows
from kinfo.record.model import Layout
from kinfo.version import __version__


def exported(layouts: Sequence[Layout]) -> str:
    """The module's source."""
    found = kinds(layouts)
    return filled(
        "kinfo_layouts.rs",
        version=__version__,
        fields="\n".join(f"    /// {one.meaning}\n    {camel(one.name)}," for one in found),
        sizes="\n".join(
            f"            Field::{camel(one.name)} => Kind::new({one.width}, {one.elements}, {str(one.is_text).lower()}),"
            for one in found
        ),
        count=str(len(layouts)),
        layouts="\n".join(_row(layout) for layout in layouts),
    )


def _row(layout: Layout) -> str:
    head = f'        name: "{layout.name}", alias: "{layout.alias}", magic: {layout.magic:#x}, size: {layout.size},'
    places = [f"(Field::{camel(field.name)}, {field.offset})" for field in layout.fields]
    flags = f"        is_vendor: {str(layout.vendor).lower()},"
    return f"    Layout {{\n{head}\n{flags}\n        fields: &[\n" + rows(places, "            ") + ",\n        ],\n    },"
