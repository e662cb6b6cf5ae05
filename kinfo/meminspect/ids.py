"""The series of every posting, by name, and what is alike in all of them. Their ids are in the writers' rows."""

from __future__ import annotations

from kinfo.errors import UnknownNameError, did_you_mean
from kinfo.printable import quoted
from kinfo.writer_rows import rows
from kinfo.writer_rows.series import Series

__all__ = ["CONFIG", "ELF", "MAX", "SERIES", "VMCOREINFO", "WITHOUT_PA", "Series", "series_named"]

ELF, VMCOREINFO, CONFIG = 1, 2, 3
MAX = 201  # slots of inspect_entries[], in every series

SERIES = tuple(row.series for row in rows.ROWS if row.series)
WITHOUT_PA = next(series.name for series in SERIES if series.pa is None)  # the only one: its array has a shape of its own
_BY_NAME = {series.name: series for series in SERIES}


def series_named(name: str) -> Series:
    """The series of this name. Raises UnknownNameError."""
    try:
        return _BY_NAME[name.lower()]
    except KeyError:
        hint = did_you_mean(name.lower(), _BY_NAME, f"choose one of: {', '.join(_BY_NAME)}")
        raise UnknownNameError(f"no series is called {quoted(name)}", hint) from None
