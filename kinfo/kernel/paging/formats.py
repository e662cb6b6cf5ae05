"""Page-table formats: how many levels, which bits of a VA choose an entry, which bits of an entry are the address.

Arm ARM (DDI 0487) D8 for VMSAv8-64, FEAT_LVA, FEAT_LPA2; Arm ARM (DDI 0406C) B3.5 and B3.6 for the short and the long
descriptors of 32-bit arm, DDI 0100I B4.7 for those before ARMv6; Intel SDM volume 3A chapter 4. Kernel configurations:
arch/arm64/Kconfig (ARM64_VA_BITS_*, PAGE_SIZE_*), arch/arm/mm/Kconfig (ARM_LPAE), arch/x86/Kconfig (X86_5LEVEL).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from kinfo.arch import arm, arm64, x86_64
from kinfo.arch.address import SPACE
from kinfo.named import NamedTuple

ARM, ARM64, X86_64 = arm.MACHINE, arm64.MACHINE, x86_64.MACHINE

_VALID = 1
_ARM_TABLE = 1 << 1  # on the last level: a page
_ARM_PXN, _ARM_PXN_TABLE = 1 << 53, 1 << 59  # privileged execute never: of a mapping, of everything below a table
_LPAE_NEVER, _LPAE_NEVER_TABLE = 3 << 53, 3 << 59  # XN and PXN: either keeps the kernel from executing
_X86_LARGE, _X86_NX = 1 << 7, 1 << 63
_LOW = (1 << 48) - 1  # the address bits that every format with entries of 8 bytes keeps in place

_SECTION, _LARGE_PAGE = 2, 1  # short descriptors, bits 1:0: bit 1 of the first level; of the second level 1 is a large page
_SUPERSECTION = 1 << 18
_SECTION_NEVER, _TABLE_NEVER = 1 << 4 | 1, 1 << 2  # XN and PXN; PXN
_LARGE_NEVER, _SMALL_NEVER = 1 << 15, 1  # XN


class EntryKind(Enum):
    """How an entry is taken apart."""

    ARM64 = "VMSAv8-64"
    X86_64 = "x86-64"
    LPAE = "long descriptors"
    SHORT = "short descriptors"
    SHORT_V5 = "short descriptors before ARMv6"  # without XN, whose bits have other meanings


class Descriptor(NamedTuple):
    """What an entry says: the PA of the next table, or of what is mapped; whether the kernel may execute it.

    `size` is the bytes that it maps itself; 0 where it leads to a table.
    """

    pa: int
    size: int
    is_executable: bool

    @property
    def is_leaf(self) -> bool:
        """Whether it maps memory itself."""
        return self.size != 0


class PageFormat(NamedTuple):
    """One format.

    `va_bits` are those that the tables translate (on x86-64 with the sign bit; arm64 has a table for each half, 32-bit arm
    one for all); `blocks` the levels, counted from the last, which is 0, on which an entry can map memory itself. An entry
    has `entry_size` bytes, and a table below the top one resolves `stride` bits.
    """

    name: str
    machine: int
    page_shift: int
    va_bits: int
    levels: int
    blocks: tuple[int, ...]
    has_high_bits: str = ""  # where an entry keeps PA bits 48 and up: "lpa" 15:12, "lpa2" 9:8 with 49:48 in place
    kind: EntryKind = EntryKind.ARM64
    entry_size: int = 8
    stride: int = 0  # 0: as many as fit a page

    @property
    def page_size(self) -> int:
        """Bytes of a page."""
        return 1 << self.page_shift

    @property
    def word(self) -> int:
        """Bytes of a long, and of a VA."""
        return 4 if self.machine == ARM else 8

    @property
    def end(self) -> int:
        """The VA behind the highest."""
        return arm.SPACE if self.machine == ARM else SPACE

    @property
    def start(self) -> int:
        """The VA that the first entry of the top table stands for."""
        return self.end - (1 << self.va_bits)

    @property
    def half(self) -> int:
        """The lowest VA of the kernel's half; 0 where one table has all VAs, and PAGE_OFFSET tells (see Space.half)."""
        return (arm.SPACE if self.machine == ARM else SPACE) - (1 << self.va_bits - (self.machine == X86_64))

    @property
    def root_align(self) -> int:
        """What the PA of swapper_pg_dir is a multiple of: a page's worth or more."""
        return arm.ROOT_ALIGN if self.entry_size == 4 else self.page_size

    def shift(self, level: int) -> int:
        """The lowest VA bit that a level looks at."""
        return self.page_shift + level * (self.stride or self.page_shift - 3)

    def entries(self, level: int) -> int:
        """How many entries a table of a level has."""
        bits = self.va_bits if level == self.levels - 1 else self.shift(level + 1)
        return 1 << bits - self.shift(level)

    def entry(self, raw: int, level: int) -> Descriptor | None:
        """An entry taken apart; None where it maps nothing."""
        if self.kind is EntryKind.ARM64:
            return self._arm64(raw, level) if raw & _VALID else None
        if self.kind is EntryKind.X86_64:
            return self._x86(raw, level) if raw & _VALID else None
        if self.kind is EntryKind.LPAE:
            return self._lpae(raw, level) if raw & _VALID else None
        return self._section_or_table(raw) if level else self._short_page(raw)

    def maybe(self, raws: Sequence[int], pa: int) -> list[int]:
        """Indices of the entries of a last table that can be a PA's page, by the address bits alone."""
        if self.entry_size == 4:  # the lowest address bits of large pages have another use
            return [index for index, raw in enumerate(raws) if raw]
        mask = _LOW & -self.page_size
        wanted = pa & mask
        return [index for index, raw in enumerate(raws) if raw & mask == wanted]

    def _arm64(self, raw: int, level: int) -> Descriptor | None:
        is_table = bool(raw & _ARM_TABLE)
        if level and is_table:
            return Descriptor(self._address(raw, 0), 0, not raw & _ARM_PXN_TABLE)
        if bool(level) == is_table or level not in self.blocks:
            return None
        return Descriptor(self._address(raw, level), 1 << self.shift(level), not raw & _ARM_PXN)

    def _address(self, raw: int, level: int) -> int:
        low = self.shift(level)
        if self.has_high_bits == "lpa":
            return raw >> low << low & _LOW | (raw >> 12 & 0xF) << 48
        if self.has_high_bits == "lpa2":
            return raw >> low << low & (1 << 50) - 1 | (raw >> 8 & 3) << 50
        return raw >> low << low & _LOW

    def _x86(self, raw: int, level: int) -> Descriptor | None:
        is_leaf = level == 0 or bool(raw & _X86_LARGE)
        if is_leaf and level not in self.blocks:
            return None
        low = self.shift(level) if is_leaf else 12
        return Descriptor(raw >> low << low & (1 << 52) - 1, is_leaf << low, not raw & _X86_NX)

    def _lpae(self, raw: int, level: int) -> Descriptor | None:
        is_table = bool(raw & _ARM_TABLE)
        if level and is_table:
            return Descriptor(raw >> 12 << 12 & arm.PA_LIMIT - 1, 0, not raw & _LPAE_NEVER_TABLE)
        if bool(level) == is_table or level not in self.blocks:
            return None
        low = self.shift(level)
        return Descriptor(raw >> low << low & arm.PA_LIMIT - 1, 1 << low, not raw & _LPAE_NEVER)

    def _section_or_table(self, raw: int) -> Descriptor | None:
        """The first level of the short descriptors: a section of 1 MiB, a supersection of 16 MiB, a table of 1 KiB."""
        has_never = self.kind is EntryKind.SHORT
        if raw & 3 == 1:
            return Descriptor(raw & -(1 << 10), 0, not (has_never and raw & _TABLE_NEVER))
        if not raw & _SECTION or (not has_never and raw & 1):  # before ARMv6, 3 was a table of 1 KiB pages
            return None
        is_executable = not (has_never and raw & _SECTION_NEVER)
        if has_never and raw & _SUPERSECTION:
            high = (raw >> 20 & 0xF) << 32 | (raw >> 5 & 0xF) << 36
            return Descriptor(raw & -(1 << 24) | high, 1 << 24, is_executable)
        return Descriptor(raw & -(1 << 20), 1 << 20, is_executable)

    def _short_page(self, raw: int) -> Descriptor | None:
        """The second level: a large page of 64 KiB, in sixteen entries, or a small one."""
        has_never = self.kind is EntryKind.SHORT
        if raw & 3 == _LARGE_PAGE:
            return Descriptor(raw & -(1 << 16), 1 << 16, not (has_never and raw & _LARGE_NEVER))
        return Descriptor(raw & -(1 << 12), 1 << 12, not (has_never and raw & _SMALL_NEVER)) if raw & 2 else None


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
    PageFormat("x86-64, 4 levels", X86_64, 12, 48, 4, (0, 1, 2), kind=EntryKind.X86_64),
    PageFormat("x86-64, 5 levels", X86_64, 12, 57, 5, (0, 1, 2), kind=EntryKind.X86_64),
    PageFormat("arm, short descriptors", ARM, 12, 32, 2, (0, 1), "", EntryKind.SHORT, 4, 8),
    PageFormat("arm, LPAE", ARM, 12, 32, 3, (0, 1, 2), kind=EntryKind.LPAE),
    PageFormat("arm, short descriptors before ARMv6", ARM, 12, 32, 2, (0, 1), "", EntryKind.SHORT_V5, 4, 8),
)
