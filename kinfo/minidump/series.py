"""Which postings region files can be of, though some are missing, and some have lost bytes."""

from __future__ import annotations

from collections.abc import Mapping

from kinfo.meminspect.entry import Entry, FoundEntries, TableForm
from kinfo.meminspect.ids import SERIES, Series
from kinfo.meminspect.version import contradictions
from kinfo.minidump.region import DumpedRegion


def fitting(regions: Mapping[int, DumpedRegion]) -> tuple[Series, ...]:
    """The series that least speaks against, with all that have the same ids: what tells those apart can be a missing file."""
    entries = tuple(Entry(id_, one.label, None, None, one.size) for id_, one in regions.items())
    found = FoundEntries(TableForm.FILES, entries)
    counts = {series.name: contradictions(series, found) for series in SERIES}
    least = min(counts.values())
    maps = {series.symbols for series in SERIES if counts[series.name] == least}
    return tuple(series for series in SERIES if series.symbols in maps)
