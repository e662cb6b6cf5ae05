"""The symbol that an address belongs to: found by halving, and kept for whoever asks for many."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.kernel.kallsyms.addresses import Addresses
    from kinfo.kernel.kallsyms.kallsyms import Kallsyms

Near = tuple[str, str, int, int]  # the fields of an Extent
_FEW = 64  # addresses that are looked for before all of the table's are listed
_KEPT = 1 << 16  # symbols that addresses belonged to


class Extent(NamedTuple):
    """The symbol that an address belongs to: name as it is shown and type, PA where it begins, and bytes that it has."""

    name: str
    type: str
    pa: int
    size: int


class Nearest:
    """Chooses as the kernel's own lookup does: the nearest symbol below an address, the first of its aliases.

    What was found is kept by the symbol's index. A symbol that begins in another section than the address lies in is not: it
    ends elsewhere for other addresses.
    """

    def __init__(self, table: Kallsyms, addresses: Addresses) -> None:
        self._table, self._addresses, self._absolute = table, addresses, addresses.absolute
        self._pas: Sequence[int] = addresses  # type: ignore[assignment]  # it has what halving needs; a list later
        self._count, self._asked = len(addresses), 0
        self._found: dict[int, Near] = {}
        self._name, self._etext = table.encoding.names.__getitem__, table.borders.etext
        self._shown = table.shown
        text = table.borders.text
        start = addresses[self._absolute] if len(addresses) > self._absolute else text
        self._lowest = min(start, text)  # of the text: its first symbol can lie before `_text`

    def at(self, pa: int) -> Extent | None:
        """None outside the image, or outside its code where the kernel keeps names for code only."""
        found = self.near(pa)
        return Extent(*found) if found is not None else None

    def near(self, pa: int) -> Near | None:
        """The same as a plain tuple, which is taken apart in a third of the time."""
        index = bisect_right(self._pas, pa, self._absolute) - 1
        found = self._found.get(index)
        return found if found is not None and pa - found[2] < found[3] else self._look(pa, index)

    def within_text(self, pa: int) -> tuple[str, int, int] | None:
        """Name, PA and size of a symbol of the text; None says nothing: ask `at`. It keeps nothing, which takes longest.

        It answers where the symbol has no alias and no border within, once so many were asked for that addresses are listed.
        """
        pas = self._pas
        index = bisect_right(pas, pa, self._absolute) - 1
        if self._asked < _FEW or not self._absolute < index < self._count - 1:
            return None
        start, end = pas[index], pas[index + 1]
        if start < self._lowest or end > self._etext or pas[index - 1] == start:
            return None
        return self._shown(self._name(index)[1:]), start, end - start

    def _look(self, pa: int, index: int) -> Near | None:
        self._asked += 1
        if self._asked == _FEW:
            self._pas = self._addresses.listed() or self._pas
        if index < self._absolute:
            return None
        pas = self._pas
        start = pas[index]
        is_one_section = self._lowest <= start and pa < self._etext  # the text, which is asked for most
        section_end = self._etext if is_one_section else self._section_end(pa)
        if section_end is None:
            return None
        first = bisect_left(pas, start, self._absolute) if index and pas[index - 1] == start else index
        end = min(pas[index + 1], section_end) if index + 1 < self._count else section_end
        name = self._name(first)
        found = self._shown(name[1:]), name[0], start, end - start
        if is_one_section or self._section_end(start) == section_end:
            if len(self._found) >= _KEPT:
                self._found.clear()
            self._found[index] = found
        return found

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
