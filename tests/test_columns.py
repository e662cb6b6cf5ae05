"""Tables: plain where the output is no terminal, in its width where it is one, and nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfo.report.columns import Column, Row, Shape, pairs, row, table
from kinfo.report.fold import visible
from kinfo.report.side_by_side import Side, side_by_side
from kinfo.report.style import Style

COLUMNS = (Column("name", 8), Column("pa", 12, is_right=True), Column("what", is_text=True))
ROWS = (row("vmlinux", "0x80200000", "the kernel's image with all of its data"), row("dtb", "0x4", "the tree"))


def lines(width: int | None, *rows: Row, columns: tuple[Column, ...] = COLUMNS, indent: int = 2) -> list[str]:
    return list(table(columns, rows or ROWS, Style(colour=False, width=width), indent=indent))


@pytest.mark.parametrize("width", [None, 100])
def test_columns_have_their_room_where_there_is_one(width: int | None) -> None:
    assert lines(width) == [
        "  name                pa  what",
        "  vmlinux     0x80200000  the kernel's image with all of its data",
        "  dtb                0x4  the tree",
    ]


def test_a_wider_cell_moves_its_line_where_the_output_is_no_terminal() -> None:
    assert lines(None, row("a" * 10, "1", "x"))[1] == f"  {'a' * 10}             1  x"


def test_text_is_folded_below_its_beginning() -> None:
    assert lines(46) == [
        "  name             pa  what",
        "  vmlinux  0x80200000  the kernel's image with",
        "                       all of its data",
        "  dtb             0x4  the tree",
    ]


def test_rows_fold_between_cells_below_the_least_widths() -> None:
    assert lines(36) == [
        "  name             pa",
        "      what",
        "  vmlinux  0x80200000",
        "      the kernel's image with all of",
        "      its data",
        "  dtb             0x4",
        "      the tree",
    ]


RELEASE = "6.12.38-android16-5-g1d9b3c5a7e20-ab13579246"


def test_what_is_wider_than_most_moves_the_rest_of_its_row() -> None:
    rows = [*(row("a", f"{number:#x}", "some") for number in range(5)), row("b", RELEASE, "more"), row("c", "", "")]
    columns = (Column("name"), Column("value"), Column("from", is_text=True))
    assert lines(54, *rows, columns=columns)[4:] == [
        "  a     0x3    some",
        "  a     0x4    some",
        f"  b     {RELEASE}",
        "               more",
        "  c",
    ]
    assert lines(48, *rows, columns=columns)[6:8] == ["  b", f"    {RELEASE}"]  # with the room that it needs


def test_a_word_wider_than_the_terminal_is_not_cut() -> None:
    assert lines(20, row("a", "0x1", "see /a/very/long/path/of/a/file"))[-2:] == ["see", "/a/very/long/path/of/a/file"]


def test_rows_that_come_one_by_one_lie_as_those_that_were_foreseen() -> None:
    shape = Shape(COLUMNS, [row("vmlinux", "0x80200000", "")], Style(colour=False, width=30))
    assert list(shape.titles()) == ["  name                pa  what"]
    assert list(shape.lines(row("dtb", "0x4", "a tree of some words"))) == [
        "  dtb             0x4  a tree",
        "                       of some",
        "                       words",
    ]


def test_names_and_what_is_said_of_them() -> None:
    screen: list[str | Row] = ["Title", row("long", "64 bits and some words behind them"), row("", "more")]
    assert list(pairs(screen, 8, Style(colour=False))) == [
        "Title",
        "  long    64 bits and some words behind them",
        "          more",
    ]
    assert list(pairs(screen, 8, Style(colour=False, width=32))) == [
        "Title",
        "  long    64 bits and some words",
        "          behind them",
        "          more",
    ]


@pytest.mark.parametrize("paint", [("bold", "red"), ()])
def test_every_line_of_a_row_is_painted(paint: tuple[str, ...]) -> None:
    painted = list(table(COLUMNS, [Row(("a", "1", "words " * 12), paint)], Style(colour=True, width=40)))[1:]
    assert len(painted) > 2
    assert all(line.startswith("\033[1;31m") is bool(paint) for line in painted)


# what kinfo shows has no letter that a terminal acts on, and spaces that are
CELLS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.sampled_from(" "), max_size=70)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), min_size=1, max_size=6), st.integers(10, 140), st.integers(0, 6))
def test_no_word_is_lost_cut_or_beyond_the_edge(cells: list[tuple[str, ...]], width: int, indent: int) -> None:
    columns = (
        Column("one", 5),
        Column("two", 0, 1, is_right=True),
        Column("a title", is_text=True),
        Column("", is_text=True),
    )
    shown = lines(width, *map(Row, cells), columns=columns, indent=indent)
    titles = [word for column in columns for word in column.title.split()]
    assert sorted(" ".join(shown).split()) == sorted([*titles, *" ".join(" ".join(each) for each in cells).split()])
    assert all(visible(line) <= width or len(line.split()) == 1 for line in shown)


def sides(*rows: Side, width: int | None = None) -> list[str]:
    return list(side_by_side(("old", "new"), rows, Style(colour=False, width=width)))


def test_a_comparison_is_as_wide_as_it_must_be() -> None:
    rows = Side("enabled_modules_tree_lookup", (0, 1), "regression", "why"), Side("_text_pa", ("0x0", None), "same", "")
    assert sides(*rows) == [
        "  field                        old  new  class       reason",
        "  enabled_modules_tree_lookup  0    1    regression  why",
        "  _text_pa                     0x0  -    same",
    ]


def test_ends_that_differ_are_seen() -> None:
    start = "google/husky/husky:15/AP4A."
    shown = sides(Side("build_info", (start + "1/x", start + "2/x"), "per-build", ""))[1]
    assert shown == "  build_info  ...P4A.1/x  ...P4A.2/x  per-build"
    assert sides(Side("build_info", (start + "1", None), "x", ""))[1] == f"  build_info  {start[:23]}...  -    x"
    same = sides(Side("build_info", (start + "1", start + "1"), "same", ""))[1]
    assert same == f"  build_info  {start[:23]}...  {start[:23]}...  same"


def test_a_terminal_gets_values_whole() -> None:
    start = "google/husky/husky:15/AP4A."
    for width in (40, 80, 200):
        shown = " ".join(sides(Side("build_info", (start + "1/x", start + "2/x"), "per-build", "why"), width=width)).split()
        assert shown[-5:] == ["build_info", start + "1/x", start + "2/x", "per-build", "why"] or width == 40
        assert {start + "1/x", start + "2/x"} <= set(shown)
