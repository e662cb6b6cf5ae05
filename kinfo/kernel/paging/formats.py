"""Page-table formats: how many levels, which bits of a VA choose an entry, which bits of an entry are the address.

Arm ARM (DDI 0487) D8 for VMSAv8-64, FEAT_LVA, FEAT_LPA2; Intel SDM volume 3A chapter 4. Kernel configurations:
arch/arm64/Kconfig (ARM64_VA_BITS_*, PAGE_SIZE_*), arch/x86/Kconfig (X86_5LEVEL). All entries have 8 bytes.
"""

from __future__ import annotations

from typing import NamedTuple

from kinfo.arch import arm64, x86_64
from kinfo.arch.address import SPACE

ARM64, X86_64 = arm64.MACHINE, x86_64.MACHINE

_VALID = 1
_ARM_TABLE = 1 << 1  # on the last level: a page
_ARM_PXN, _ARM_PXN_TABLE = 1 << 53, 1 << 59  # privileged execute never: of a mapping, of everything below a table
_X86_LARGE, _X86_NX = 1 << 7, 1 << 63


class Descriptor(NamedTuple):
    """What an entry says: the PA of the next table, or (`is_leaf`) of what is mapped; whether the kernel may execute it."""

    pa: int
    is_leaf: bool
    is_executable: bool


class PageFormat(NamedTuple):
    """One format.

    `va_bits` are those that the tables translate (on x86-64 with the sign bit, arm64 has a table for each half); `blocks` the
    levels, counted from the last, which is 0, on which an entry can map memory itself.
    """

    name: str
    machine: int
    page_shift: int
    va_bits: int
    levels: int
    blocks: tuple[int, ...]
    has_high_bits: str = ""  # where an entry keeps PA bits 48 and up: "lpa" 15:12, "lpa2" 9:8 with 49:48 in place

    @property
    def page_size(self) -> int:
        """Bytes of a page."""
        return 1 << self.page_shift

    @property
    def half(self) -> int:
        """The lowest VA of the kernel's half."""
        return SPACE - (1 << self.va_bits - (self.machine == X86_64))

    def shift(self, level: int) -> int:
        """The lowest VA bit that a level looks at."""
        return self.page_shift + level * (self.page_shift - 3)

    def entries(self, level: int) -> int:
        """How many entries a table of a level has."""
        bits = self.va_bits if level == self.levels - 1 else self.shift(level + 1)
        return 1 << bits - self.shift(level)

    def entry(self, raw: int, level: int) -> Descriptor | None:
        """An entry taken apart; None where it maps nothing."""
        if not raw & _VALID:
            return None
        return self._x86(raw, level) if self.machine == X86_64 else self._arm64(raw, level)

    def _arm64(self, raw: int, level: int) -> Descriptor | None:
        is_table = bool(raw & _ARM_TABLE)
        if level and is_table:
            return Descriptor(self._address(raw, 0), is_leaf=False, is_executable=not raw & _ARM_PXN_TABLE)
        if bool(level) == is_table or level not in self.blocks:
            return None
        return Descriptor(self._address(raw, level), is_leaf=True, is_executable=not raw & _ARM_PXN)

    def _address(self, raw: int, level: int) -> int:
        low = self.shift(level)
        if self.has_high_bits == "lpa":
            return raw >> low << low & (1 << 48) - 1 | (raw >> 12 & 0xF) << 48
        if self.has_high_bits == "lpa2":
            return raw >> low << low & (1 << 50) - 1 | (raw >> 8 & 3) << 50
        return raw >> low << low & (1 << 48) - 1

    def _x86(self, raw: int, level: int) -> Descriptor | None:
        is_leaf = level == 0 or bool(raw & _X86_LARGE)
        if is_leaf and level not in self.blocks:
            return None
        low = self.shift(level) if is_leaf else 12
        return Descriptor(raw >> low << low & (1 << 52) - 1, is_leaf, not raw & _X86_NX)


FORMATS: tuple[PageFormat, ...] = (
    PageFormat("arm64, 4K pages, 39-bit VA", ARM64, 12, 39, 3, (0, 1, 2)),
    PageFormat("arm64, 4K pages, 48-bit VA", ARM64, 12, 48, 4, (0, 1, 2)),
    PageFormat("arm64, 4K pages, 52-bit VA (LPA2)", ARM64, 12, 52, 5, (0, 1, 2, 3), "lpa2"),
    PageFormat("arm64, 16K pages, 36-bit VA", ARM64, 14, 36, 2, (0, 1)),
    PageFormat("arm64, 16K pages, 47-bit VA", ARM64, 14, 47, 3, (0, 1)),
    PageFormat("arm64, 16K pages, 48-bit VA", ARM64, 14, 48, 4, (0, 1)),
    PageFormat("arm64, 16K pages, 52-bit VA (LPA2)", ARM64, 14, 52, 4, (0, 1, 2), "lpa2"),
    PageFormat("arm64, 64K pages, 42-bit VA", ARM64, 16, 42, 2, (0, 1), "lpa"),
    PageFormat("arm64, 64K pages, 48-bit VA", ARM64, 16, 48, 3, (0, 1), "lpa"),
    PageFormat("arm64, 64K pages, 52-bit VA", ARM64, 16, 52, 3, (0, 1, 2), "lpa"),
    PageFormat("x86-64, 4 levels", X86_64, 12, 48, 4, (0, 1, 2)),
    PageFormat("x86-64, 5 levels", X86_64, 12, 57, 5, (0, 1, 2)),
)
