"""Names out of the text of /proc/kallsyms, of the boot that it was read in; and for another boot of the same kernel."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple

_FARTHEST = 1 << 20  # bytes that a function may have: an address farther behind the last symbol is none of it


class _Table(NamedTuple):
    addresses: list[int]
    names: list[bytes]


class SymbolText:
    """The symbols of a kallsyms text; `moved` is what an address of the traced boot is above the text's.

    Names of modules are only given where `moved` is 0: modules do not move with the kernel.
    """

    def __init__(self, text: bytes, strings: dict[int, str] | None = None, moved: int = 0) -> None:
        self._text, self._strings, self.moved = text, strings or {}, moved
        self._known: dict[tuple[int, bool], str | None] = {}

    @cached_property
    def _table(self) -> _Table:
        """Address and name of each symbol, the first of those at the same address, as the kernel takes it."""
        by_address: dict[int, bytes] = {}
        for line in self._text.split(b"\n"):
            address, _, rest = line.partition(b" ")
            if len(address) in (8, 16) and len(rest) > 2:
                try:
                    by_address.setdefault(int(address, 16), rest[2:])
                except ValueError:
                    continue
        addresses = sorted(by_address)
        return _Table(addresses, [by_address[address] for address in addresses])

    def forget(self) -> None:
        """Name nothing: the symbols are another kernel's."""
        self._text, self._strings = b"", {}
        self.__dict__.pop("_table", None)

    def address(self, name: str) -> int | None:
        """The address that the text has for a name; None where it has none, or several."""
        found = [at for at, one in enumerate(self._table.names) if one == name.encode()]
        return self._table.addresses[found[0]] if len(found) == 1 else None

    def name(self, address: int, *, with_offset: bool) -> str | None:
        """See Lookups."""
        key = (address, with_offset)
        if key not in self._known:
            if len(self._known) > 1 << 16:
                self._known.clear()
            self._known[key] = self._named(address - self.moved, with_offset=with_offset)
        return self._known[key]

    def _named(self, address: int, *, with_offset: bool) -> str | None:
        addresses = self._table.addresses
        at = bisect_right(addresses, address) - 1
        if at < 0 or not addresses[at]:
            return None
        start, raw = addresses[at], self._table.names[at].decode("ascii", "replace")
        end = addresses[at + 1] if at + 1 < len(addresses) else start + _FARTHEST
        if address - start >= _FARTHEST or (self.moved and "\t" in raw):
            return None
        name, _, module = raw.partition("\t")
        offset = f"+0x{address - start:x}/0x{end - start:x}" if with_offset else ""
        return f"{name}{offset}{' ' if module else ''}{module}"

    def text(self, address: int) -> str | None:
        """See Lookups."""
        return self._strings.get(address - self.moved)

    def constant(self, name: str) -> None:
        """None: the text has addresses alone."""

    def size(self, name: str) -> None:
        """None."""
