"""Streams in files of no name: what is read of a pipe can be read again, by whoever takes it for something else next."""

from __future__ import annotations

import contextlib
import errno
import os

from kinfo.errors import DumpError
from kinfo.typed import BinaryIO

_CHUNK = 1 << 20
_STREAMS: dict[int, int | DumpError] = {}  # by the stream's id(): the number of its file, or why there is none


def spooled(stream: BinaryIO, name: str) -> BinaryIO:
    """All that is left of a stream, as a file; `name` is for the message. Raises DumpError."""
    import tempfile

    spool = tempfile.TemporaryFile()  # noqa: SIM115  # FileDump.close closes it
    try:
        while chunk := stream.read(_CHUNK):
            spool.write(chunk)
        spool.flush()
    except OSError as error:
        with contextlib.suppress(OSError):  # what is in its buffer finds no room either
            spool.close()
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        hint = f"make room in {tempfile.gettempdir()}, or save it to a file and name that"
        raise DumpError(
            f"{name}: cannot spool: {error.strerror}", hint if is_full else "save it to a file and name that"
        ) from error
    return spool


def spooled_once(stream: BinaryIO, name: str) -> BinaryIO:
    """Likewise; one that is at its end is what it was before, and one that failed fails again: its rest is no whole."""
    before = _STREAMS.get(id(stream))
    if isinstance(before, DumpError):
        raise before
    try:
        file = spooled(stream, name)
    except DumpError as error:
        _keep(stream, error)
        raise
    if before is not None and os.lseek(file.fileno(), 0, os.SEEK_END) == 0:
        file.close()
        return os.fdopen(os.dup(before), "rb")
    _keep(stream, os.dup(file.fileno()))
    return file


def _keep(stream: BinaryIO, what: int | DumpError) -> None:
    """Until the stream goes."""
    from weakref import finalize

    _forget(id(stream))
    finalize(stream, _forget, id(stream))
    _STREAMS[id(stream)] = what


def _forget(key: int) -> None:
    what = _STREAMS.pop(key, None)
    if isinstance(what, int):
        os.close(what)
