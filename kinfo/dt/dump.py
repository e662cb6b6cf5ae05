"""A record out of a dump, as far as it can be held against a tree, and what the dump has at the region's place."""

from __future__ import annotations

from typing import NamedTuple

from kinfo.dt.ranges import Range
from kinfo.errors import DumpError
from kinfo.memory import Dump
from kinfo.record import locate
from kinfo.record.checksum import State
from kinfo.record.decode import REGION_LIMIT
from kinfo.record.record import Record


class DumpFacts(NamedTuple):
    """A dump's name and its best record; `others` are the further records, `dump` its bytes where they can still be read."""

    name: str
    record: Record
    others: tuple[Record, ...] = ()
    dump: Dump | None = None

    @property
    def image(self) -> Range | None:
        """The kernel's image in physical memory, by the record; None where the record has no sane pair of addresses."""
        start = self.record.number("_text_pa") or self.record.number("_stext_pa")
        end = self.record.number("_end_pa")
        return Range(start, end - start) if start and end and end > start else None

    @property
    def kernel(self) -> tuple[int, int] | None:
        """The release (major, minor) that the record names; None where it names none, or its sum does not hold."""
        release = self.record.release if self.record.state.verified else None
        return release.version if release else None

    @property
    def erased(self) -> str:
        """What every byte of the dump is, as hex digits, where nothing was written into it; else empty."""
        return f"{self.record.raw[0]:02x}" if self.record.state is State.ERASED else ""

    def record_at(self, pa: int) -> Record:
        """The record at an address where there is one, else the best."""
        return next((one for one in (self.record, *self.others) if one.address == pa), self.record)

    def erased_at(self, extent: Range) -> str:
        """What every byte of a region is, as `erased`; empty where the dump does not hold all of it, or something else."""
        base = None if self.dump is None else self._base
        if self.dump is None or base is None or extent.base < base or not 0 < extent.size <= REGION_LIMIT:
            return ""
        start, seen, held = extent.base - base, set(), 0
        for _, window in self.dump.windows(start, start + extent.size):
            held += len(window)
            seen |= {window[0]} if not bytes(window).strip(bytes(window[:1])) else {0, 0xFF}
        return f"{min(seen):02x}" if held == extent.size and len(seen) == 1 and seen <= {0, 0xFF} else ""

    @property
    def _base(self) -> int | None:
        """PA of the dump's first byte."""
        return None if self.record.address is None else self.record.address - self.record.offset


def dump_facts(dump: Dump, base: int | None) -> DumpFacts:
    """The records of a dump, which stays open as long. `base`: PA of its first byte. Raises DumpError, RecordError."""
    if base is not None and dump.base is not None:
        raise DumpError(f"{dump.name}: has physical addresses of its own", "leave --base out")
    best, *others = locate.locate(dump, base=dump.base if base is None else base)
    return DumpFacts(dump.name, best, tuple(others), dump)
