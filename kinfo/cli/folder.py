"""Folders of output files: each is written whole or not at all, and none where one of them may not be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import IO

from kinfo.cli import output
from kinfo.errors import KinfoError
from kinfo.regions.ramoops.files import File

_LATEST = 1 << 33  # seconds; what a file system can store


def write_all(folder: str, files: Mapping[str, File], *, force: bool) -> None:
    """Write the files under their names, with the time at which they were stored; the folder is made where it is not there.

    Raises KinfoError before the first is written where one of them exists and `force` is off.
    """
    paths = {os.path.join(folder, name): file for name, file in files.items()}
    if not force and (there := next((path for path in paths if os.path.lexists(path)), None)):
        raise KinfoError(f"{there}: exists already", "name another folder, or overwrite it with --force")
    made(folder)
    for path, file in paths.items():
        made(os.path.dirname(path))
        output.write_with(path, partial(_put, file.data), force=force)
        if file.seconds is not None and 0 < file.seconds < _LATEST:
            os.utime(path, (file.seconds, file.seconds))


def _put(data: bytes, file: IO[bytes]) -> None:
    file.write(data)


def made(folder: str) -> None:
    """Make a folder, where it is not there. Raises KinfoError where it cannot be made."""
    try:
        os.makedirs(folder or ".", exist_ok=True)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise KinfoError(f"{folder}: cannot be made: {reason}", "name a folder that can") from None
