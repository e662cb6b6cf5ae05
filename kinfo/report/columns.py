"""Values side by side with a class and a reason, in as many columns as the terminal has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os.path import commonprefix
from typing import NamedTuple

from kinfo.report.style import Style

_GAP = "  "
_ROOM = 26  # letters of a value, where there is room
_LEAST = 12  # and where there is little
_REASON = 28  # a reason gets a line of its own where it had fewer letters than this
_BEFORE = 4  # letters in front of the first difference that a value cut at its front keeps


class Row(NamedTuple):
    """One line of the table: a name, the values side by side, their class, and why; `paint` names its colours."""

    name: str
    values: tuple[object, ...]
    kind: str
    reason: str
    paint: tuple[str, ...] = ()


def table(titles: Row, rows: Sequence[Row], style: Style, width: int | None = None) -> Iterator[str]:
    """The lines of the table, titles first. `width` is the terminal's, None where the lines may be of any length."""
    for room in (_ROOM, _LEAST):
        widths = _widths(titles, rows, room)
        if has_place := width is None or sum(widths) + len(_GAP) * (len(widths) + 1) + _REASON <= width:
            break
    if not has_place:
        titles = titles._replace(reason="")  # reasons stand below their lines
    for row in (titles, *rows):
        cells = (row.name, *_cut(row.values, room), row.kind)
        start = _GAP + _GAP.join(f"{cell:<{one}}" for cell, one in zip(cells, widths, strict=True))
        for line in _with_reason(start, row.reason, width):
            yield style.paint(line, *row.paint) if row.paint else line


def _widths(titles: Row, rows: Sequence[Row], room: int) -> list[int]:
    cells = [(row.name, *_cut(row.values, room), row.kind) for row in (titles, *rows)]
    return [max(map(len, column)) for column in zip(*cells, strict=True)]


def _with_reason(start: str, reason: str, width: int | None) -> Iterator[str]:
    """The line with its reason, folded below its column, or below the line where there is no room beside it."""
    left = len(start) + len(_GAP)
    if not reason or width is None or left + len(reason) <= width:
        yield f"{start}{_GAP}{reason}".rstrip()
        return
    from textwrap import wrap

    if width - left < _REASON:
        yield start.rstrip()
        left = 3 * len(_GAP)
        start = ""
    for part in wrap(reason, max(width - left, _LEAST)):
        yield f"{start:<{left}}{part}"
        start = ""


def _cut(values: tuple[object, ...], room: int) -> tuple[str, ...]:
    """Values as text of at most `room` letters, numbers whole; where only the ends of texts differ, these are shown."""
    texts = ["-" if value is None else "(empty)" if value == "" else str(value) for value in values]
    there = [text for text, value in zip(texts, values, strict=True) if value not in (None, "")]
    alike = commonprefix(there)  # noqa: RUF071  # letters, not parts of a path
    skip = len(alike) - _BEFORE if len(set(there)) > 1 else 0
    if skip <= 0 or skip + 2 * _BEFORE + 3 <= room or alike.startswith("0x"):
        return tuple(_short(text, room) for text in texts)
    return tuple(_short(f"...{text[skip:]}", room) if text in there else text for text in texts)


def _short(text: str, room: int) -> str:
    return text if len(text) <= room or text.startswith("0x") else f"{text[: room - 3]}..."
