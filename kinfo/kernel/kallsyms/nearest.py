"""The symbol that an address belongs to: found by halving, and kept for whoever asks for many."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from itertools import groupby, islice
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from kinfo.kernel.kallsyms.addresses import Addresses
    from kinfo.kernel.kallsyms.kallsyms import Kallsyms

_FEW = 256  # addresses that are looked for before all parts are listed
_KEPT = 1 << 16  # symbols that addresses belonged to


class Extent(NamedTuple):
    """The symbol that an address belongs to: name as it is shown and type, PA where it begins, and bytes that it has."""

    name: str
    type: str
    pa: int
    size: int


class Nearest:
    """Chooses as the kernel's own lookup does: the nearest symbol below an address, the first of its aliases.

    Borders of sections and beginnings of symbols cut all addresses into parts that have one answer each. After the first few
    questions these are listed, and the answer of each part is kept.
    """

    def __init__(self, table: Kallsyms, addresses: Addresses) -> None:
        self._table, self._addresses, self._absolute = table, addresses, addresses.absolute
        self._pas: Sequence[int] = addresses  # type: ignore[assignment]  # it has what halving needs; a list later
        borders = table.borders
        start = addresses[addresses.absolute] if len(addresses) > addresses.absolute else borders.text
        self._lowest = min(start, borders.text)  # of the text: its first symbol can lie before `_text`
        self._asked = self._kept = 0
        self._starts: list[int] = []
        self._found: list[Extent | Literal[False] | None] = []  # None: not asked for yet

    def at(self, pa: int) -> Extent | None:
        """None outside the image, or outside its code where the kernel keeps names for code only."""
        if not self._starts:
            self._asked += 1
            if self._asked == _FEW:
                self._list()
            return self._look(pa)
        part = bisect_right(self._starts, pa) - 1
        found = self._found[part]
        return found or None if found is not None else self._keep(part, pa)

    def _keep(self, part: int, pa: int) -> Extent | None:
        if self._kept >= _KEPT:
            self._found, self._kept = [None] * len(self._starts), 0
        found = self._look(pa)
        self._found[part] = found or False
        self._kept += 1
        return found

    def _list(self) -> None:
        """Cut all addresses into parts; not where the table is too long or does not ascend."""
        pas = self._addresses.listed()
        if pas is None:
            return
        starts = [0, *(pa for pa, _ in groupby(islice(pas, self._absolute, None)))]
        if starts != sorted(starts):
            return
        borders = self._table.borders
        for border in (self._lowest, borders.etext, borders.sinittext, borders.einittext, borders.end):
            insort(starts, border)
        self._pas, self._starts, self._found = pas, starts, [None] * len(starts)

    def _look(self, pa: int) -> Extent | None:
        section_end = self._section_end(pa)
        index = bisect_right(self._pas, pa, self._absolute) - 1
        if section_end is None or index < self._absolute:
            return None
        table, pas = self._table, self._pas
        start = pas[index]
        first = bisect_left(pas, start, self._absolute) if index and pas[index - 1] == start else index
        end = pas[index + 1] if index + 1 < len(pas) else section_end
        name = table.encoding.names[first]
        return Extent(table.shown(name[1:]), name[0], start, min(end, section_end) - start)

    def _section_end(self, pa: int) -> int | None:
        """The border that no symbol at a PA can reach beyond; None where the table has no names."""
        _, _, etext, sinittext, einittext, end = self._table.borders
        if self._lowest <= pa < etext:
            return etext
        if sinittext <= pa < einittext:
            return einittext
        if not etext <= pa < end or not self._table.has_data:
            return None
        return sinittext if pa < sinittext else end
