"""Which files of a dump another program can open."""

from __future__ import annotations

from kinfo.memory import Dump, open_dump


def openable(dump: Dump) -> bool:
    """Whether a debugger can open the dump's file itself: kinfo unpacks compressed ones, they do not."""
    with open_dump(dump.name) as file:
        return file.packed_with() is None
