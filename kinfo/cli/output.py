"""Output files: written whole or not at all, and never over an existing file unasked."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable
from typing import IO

from kinfo.errors import KinfoError


def write_file(path: str, data: bytes, *, force: bool) -> None:
    """Write `data` to `path` (`-`: standard output) through a temporary file beside it.

    Raises KinfoError when the file exists and `force` is off, or cannot be written.
    """
    if path == "-":
        if sys.stdout.isatty():
            raise KinfoError("-: standard output is a terminal, what comes is binary", "send it to a file or a pipe")
        sys.stdout.buffer.write(data)
        return
    write_with(path, lambda file: file.write(data), force=force)


def write_with(path: str, write: Callable[[IO[bytes]], object], *, force: bool) -> None:
    """The same for what `write` writes to the file that it is given; not to standard output."""
    try:
        _write_beside(path, write, force=force)
    except FileExistsError:
        raise KinfoError(f"{path}: exists already", "name another file, or overwrite it with --force") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise KinfoError(f"{path}: cannot write: {reason}", "check the folder and its permissions") from error


def _write_beside(path: str, write: Callable[[IO[bytes]], object], *, force: bool) -> None:
    if os.path.isdir(path):
        raise IsADirectoryError(0, "it is a directory")
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".", prefix=".kinfo-")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            mask = os.umask(0)
            os.umask(mask)
            os.fchmod(file.fileno(), 0o666 & ~mask)
        if force:
            os.replace(temporary, path)
        else:
            os.link(temporary, path)  # fails when the file exists, without a moment between test and write
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
