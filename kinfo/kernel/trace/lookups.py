"""Names and strings of a dump's kernel, for the events of a trace."""

from __future__ import annotations

from kinfo.errors import KinfoError
from kinfo.kernel import variables
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.reader import Reader
from kinfo.kernel.trace.formats import text_at

_LONGEST = 256
_FIXED = frozenset(("vmemmap_base", "page_offset_base", "vmalloc_base", "phys_base", "memstart_addr"))  # set once at boot
_REMEMBERED = 1 << 16


class KernelLookups:
    """See Lookups; `moved` is what addresses of the traced boot are above those of the dump's kernel.

    Where it is not 0, only what lies in the kernel's image has a name: modules do not move with it.
    """

    def __init__(self, kernel: Kernel, reader: Reader, moved: int = 0) -> None:
        self._kernel, self._reader, self.moved = kernel, reader, moved
        self._names: dict[tuple[int, bool], str | None] = {}
        self._texts: dict[int, str | None] = {}

    def name(self, address: int, *, with_offset: bool) -> str | None:
        """See Lookups."""
        key = (address, with_offset)
        if key not in self._names:
            if len(self._names) > _REMEMBERED:
                self._names.clear()
            self._names[key] = self._named(address - self.moved, with_offset=with_offset)
        return self._names[key]

    def _named(self, address: int, *, with_offset: bool) -> str | None:
        try:
            place = self._kernel.at(address) if self._kernel.is_virtual(address) else None
        except KinfoError:
            return None
        if place is None or place.is_alias or (self.moved and place.module):
            return None
        module = f" [{place.module}]" if place.module else ""
        return f"{place.symbol}+0x{place.offset:x}/0x{place.size:x}{module}" if with_offset else f"{place.symbol}{module}"

    def text(self, address: int) -> str | None:
        """See Lookups."""
        if address not in self._texts:
            if len(self._texts) > _REMEMBERED:
                self._texts.clear()
            self._texts[address] = self._string(address - self.moved)
        return self._texts[address]

    def _string(self, address: int) -> str | None:
        try:
            found = text_at(self._reader, address, _LONGEST) if self._kernel.is_virtual(address) else ""
        except KinfoError:
            return None
        return found if found.isprintable() and found else None

    def constant(self, name: str) -> int | None:
        """See Lookups."""
        if name in _FIXED:
            return None if self.moved else self._variable(name)
        try:
            return self._kernel.types.btf.constant(name)
        except KinfoError:
            return None

    def _variable(self, name: str) -> int | None:
        found = variables.number(self._kernel, name)
        is_signed = name == "memstart_addr"  # s64; negative where a kernel for 52 bits runs with 48
        return found - (1 << 64) if found is not None and is_signed and found >> 63 else found

    def size(self, name: str) -> int | None:
        """See Lookups."""
        kind, _, word = name.partition(" ")
        found = self._kernel.types.find(word) if kind in ("struct", "union") else None
        return found.size if found else None
