"""A record's pointers as physical addresses, whatever its layout calls them."""

from __future__ import annotations

from typing import NamedTuple

from kinfo.record.kernels import Version
from kinfo.record.record import Record

_MASK = (1 << 64) - 1


class Borders(NamedTuple):
    """Where the kernel image lies: PAs of its borders. `text` is `_text` (where the layout lacks it: the lowest we know)."""

    text: int
    stext: int
    etext: int
    sinittext: int
    einittext: int
    end: int


class Pointers:
    """What a record says, as numbers that can be followed."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.word = (record.number("bit_per_long") or 64) // 8  # bytes in a long of that kernel
        self.version: Version | None = record.release.version if record.release else None
        self._is_virtual = record.suffix == "va"  # kdebuginfo: VAs, and the constant between the two
        self._voffset = record.number("kimage_voffset") or 0

    def pa(self, name: str) -> int:
        """The PA of a symbol, by its name without ornaments ("names", "stext"); 0 where the record does not say."""
        address = self.record.pointer(name) or 0
        return (address - self._voffset) & _MASK if address and self._is_virtual else address

    def count(self, name: str) -> int:
        """A plain number; 0 where the record does not say."""
        return self.record.number(name) or 0

    @property
    def page_table(self) -> int:
        """PA of swapper_pg_dir (kdebuginfo has none: 0)."""
        return self.count("swapper_pg_dir_pa")

    @property
    def borders(self) -> Borders:
        """The image's borders."""
        stext, base = self.pa("stext"), self.pa("text") or self.pa("relative")
        text = base if 0 < base <= stext else stext
        return Borders(text, stext, *(self.pa(name) for name in ("etext", "sinittext", "einittext", "end")))
