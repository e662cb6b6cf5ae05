"""A record out of a dump, as far as it can be held against a tree."""

from __future__ import annotations

from typing import NamedTuple

from kinfo.dt.ranges import Range
from kinfo.errors import DumpError
from kinfo.memory import Dump
from kinfo.record import locate
from kinfo.record.record import Record


class DumpFacts(NamedTuple):
    """A dump's name and its best record."""

    name: str
    record: Record

    @property
    def image(self) -> Range | None:
        """The kernel's image in physical memory, by the record; None where the record has no sane pair of addresses."""
        start = self.record.number("_text_pa") or self.record.number("_stext_pa")
        end = self.record.number("_end_pa")
        return Range(start, end - start) if start and end and end > start else None


def dump_facts(dump: Dump, base: int | None) -> DumpFacts:
    """The best record of a dump. `base`: PA of the dump's first byte. Raises DumpError, RecordError."""
    if base is not None and dump.base is not None:
        raise DumpError(f"{dump.name}: has physical addresses of its own", "leave --base out")
    return DumpFacts(dump.name, locate.locate(dump, base=dump.base if base is None else base)[0])
