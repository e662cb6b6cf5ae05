"""Names out of the text of /proc/kallsyms, of the boot that it was read in; and for another boot of the same kernel."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cached_property
from operator import itemgetter
from typing import NamedTuple

_FARTHEST = 1 << 20  # bytes that a function may have: an address farther behind the last symbol is none of it


class _Table(NamedTuple):
    """The lines in the order of their addresses, those of one address in the text's; and the addresses, as hex."""

    lines: list[bytes]
    keys: list[bytes]
    width: int


class SymbolText:
    """The symbols of a kallsyms text; `moved` is what an address of the traced boot is above the text's.

    Names of modules are only given where `moved` is 0: modules do not move with the kernel.
    """

    def __init__(self, text: bytes, strings: dict[int, str] | None = None, moved: int = 0) -> None:
        self._text, self._strings, self.moved = text, strings or {}, moved
        self._known: dict[tuple[int, bool], str | None] = {}

    @cached_property
    def _table(self) -> _Table:
        """Hex digits of one width are in the order of the numbers: 200,000 lines need not be made numbers of."""
        lines = self._text.split(b"\n")
        width = 16 if self._text[16:17] == b" " else 8
        key = itemgetter(slice(width))
        lines.sort(key=key)
        return _Table(lines, list(map(key, lines)), width)

    def forget(self) -> None:
        """Name nothing: the symbols are another kernel's."""
        self._text, self._strings = b"", {}
        self.__dict__.pop("_table", None)

    def address(self, name: str) -> int | None:
        """The address that the text has for a name of the kernel's own; None where it has none, or several."""
        needle, text = b" %s\n" % name.encode(), self._text
        at = text.find(needle)
        if at < 0 or text.find(needle, at + 1) >= 0:
            return None
        try:
            found = int(text[text.rfind(b"\n", 0, at) + 1 : at].split(b" ")[0], 16)
        except ValueError:
            return None
        return found or None  # 0: read without the right to addresses

    def name(self, address: int, *, with_offset: bool) -> str | None:
        """See Lookups."""
        key = (address, with_offset)
        if key not in self._known:
            if len(self._known) > 1 << 16:
                self._known.clear()
            self._known[key] = self._named(address - self.moved, with_offset=with_offset)
        return self._known[key]

    def _named(self, address: int, *, with_offset: bool) -> str | None:
        lines, keys, width = self._table
        last = bisect_right(keys, b"%0*x" % (width, max(address, 0))) - 1
        if last < 0 or address <= 0:
            return None
        first = bisect_left(keys, keys[last])  # of several symbols at an address the kernel takes the first
        try:
            start = int(keys[last], 16)
            end = int(keys[last + 1], 16) if last + 1 < len(keys) else start + _FARTHEST
        except ValueError:
            return None
        name, _, module = lines[first][width + 3 :].decode("ascii", "replace").partition("\t")
        if not start or not name or address - start >= _FARTHEST or (self.moved and module):
            return None
        offset = f"+0x{address - start:x}/0x{end - start:x}" if with_offset else ""
        return f"{name}{offset}{' ' if module else ''}{module}"

    def text(self, address: int) -> str | None:
        """See Lookups."""
        return self._strings.get(address - self.moved)

    def constant(self, name: str) -> None:
        """None: the text has addresses alone."""

    def size(self, name: str) -> None:
        """None."""
