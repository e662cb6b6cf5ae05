"""Which files of a dump another program can open."""

from __future__ import annotations

from kinfo.memory import Dump


def openable(dump: Dump) -> bool:
    """Whether a debugger can open the dump's file itself: kinfo unpacks compressed ones and reads a pipe, they do not."""
    return not dump.packed and dump.name != "<stdin>"
