"""The forms in which kallsyms stores addresses: each is a sequence of PAs, in the table's own (ascending) order."""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from kinfo.arch.address import MASK
from kinfo.typed import ClassVar

_FEW = 64  # addresses that are looked for before all are listed
_LISTED = 1 << 20  # addresses that are: kernels have 300,000
_NOT_IN_IMAGE = 1 << 52  # above every PA: an absolute symbol that wrapped around


def numbers(view: memoryview, code: str) -> Sequence[int]:
    """Little-endian integers of a table, by their struct code."""
    if sys.byteorder == "little":
        return view.cast("B").cast(code)  # type: ignore[call-overload,no-any-return]  # a code that is no literal
    swapped = array(code, view.tobytes())
    swapped.byteswap()
    return swapped


class Addresses:
    """The addresses of all symbols.

    `form` is the name of the encoding, `absolute` how many symbols come first that are no addresses but plain values (per-CPU
    offsets on x86-64), `has_base` whether kallsyms_relative_base follows the table.
    """

    form: ClassVar[str]
    has_base: ClassVar[bool] = True
    code: ClassVar[str] = "I"
    _asked = 0
    _all: list[int] | None = None

    def __init__(self, table: memoryview, base: int = 0) -> None:
        self.base = base
        self._raw = numbers(table, self.code)
        self.absolute = 0

    def __len__(self) -> int:
        return len(self._raw)

    @property
    def size(self) -> int:
        """Bytes that the table takes: what follows it is found by that."""
        return struct.calcsize(self.code) * len(self._raw)

    @property
    def voffset(self) -> int | None:
        """kimage_voffset, where the entries are VAs and tell it."""
        return None

    def __getitem__(self, index: int) -> int:
        """PA of a symbol (the plain value of one of the `absolute`)."""
        return self.base + self._raw[index]

    def part(self, first: int, last: int) -> list[int]:
        """The same for the symbols `first` to `last` (exclusive)."""
        return [self[index] for index in range(first, last)]

    def at_or_below(self, pa: int) -> int:
        """Index of the last symbol at or below a PA; less than `absolute` when there is none."""
        if (listed := self._listed()) is not None:
            return bisect_right(listed, pa, lo=self.absolute) - 1
        return bisect_right(range(len(self)), pa, lo=self.absolute, key=self.__getitem__) - 1

    def first_at(self, pa: int) -> int:
        """Index of the first symbol at or above a PA."""
        if (listed := self._listed()) is not None:
            return bisect_left(listed, pa, lo=self.absolute)
        return bisect_left(range(len(self)), pa, lo=self.absolute, key=self.__getitem__)

    def listed(self) -> list[int] | None:
        """All of them; None where they are too many."""
        if self._all is None and len(self) <= _LISTED:
            self._all = self.part(0, len(self))
        return self._all

    def _listed(self) -> list[int] | None:
        """The same for whoever looks for more than a few: a tenth of the time each."""
        self._asked += 1
        return self.listed() if self._asked > _FEW else self._all


class BaseRelative(Addresses):
    """Unsigned 32-bit offsets from kallsyms_relative_base (4.6 to 6.19)."""

    form = "base-relative"

    def part(self, first: int, last: int) -> list[int]:
        """See Addresses."""
        base = self.base
        return [base + offset for offset in self._raw[first:last]]


class AbsolutePercpu(Addresses):
    """Signed offsets: from 0 up plain values, below 0 counted down from base - 1.

    x86-64 SMP, CONFIG_KALLSYMS_ABSOLUTE_PERCPU, up to 6.14 or so.
    """

    form = "base-relative, per-CPU symbols absolute"
    code = "i"

    def __init__(self, table: memoryview, base: int) -> None:
        super().__init__(table, base)
        self.absolute = bisect_left(range(len(self)), True, key=lambda index: self._raw[index] < 0)

    def __getitem__(self, index: int) -> int:
        offset = self._raw[index]
        return offset if offset >= 0 else self.base - 1 - offset


class PlaceRelative(Addresses):
    """Signed offsets, each from its own place (7.0 on). `base` is the PA of the table."""

    form = "place-relative"
    has_base = False
    code = "i"

    def __getitem__(self, index: int) -> int:
        return self.base + 4 * index + self._raw[index]


class Absolute(Addresses):
    """Run-time VAs, a long each (no CONFIG_KALLSYMS_BASE_RELATIVE), or 32-bit ones since 7.0. `base` is kimage_voffset."""

    form = "absolute"
    has_base = False

    def __init__(self, table: memoryview, base: int, word: int) -> None:
        self.code = "Q" if word == 8 else "I"  # type: ignore[misc]  # the one form whose width varies
        super().__init__(table, base)
        self.absolute = bisect_left(range(len(self)), True, key=lambda index: self._pa(index) < _NOT_IN_IMAGE)

    def __getitem__(self, index: int) -> int:
        pa = self._pa(index)
        return pa if pa < _NOT_IN_IMAGE else self._raw[index]

    @property
    def voffset(self) -> int:
        """See Addresses."""
        return self.base & MASK

    def _pa(self, index: int) -> int:
        return (self._raw[index] - self.base) & MASK
