"""Output files, and standard output in their place."""

from __future__ import annotations

import sys

from kinfo import whole_file
from kinfo.errors import KinfoError
from kinfo.whole_file import write_with

__all__ = ["write_file", "write_with"]


def write_file(path: str, data: bytes, *, force: bool) -> None:
    """Write `data` to `path` (`-`: standard output), whole or not at all.

    Raises KinfoError when the file exists and `force` is off, or cannot be written.
    """
    if path == "-":
        if sys.stdout.isatty():
            raise KinfoError("-: standard output is a terminal, what comes is binary", "send it to a file or a pipe")
        sys.stdout.buffer.write(data)
        return
    whole_file.write_bytes(path, data, force=force)
