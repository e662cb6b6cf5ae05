"""The log that a user names, or standard input."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile

from kinfo.cli import common
from kinfo.errors import DumpError
from kinfo.sources.text import refuse_no_text
from kinfo.typed import BinaryIO, Self

_PIECE = 1 << 16  # what is made of it stays in the cache


class LogSource:
    """The log that was named, open. Raises DumpError."""

    def __init__(self, path: str) -> None:
        self.name = "<stdin>" if path == "-" else path
        self._file, self._is_text = _opened(path), False  # until its first bytes were seen
        self.is_file = _is_regular(self._file)
        self._start = self._file.tell() if self.is_file else 0

    def read(self) -> bytes:
        """The next bytes, b"" at the end."""
        try:
            piece: bytes = self._file.read1(_PIECE) or b""  # type: ignore[attr-defined]  # it is buffered
        except OSError as error:
            raise DumpError(f"{self.name}: cannot read: {error.strerror}", "name or pipe a file that can be read") from error
        if not self._is_text:
            refuse_no_text(self.name, piece, "a log")
            self._is_text = True
        return piece

    def rewind(self) -> None:
        """Begin anew."""
        self._file.seek(self._start)

    def keep(self) -> None:
        """Make it one that can begin anew: what comes through a pipe is put into a file of its own first."""
        if self.is_file:
            return
        kept = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the source
        try:
            shutil.copyfileobj(self._file, kept, _PIECE)
        except OSError as error:
            kept.close()
            raise DumpError(
                f"{self.name}: cannot be kept: {error.strerror}", "give the log as a file (--log FILE)"
            ) from error
        self._file, self.is_file, self._start = kept, True, 0
        self.rewind()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _is_regular(file: BinaryIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except OSError:  # no file at all behind standard input
        return False


def _opened(path: str) -> BinaryIO:
    if path == "-":
        stdin = common.stdin()
        if stdin is None:
            raise DumpError("-: standard input is closed", "name the log with --log FILE")
        return stdin
    try:
        return open(path, "rb")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DumpError(f"{path}: cannot open: {reason}", "check the name and its permissions") from error
