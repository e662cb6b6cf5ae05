"""What Android's releases do otherwise stands in one room: every layout named there exists and is Android's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kinfo.record.layouts import LAYOUTS
from kinfo.writer_rows import android
from kinfo.writer_rows.rows import ROWS, postings, row_named, written_by

PACKAGE = Path(__file__).resolve().parent.parent / "kinfo"
TRAITS = {name: one for name, one in vars(android).items() if isinstance(one, android.Trait)}


@pytest.mark.parametrize("name", TRAITS)
def test_traits_are_of_androids_layouts(name: str) -> None:
    shipped = row_named("android")
    assert shipped is not None
    assert set(TRAITS[name].layouts) <= set(shipped.layouts)
    assert TRAITS[name].text
    assert TRAITS[name].source
    assert not TRAITS[name].has("D")


def test_every_layout_says_who_writes_it() -> None:
    assert all(layout.writers for layout in LAYOUTS)
    assert written_by("nobody's") == ()
    assert set(android.PREVALENCE) <= {layout.alias for layout in LAYOUTS}


@pytest.mark.parametrize("row", [row for row in ROWS if row.key], ids=lambda row: row.key)
def test_words_name_the_postings(row: object) -> None:
    """A posting that is said to write a layout is in the layout's own words."""
    assert hasattr(row, "short")
    for alias in row.layouts:  # type: ignore[attr-defined]
        assert any(row.short.removeprefix("RFC ") in words for words in written_by(alias))


def test_bases_rise_with_the_postings() -> None:
    bases = [row.base for row in postings()]
    assert bases == [(6, 16), (6, 17), (6, 18), (7, 0), (7, 2)]


def test_no_code_lists_layouts() -> None:
    """Two or more aliases in a tuple are a fact of their drivers; its place is a row or a trait."""
    listed = re.compile(r'\(("[A-Z]\d?\w{0,2}"(, )?){2,}\)')
    aliases = {layout.alias for layout in LAYOUTS}
    there = {
        f"{path.relative_to(PACKAGE)}: {found[0]}"
        for path in PACKAGE.rglob("*.py")
        if path.parent != PACKAGE / "writer_rows"
        for found in listed.finditer(path.read_text())
        if set(re.findall(r'"(\w+)"', found[0])) <= aliases
    }
    assert there == ALLOWED


# Android's plan forks by layout where the drivers' code does.
ALLOWED = {'writers/android.py: ("C", "CR")'}
