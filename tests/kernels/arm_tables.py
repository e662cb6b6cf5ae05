"""Entries of 32-bit arm's page tables as arch/arm writes them, and what they mean by the manuals: DDI 0406C B3, DDI 0100I B4.

`kind` is "short" (ARMv6 on), "v5" (short, before ARMv6: nothing keeps code from running) or "lpae".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

LEVELS = {
    "short": ((20, 12), (12, 8)),
    "v5": ((20, 12), (12, 8)),
    "lpae": ((30, 2), (21, 9), (12, 9)),
}  # (lowest bit, number of bits) of each level's index
BLOCKS = {"short": (24, 20, 16, 12), "v5": (20, 16, 12), "lpae": (30, 21, 12)}
ROOTS = {"short": -0x4000, "v5": -0x4000, "lpae": -0x5000}  # of swapper_pg_dir, from _text (PG_DIR_SIZE)
_C_AND_B, _BIT_4 = 0xC, 0x10
_LPAE_MEMORY = 1 << 10 | 3 << 8 | 3 << 2 | 1  # AF, inner shareable, MT_MEMORY's attribute, valid
_XN, _DIRTY, _READ_ONLY = 1 << 54, 1 << 55, 1 << 7  # the second is a bit for software, L_PTE_DIRTY


class Entry(NamedTuple):
    """What an entry is: the address it holds, the bytes that it maps (0: it leads to a table), whether code may run there."""

    pa: int
    size: int
    executable: bool


def table_entry(kind: str, pa: int) -> int:
    """The entry that leads to the next table: kernels set bit 4 on every CPU (PMD_BIT4)."""
    return pa | 3 if kind == "lpae" else pa | _BIT_4 | 1


def leaf_entry(kind: str, pa: int, shift: int, executable: bool) -> int:
    """The entry that maps 1 << shift bytes."""
    if kind == "lpae":
        bits = _LPAE_MEMORY | (2 if shift == 12 else 0)
        return pa | bits | (_READ_ONLY if executable else _XN | _DIRTY)
    if kind == "v5":
        return pa | _C_AND_B | (1 << 10 | _BIT_4 | 2 if shift == 20 else 0x550 | (1 if shift == 16 else 2))
    if shift == 12:
        return pa | 1 << 10 | 0x10 | _C_AND_B | 2 | (1 << 9 if executable else 1)
    if shift == 16:
        return pa | 1 << 10 | 0x10 | _C_AND_B | 1 | (1 << 9 if executable else 1 << 15)
    bits = 1 << 16 | 1 << 12 | 1 << 10 | _C_AND_B | 2 | (1 << 15 if executable else _BIT_4)
    if shift == 24:
        return pa & 0xFF000000 | (pa >> 32 & 0xF) << 20 | (pa >> 36 & 0xF) << 5 | 1 << 18 | bits
    return pa | bits


def entry(kind: str, raw: int, shift: int) -> Entry | None:
    """An entry of the level that begins at a bit of the VA, taken apart."""
    if kind == "lpae":
        return _lpae(raw, shift)
    return _first(kind, raw) if shift == 20 else _second(kind, raw)


def _lpae(raw: int, shift: int) -> Entry | None:
    if not raw & 1 or (shift == 12 and not raw & 2):
        return None
    if raw & 2 and shift != 12:
        return Entry(raw & 0xFF_FFFF_F000, 0, not raw >> 59 & 3)
    return Entry(raw & 0xFF_FFFF_FFFF & -(1 << shift), 1 << shift, not raw >> 53 & 3)


def _first(kind: str, raw: int) -> Entry | None:
    bits = raw & 3
    if kind == "v5":
        return {1: Entry(raw & 0xFFFFFC00, 0, True), 2: Entry(raw & 0xFFF00000, 1 << 20, True)}.get(bits)
    if bits == 1:
        return Entry(raw & 0xFFFFFC00, 0, not raw & 4)
    if bits == 0:
        return None
    runs = not raw & 0x10 and bits == 2
    if raw & 1 << 18:
        return Entry(raw & 0xFF000000 | (raw >> 20 & 0xF) << 32 | (raw >> 5 & 0xF) << 36, 1 << 24, runs)
    return Entry(raw & 0xFFF00000, 1 << 20, runs)


def _second(kind: str, raw: int) -> Entry | None:
    bits, is_old = raw & 3, kind == "v5"
    if bits == 1:
        return Entry(raw & 0xFFFF0000, 1 << 16, is_old or not raw & 1 << 15)
    return Entry(raw & 0xFFFFF000, 1 << 12, is_old or bits == 2) if bits else None


class Places:
    """Where arch/arm puts tables: two of 1 KiB at the end of a page; LPAE's second level behind the first."""

    def __init__(self, kind: str, root: int, page: Callable[[], int]) -> None:
        self.kind, self.root, self._page = kind, root, page
        self._pages: dict[int, int] = {}

    def child(self, table: int, index: int) -> int:
        """The place of a new table, for an entry of another one."""
        if self.kind == "lpae":
            return self.root + 0x1000 * (index + 1) if table == self.root else self._page()
        if index // 2 not in self._pages:
            self._pages[index // 2] = self._page()
        return self._pages[index // 2] + 0x800 + 0x400 * (index % 2)
