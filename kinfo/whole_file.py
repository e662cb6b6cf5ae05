"""Files written whole or not at all, and never over an existing one unasked."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Callable

from kinfo.errors import KinfoError
from kinfo.typed import IO

Path = str | os.PathLike[str]
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # EFBIG: the limit of this process, or of the file system


def write_bytes(path: Path, data: bytes, *, force: bool = False) -> None:
    """Write a file. Errors as for `write_with`."""
    write_with(path, lambda file: file.write(data), force=force)


def write_with(path: Path, write: Callable[[IO[bytes]], object], *, force: bool = False) -> None:
    """Write what `write` writes to the file that it is given: a temporary one beside `path`, which takes its place.

    Raises KinfoError when the file exists and `force` is off, or cannot be written.
    """
    path = os.fspath(path)
    try:
        _write_beside(path, write, force=force)
    except FileExistsError:
        raise KinfoError(f"{path}: exists already", "name another file, or overwrite it with --force") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        is_full = isinstance(error, OSError) and error.errno in _FULL
        hint = "name a file on a disk with more room" if is_full else "check the folder and its permissions"
        raise KinfoError(f"{path}: cannot write: {reason}", hint) from error


def _write_beside(path: str, write: Callable[[IO[bytes]], object], *, force: bool) -> None:
    if os.path.isdir(path):
        raise IsADirectoryError(0, "it is a directory")
    if not force and os.path.lexists(path):  # before a dump is copied for nothing
        raise FileExistsError
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
