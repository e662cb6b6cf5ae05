"""Tables that know their columns: as wide as they are, or in the width of a terminal, where nothing is cut.

On a terminal the widest column of text gives way first: its words are folded below its beginning. What is wider than most of
its column (one long release among addresses) moves the rest of its row to the next line. Where even the least widths have no
place beside each other, every row is folded between the same two cells. A number or an address is never broken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kinfo.named import NamedTuple
from kinfo.report.fold import pieces, visible
from kinfo.report.style import Style

_GAP = 2
_FURTHER = 4  # a folded row goes on this much further right than it began
_LEAST = 16  # letters that a column of text has at the least
_EASY = 32  # and those that make it easy to read
_MOST_OF = 3, 4  # the share of a column's cells that its least width must hold


class Column(NamedTuple):
    """A column; `room` and `gap` are what it has where the output is no terminal.

    `room`: its letters, however wide a cell is (0: as many as the widest has). `gap`: spaces in front of it. `is_text`: it
    has words, between which it may be folded.
    """

    title: str = ""
    room: int = 0
    gap: int = _GAP
    is_right: bool = False
    is_text: bool = False


class Row(NamedTuple):
    """The cells of one line (they may be painted), and the colours of the whole line."""

    cells: tuple[str, ...]
    paint: tuple[str, ...] = ()


class _Need(NamedTuple):
    """The letters that a column has at the least, those that it would like (rising), and the spaces in front of it."""

    least: int
    wished: tuple[int, ...]
    gap: int
    is_text: bool


class _Place(NamedTuple):
    """Where a column lies on a terminal: which it is, where it starts, its letters."""

    at: int
    start: int
    width: int


def row(*cells: str) -> Row:
    """A line in no colour of its own."""
    return Row(cells)


def table(
    columns: Sequence[Column], rows: Iterable[Row], style: Style, *, indent: int = _GAP, titled: bool = True
) -> Iterator[str]:
    """The lines of a table, titles first (in bold), in the width that `style` has."""
    known = list(rows)
    shape = Shape(columns, known, style, indent=indent, titled=titled)
    if titled:
        yield from shape.titles()
    for one in known:
        yield from shape.lines(one)


def pairs(lines: Iterable[str | Row], room: int, style: Style) -> Iterator[str]:
    """Lines of a screen, among them rows of a name (`room` letters, or more) and what is to be said of it."""
    columns = (Column(), Column(is_text=True))
    for one in lines:
        if isinstance(one, str):
            yield one
            continue
        name, said = one.cells
        line = f"  {name:<{room}}{said}"
        if style.width is None or visible(line) <= style.width:
            yield line
        else:
            yield from table(columns, [row(name.ljust(room - _GAP), said)], style, titled=False)


class Shape:
    """How a table lies in a width. `rows` are all of its rows, or some like them where they come one by one."""

    def __init__(
        self, columns: Sequence[Column], rows: Sequence[Row], style: Style, *, indent: int = _GAP, titled: bool = True
    ) -> None:
        self._columns, self._style, self._indent = columns, style, indent
        self._titles = Row(tuple(one.title for one in columns), ("bold",))
        self._known = [self._titles, *rows] if titled else list(rows)
        self._rooms = [one.room or self._widest(at) for at, one in enumerate(columns)]
        self._groups = list(self._grouped(style.width)) if style.width else []
        self._is_plain = all(self._fits(self._plain(one)) for one in self._known)

    def _fits(self, line: str) -> bool:
        return self._style.width is None or visible(line) <= self._style.width

    def titles(self) -> Iterator[str]:
        """The line with the titles."""
        return self.lines(self._titles)

    def lines(self, row: Row) -> Iterator[str]:
        """The lines of one row."""
        plain = self._plain(row)
        if self._is_plain and self._fits(plain):
            shown = [plain]
        else:
            shown = [line for group in self._groups for line in self._folded(row, group)]
        return (self._style.paint(line, *row.paint) if row.paint else line for line in shown)

    def _plain(self, row: Row) -> str:
        line = " " * self._indent
        for at, (cell, column, room) in enumerate(zip(row.cells, self._columns, self._rooms, strict=True)):
            space = " " * (room - visible(cell))
            line += " " * (column.gap if at else 0) + (space + cell if column.is_right else cell + space)
        return line.rstrip()

    def _widest(self, at: int) -> int:
        return max((visible(one.cells[at]) for one in self._known), default=0)

    def _grouped(self, width: int) -> Iterator[list[_Place]]:
        """The columns that stand beside each other, and those that a row goes on with below."""
        needs = [_need(column, [one.cells[at] for one in self._known]) for at, column in enumerate(self._columns)]
        group: list[int] = []
        start = end = self._indent
        for at, need in enumerate(needs):
            end += need.gap * bool(group) + need.least
            if group and end > width:
                yield list(_spread(group, needs, start, width))
                group, start = [], self._indent + _FURTHER
                end = start + need.least
            group.append(at)
        yield list(_spread(group, needs, start, width))

    def _folded(self, row: Row, group: Sequence[_Place]) -> list[str]:
        """The cells of a group: each at its place, on the first line below the one before it where nothing is in its way."""
        lines: list[str] = []
        first, width = 0, self._style.width or 0
        for place in group:
            cell, column = row.cells[place.at], self._columns[place.at]
            if not cell.strip():
                continue
            parts = list(pieces(cell, place.width)) if column.is_text else [cell]
            room = place.start + place.width if column.is_right else 0
            start = max(place.start, room - visible(cell))
            if start + _most(parts) > width:  # below all, where there is the room
                room = width - group[0].start - _FURTHER
                if column.is_text or _most(parts) > room:
                    parts = list(pieces(cell, min(_most(cell.split()) + _EASY // 4, room)))
                start, first = max(width - _most(parts), 0), len(lines)
            first = _put(lines, parts, first, start)
        return lines


def _most(parts: Iterable[str]) -> int:
    return max(map(visible, parts), default=0)


def _put(lines: list[str], parts: Sequence[str], first: int, start: int) -> int:
    """Write the parts below each other; the line of the first, which is `first` where nothing is in the way."""
    while any(visible(line) >= max(start, 1) for line in lines[first : first + len(parts)]):
        first += 1
    lines += [""] * (first + len(parts) - len(lines))
    for at, part in enumerate(parts, first):
        lines[at] += " " * (start - visible(lines[at])) + part.rstrip()
    return first


def _need(column: Column, cells: Sequence[str]) -> _Need:
    """The least width: of text a few words, of other cells that of most; never less than the title's."""
    sizes = sorted(_most(cell.split()) if column.is_text else visible(cell) for cell in cells if cell.strip())
    common = sizes[(len(sizes) * _MOST_OF[0] - 1) // _MOST_OF[1]] if sizes else 0
    widths = sorted({visible(cell) for cell in cells}) or [0]
    if column.is_text:
        common = min(max(common, _LEAST), _EASY)
    least = max(common, len(column.title) if len(column.title) <= _LEAST else 0)
    least = min(least, widths[-1])
    wished = range(least, widths[-1] + 1) if column.is_text else widths
    return _Need(least, tuple(wished), column.gap or _GAP, column.is_text)


def _spread(group: Sequence[int], needs: Sequence[_Need], start: int, width: int) -> Iterator[_Place]:
    """The places of columns that stand beside each other: what is left over goes to text, then to what is wider than most."""
    widths = {at: needs[at].least for at in group}
    spare = width - start - sum(widths.values()) - sum(needs[at].gap for at in group[1:])
    texts = [at for at in group if needs[at].is_text]
    others = sorted((at for at in group if at not in texts), key=lambda at: needs[at].wished[-1] - needs[at].least)
    for at, wished in (*((at, _EASY) for at in texts), *((at, width) for at in (*others, *texts))):
        possible = [one for one in needs[at].wished if widths[at] < one <= min(wished, widths[at] + spare)]
        better = max(possible, default=widths[at])
        spare -= better - widths[at]
        widths[at] = better
    if needs[group[-1]].is_text or len(group) == 1:  # to the edge: nothing is behind it
        widths[group[-1]] = max(widths[group[-1]] + spare, 1)
    for at in group:
        start += needs[at].gap * (at != group[0])
        yield _Place(at, start, widths[at])
        start += widths[at]
