"""Standard output and standard error as the command line needs them: never an encoding error, never noise at the exit."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys

from kinfo.cli.words import safe
from kinfo.errors import KinfoError

_OF_READING = (errno.EISDIR, errno.EACCES, errno.EPERM, errno.ENXIO, errno.ENODEV)  # no write to an open stream fails so
_ESCAPED = "kinfo-escaped"  # the name of the error handler


def prepare() -> None:
    """What a stream's encoding does not have is written as `\\xNN`, in every locale: file names can be any bytes."""
    codecs.register_error(_ESCAPED, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPED)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return text.encode("ascii", "backslashreplace").decode() if text.isprintable() else safe(text), error.end


def finished(code: int) -> int:
    """The code, when all output has been written. Raises OSError."""
    sys.stdout.flush()
    return code


def drop() -> None:
    """Let what is still in the buffer of standard output go nowhere, so that the interpreter's exit is quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def lost(error: OSError) -> KinfoError:
    """What an error of the operating system is about, in words: the file that it names, else standard output."""
    if error.filename is not None:
        name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else f"descriptor {error.filename}"
        return KinfoError(f"{name}: {error.strerror}", "check the path and its permissions")
    if error.errno in _OF_READING:
        return KinfoError(f"an input cannot be read: {error.strerror}", "name or pipe a file that can be")
    return KinfoError(f"cannot write the output: {error.strerror or error}", "make room, or send it elsewhere")
