"""The local symbols of the section's entries: they carry the ids' names, whatever the series."""

from __future__ import annotations

from kinfo.meminspect.ids import SERIES

_PREFIXES = ("__UNIQUE_ID___inspect_entry_MEMINSPECT_ID_", "__UNIQUE_ID___inspect_entry_")
_SYMBOLS = sorted({symbol for series in SERIES for symbol in series.symbols if symbol}, key=len, reverse=True)


def symbol_of(name: str) -> str:
    """The symbol that an entry's own symbol names: `jiffies_64` for `..._MEMINSPECT_ID_jiffies_64101`; "" for other names.

    Behind the name stands the compiler's counter, without anything between: the longest symbol that leaves a number is meant.
    """
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            rest = name.removeprefix(prefix)
            found = (one for one in _SYMBOLS if rest.startswith(one) and rest[len(one) :].isdigit())
            return next(found, rest.rstrip("0123456789"))
    return ""
