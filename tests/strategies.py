"""Hypothesis strategies: layouts, plausible fields, any fields at all, ways to wrap a record."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

import kinfo
from kinfo.record.model import Field, Layout
from tests.synthetic import make_fields

layouts = st.sampled_from(kinfo.layouts())
main_layouts = st.sampled_from([layout for layout in kinfo.layouts() if not layout.vendor])
seeds = st.integers(0, 2**32)
wrappings = st.sampled_from(("alone", "zero", "noise", "embedded", "unaligned"))


def values(field: Field) -> st.SearchStrategy[Any]:
    """Any raw value that a field can hold."""
    if field.is_text:
        one: st.SearchStrategy[Any] = st.binary(max_size=int(field.item[:-1]))
    else:
        one = st.integers(0, (1 << field.bits) - 1)
    return st.lists(one, min_size=field.elements, max_size=field.elements) if field.elements else one


@st.composite
def any_fields(draw: st.DrawFn, layout: Layout) -> dict[str, Any]:
    """Any values for some of a layout's fields."""
    names = [field for field in layout.fields if field.name not in ("magic_number", "combined_checksum")]
    chosen = draw(st.lists(st.sampled_from(names), unique_by=lambda field: field.name))
    return {field.name: draw(values(field)) for field in chosen}


@st.composite
def plausible(draw: st.DrawFn) -> tuple[Layout, dict[str, Any], int]:
    """A layout with the fields a kernel would leave in it, and the seed they came from."""
    layout, seed = draw(layouts), draw(seeds)
    return layout, make_fields(layout.alias, seed), seed
