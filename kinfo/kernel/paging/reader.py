"""Reading at many VAs: pages that were walked to once are not walked to again."""

from __future__ import annotations

import struct

from kinfo.errors import KernelError
from kinfo.kernel.paging.space import Space

_MOST_PAGES = 1 << 16
_PAIRS = {8: struct.Struct("<QQ"), 4: struct.Struct("<II")}


class Reader:
    """A kernel's virtual memory, for whoever reads little at many places.

    Raises as `Space`: KernelError where nothing is mapped, HoleError for what the dump does not hold.
    """

    def __init__(self, space: Space) -> None:
        self.space, self._memory = space, space.memory
        self.word = space.kallsyms.pointers.word
        self._pair = _PAIRS[self.word]
        self._page = space.form.page_size if space.form else 1 << 12
        self._pages: dict[int, int] = {}

    def read(self, va: int, size: int) -> bytes:
        """The bytes at a VA."""
        within = va % self._page
        if within + size > self._page:
            first = self._page - within
            return self.read(va, first) + self.read(va + first, size - first)
        return bytes(self._memory.view(self._pa(va - within) + within, size))

    def number(self, va: int, size: int = 0) -> int:
        """A little-endian number at a VA, of so many bytes; 0: a long."""
        return int.from_bytes(self.read(va, size or self.word), "little")

    def pair(self, va: int) -> tuple[int, int]:
        """Two longs at a VA: a list's links, a frame record."""
        first, second = self._pair.unpack(self.read(va, self._pair.size))
        return first, second

    def _pa(self, page: int) -> int:
        pa = self._pages.get(page)
        if pa is None:
            pa = self.space.pa(page)
            if pa is None:
                reason = "the pointer is damaged, or the page was never mapped"
                raise KernelError(f"nothing is mapped at VA {page & self.space.mask:#x}", reason)
            if len(self._pages) >= _MOST_PAGES:
                self._pages.clear()
            self._pages[page] = pa
        return pa
