"""Names on addresses by a build's symbols alone, moved by the slide of the boot."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cached_property

from kinfo.arch import arm64
from kinfo.arch.address import MASK
from kinfo.kernel.place import Place
from kinfo.kernel_build.symbol_list import SymbolList

_PAGE = 4096
_BORDERS = ("_etext", "_einittext", "_end")  # no symbol reaches beyond


class BuildNames:
    """The names of a build whose image runs `slide` bytes above its link address (a Namer)."""

    image = range(0)  # a build has no PAs

    def __init__(self, symbols: SymbolList, slide: int) -> None:
        self.symbols, self.slide = symbols, slide
        self.word = 8 if symbols.text >> 32 else 4

    @cached_property
    def _vas(self) -> list[int]:
        return [one.va for one in self.symbols.entries]

    @cached_property
    def _end(self) -> int:
        """Behind the last VA that a symbol of the kernel itself names."""
        own = [one.va for one in self.symbols.entries if not one.module]
        return next((one.va for one in self.symbols.entries if one.name == "_end" and not one.module), own[-1] + 1)

    def is_virtual(self, address: int) -> bool:  # noqa: ARG002  # a Namer's method
        """Always: a build knows no PA."""
        return True

    def unsigned(self, number: int) -> int | None:
        """The VA that a number stands for, as far as the link address tells the kernel's half."""
        if self.word == 4:
            return number
        ones = 64 - (~self.symbols.text & MASK).bit_length()
        half = MASK & -(1 << 65 - ones)
        return number if number >= half else arm64.without_pac(number, half)

    def at(self, address: int) -> Place | None:
        """What an address belongs to; None outside the kernel, and in a module but for those of a running kernel's list."""
        va = address - self.slide & MASK
        is_own = self.symbols.text <= va < self._end
        index = bisect_right(self._vas, va) - 1
        if index < 0 or not (is_own or self.symbols.is_running):
            return None
        start = self._vas[index]
        entry = self.symbols.entries[bisect_left(self._vas, start)]
        size = self._end_of(index) - start
        if bool(entry.module) == is_own or entry.name in _BORDERS or va - start >= size:
            return None
        return Place(entry.name, entry.type, va - start, size, entry.module, None, address)

    def _end_of(self, index: int) -> int:
        """Where a symbol ends: at the next one of the kernel or of its module, the last of a module with its page."""
        entry, behind = self.symbols.entries[index], index + 1
        if behind < len(self._vas) and self.symbols.entries[behind].module == entry.module:
            return self._vas[behind]
        return self._end if not entry.module else (self._vas[index] | _PAGE - 1) + 1
