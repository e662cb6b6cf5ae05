"""Values side by side with a class and a reason: whole on a terminal, cut to their column elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os.path import commonprefix

from kinfo.named import NamedTuple
from kinfo.report.columns import Column, Row, table
from kinfo.report.style import Style

_ROOM = 26  # letters of a value where the output is no terminal
_BEFORE = 4  # letters in front of the first difference that a value cut at its front keeps


class Side(NamedTuple):
    """One line: a name, the values side by side, their class, and why; `paint` names its colours."""

    name: str
    values: tuple[object, ...]
    kind: str
    reason: str
    paint: tuple[str, ...] = ()


def side_by_side(names: Sequence[str], rows: Sequence[Side], style: Style) -> Iterator[str]:
    """The lines of the table; `names` are those of the values' columns."""
    if style.width is None:
        cells, names = [_cut(one.values) for one in rows], _cut(tuple(names))
    else:
        cells = [_texts(one.values) for one in rows]
    columns = (Column("field"), *map(Column, names), Column("class"), Column("reason", is_text=True))
    lines = [Row((one.name, *shown, one.kind, one.reason), one.paint) for one, shown in zip(rows, cells, strict=True)]
    return table(columns, lines, style)


def _texts(values: tuple[object, ...]) -> tuple[str, ...]:
    return tuple("-" if value is None else "(empty)" if value == "" else str(value) for value in values)


def _cut(values: tuple[object, ...]) -> tuple[str, ...]:
    """Values as text of their column, numbers whole; where only the ends of texts differ, these are shown."""
    texts = _texts(values)
    there = [text for text, value in zip(texts, values, strict=True) if value not in (None, "")]
    alike = commonprefix(there)  # noqa: RUF071  # letters, not parts of a path
    skip = len(alike) - _BEFORE if len(set(there)) > 1 else 0
    if skip <= 0 or skip + 2 * _BEFORE + 3 <= _ROOM or alike.startswith("0x"):
        return tuple(map(_short, texts))
    return tuple(_short(f"...{text[skip:]}") if text in there else text for text in texts)


def _short(text: str) -> str:
    return text if len(text) <= _ROOM or text.startswith("0x") else f"{text[: _ROOM - 3]}..."
