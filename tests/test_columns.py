"""Values side by side: they fit the terminal, and what differs is seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfo.report.columns import Row, table
from kinfo.report.style import Style

PLAIN = Style(colour=False)
TITLES = Row("field", ("old", "new"), "class", "reason")


def lines(*rows: Row, width: int | None = None) -> list[str]:
    return list(table(TITLES, rows, PLAIN, width))


def test_columns_are_as_wide_as_they_must_be() -> None:
    rows = Row("enabled_modules_tree_lookup", (0, 1), "regression", "why"), Row("_text_pa", ("0x0", None), "same", "")
    assert lines(*rows) == [
        "  field                        old  new  class       reason",
        "  enabled_modules_tree_lookup  0    1    regression  why",
        "  _text_pa                     0x0  -    same",
    ]


def test_a_reason_is_folded_in_its_column() -> None:
    row = Row("a", (1, ""), "writer", "words " * 12 + "end")
    assert lines(row, width=60) == [
        "  field  old  new      class   reason",
        "  a      1    (empty)  writer  words words words words words",
        "                               words words words words words",
        "                               words words end",
    ]


def test_and_below_the_line_where_there_is_no_room() -> None:
    row = Row("a" * 30, (1, 2), "writer", "v3 never stores _relative_pa")
    assert lines(row, width=60)[1:] == [f"  {'a' * 30}  1    2    writer", "      v3 never stores _relative_pa"]


def test_ends_that_differ_are_seen() -> None:
    start = "google/husky/husky:15/AP4A."
    shown = lines(Row("build_info", (start + "1/x", start + "2/x"), "per-build", ""))[1]
    assert shown == "  build_info  ...P4A.1/x  ...P4A.2/x  per-build"
    assert lines(Row("build_info", (start + "1", None), "x", ""))[1] == f"  build_info  {start[:23]}...  -    x"
    same = lines(Row("build_info", (start + "1", start + "1"), "same", ""))[1]
    assert same == f"  build_info  {start[:23]}...  {start[:23]}...  same"


def test_numbers_stay_whole() -> None:
    high = "0xffffffc008430000"
    assert high in lines(Row("module_start_va", (high, "0xffffffc008431000"), "per-boot", "chosen at boot"), width=50)[1]
    assert lines(Row("a", (1, 2), "same", ""), width=30)[0] == "  field  old  new  class"


@pytest.mark.parametrize("paint", [("bold", "red"), ()])
def test_every_line_of_a_row_is_painted(paint: tuple[str, ...]) -> None:
    row = Row("a", (1, 2), "writer", "words " * 12, paint)
    painted = list(table(TITLES, [row], Style(colour=True), 60))[1:]
    assert len(painted) == 3
    assert all(line.startswith("\033[1;31m") is bool(paint) for line in painted)


texts = st.text(st.characters(codec="ascii", categories=("L", "N")), max_size=60)


@given(st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=5), st.integers(80, 200))
def test_lines_fit(cells: list[tuple[str, str, str]], width: int) -> None:
    rows = [Row("last_uts_release", (old, new), "regression", f"because of {why}") for old, new, why in cells]
    assert all(len(line) <= width or "0x" in line for line in lines(*rows, width=width))
