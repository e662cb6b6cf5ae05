"""Files written whole or not at all, and never over an existing one unasked."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable

from kinfo.errors import OutputError
from kinfo.typed import IO

Path = str | os.PathLike[str]
_HANDLES = "/proc/self/fd"
_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # EFBIG: the limit of this process, or of the file system


def write_bytes(path: Path, data: bytes, *, force: bool = False) -> None:
    """Write a file. Errors as for `write_with`."""
    write_with(path, lambda file: file.write(data), force=force)


def write_with(path: Path, write: Callable[[IO[bytes]], object], *, force: bool = False) -> None:
    """Write what `write` writes to the file that it is given: a temporary one beside `path`, which takes its place.

    A device or a pipe is written to as it is; a link that may be overwritten stays one, to the new file.
    Raises OutputError when the file exists and `force` is off, or cannot be written.
    """
    path = os.fspath(path)
    try:
        _write_beside(path, write, force=force)
    except FileExistsError:
        raise OutputError(f"{path}: exists already", "name another file, or overwrite it with --force") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        is_full = isinstance(error, OSError) and error.errno in _FULL
        hint = "make room, or write to another disk" if is_full else "check the folder and its permissions"
        raise OutputError(f"{path}: cannot write: {reason}", hint) from error


def _write_beside(path: str, write: Callable[[IO[bytes]], object], *, force: bool) -> None:
    if os.path.isdir(path):
        raise IsADirectoryError(0, "it is a directory")
    if _is_stream(path):
        with open(path, "wb") as file:
            write(file)
        return
    if not force and os.path.lexists(path):  # before a dump is copied for nothing
        raise FileExistsError
    if os.path.islink(path):
        path = os.path.realpath(path)  # /dev/stdout is one too
    folder = os.path.dirname(path) or "."
    temporary = os.path.join(folder, f".kinfo-{os.urandom(8).hex()}")
    try:
        handle, is_named = _opened(folder, temporary)
        with os.fdopen(handle, "wb") as file:
            write(file)
            if not is_named:
                file.flush()
                os.link(f"{_HANDLES}/{handle}", temporary, src_dir_fd=handle)  # any: linkat(2), which follows the link
        if force:
            os.replace(temporary, path)
        else:
            _link(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _is_stream(path: str) -> bool:
    """Whether it is a device or a pipe (/dev/null, >(...)): written to, and never replaced by a file."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _opened(folder: str, temporary: str) -> tuple[int, bool]:
    """A file, and whether it has a name: none where the system has such, so that nothing stays when the process is killed."""
    if os.path.isdir(_HANDLES):
        with contextlib.suppress(OSError):  # a file system that has none, as NFS; else what follows says what is wrong
            return os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o666), False
    return os.open(temporary, _NEW, 0o666), True


def _link(temporary: str, path: str) -> None:
    """Give a file its name, without a moment between the look whether that is free and its being taken."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(path, _NEW, 0o666))  # FAT, and shares of other systems
        try:
            os.replace(temporary, path)
        except BaseException:
            os.unlink(path)
            raise
