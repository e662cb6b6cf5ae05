"""Folders of output files: each is written whole or not at all, and what is begun and cannot be finished is taken back."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import IO

from kinfo.cli import output
from kinfo.errors import OutputError
from kinfo.regions.ramoops.files import File

_LATEST = 1 << 33  # seconds; what a file system can store
_TRIES = 3  # to make a folder whose parent another process takes back meanwhile


class FolderWriter:
    """Puts files into folders, and knows which files and folders were not there before."""

    def __init__(self) -> None:
        self._files: list[str] = []
        self._folders: list[str] = []

    def make(self, folder: str) -> None:
        """Make a folder, where it is not there. Raises OutputError where it cannot be made."""
        missing = list(_missing(folder))
        try:
            _make(folder or ".")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise OutputError(f"{folder}: cannot be made: {reason}", "name a folder that can") from None
        self._folders += reversed(missing)

    def put(self, path: str, write: Callable[[IO[bytes]], object], *, force: bool) -> None:
        """Write a file, and make its folder. Raises OutputError where it exists and `force` is off, or cannot be written."""
        self.make(os.path.dirname(path))
        is_new = not os.path.lexists(path)
        output.write_with(path, write, force=force)
        if is_new:
            self._files.append(path)

    def take_back(self) -> None:
        """Remove what was not there before: half of what belongs together looks like all of it."""
        for path in self._files:
            with contextlib.suppress(OSError):
                os.unlink(path)
        for folder in reversed(self._folders):
            with contextlib.suppress(OSError):  # something else is in it
                os.rmdir(folder)


@contextlib.contextmanager
def all_or_none() -> Iterator[FolderWriter]:
    """While files that belong together are written: where one of them cannot be, or Ctrl-C comes, none of them stays."""
    writer = FolderWriter()
    try:
        yield writer
    except BaseException:
        writer.take_back()
        raise


def write_all(folder: str, files: Mapping[str, File], *, force: bool) -> None:
    """Write the files under their names, with the time at which they were stored; the folder is made where it is not there.

    A file that is there with the same bytes is left: so a call that was stopped is gone on with by the same one.
    Raises OutputError before the first is written where another one of them exists and `force` is off.
    """
    paths = {os.path.join(folder, name): file for name, file in files.items()}
    same = {path for path, file in paths.items() if _holds(path, file.data)}
    if not force and (there := next((path for path in paths if path not in same and os.path.lexists(path)), None)):
        raise OutputError(f"{there}: exists already", "name another folder, or overwrite it with --force")
    with all_or_none() as writer:
        writer.make(folder)
        for path, file in paths.items():
            if path not in same:
                writer.put(path, writing(file.data), force=force)
            if file.seconds is not None and 0 < file.seconds < _LATEST:
                with contextlib.suppress(OSError):  # another user's file, of the same bytes
                    os.utime(path, (file.seconds, file.seconds))


def writing(data: bytes) -> Callable[[IO[bytes]], object]:
    """What writes these bytes to the file that it is given."""
    return lambda file: file.write(data)


def _holds(path: str, data: bytes) -> bool:
    """Whether a file is there that has these bytes."""
    try:
        if not os.path.isfile(path) or os.path.getsize(path) != len(data):
            return False
        with open(path, "rb") as file:
            return file.read() == data
    except (OSError, ValueError):
        return False


def _missing(folder: str) -> Iterator[str]:
    """The folder and those above it that are not there, the innermost first."""
    while folder and not os.path.lexists(folder):
        yield folder
        folder = os.path.dirname(folder)


def _make(folder: str) -> None:
    for _ in range(_TRIES - 1):
        with contextlib.suppress(FileNotFoundError):
            return os.makedirs(folder, exist_ok=True)
    return os.makedirs(folder, exist_ok=True)
