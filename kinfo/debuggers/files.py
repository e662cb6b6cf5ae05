"""Which files of a dump another program can open."""

from __future__ import annotations

from kinfo.errors import KernelError
from kinfo.memory import Dump, open_dump


def openable(dump: Dump) -> str:
    """The dump's name, for another program to open. Raises KernelError for what only kinfo reads: a compressed file."""
    with open_dump(dump.name) as file:
        command = file.packed_with()
    if command:
        raise KernelError(f"{dump.name}: debuggers do not read compressed dumps", f"unpack it: {command} {dump.name}")
    return dump.name
