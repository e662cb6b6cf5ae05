"""Unpacked files, kept for the next command: in a folder of the caller's, up to a total size, the oldest let go of first.

A file is known by device, inode, size and time of the packed one. It is written under another name and renamed when it is
whole, so that two processes never see each other's half; what cannot be kept is no failure. They hold what the dumps hold,
so nobody but the user may read them.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from contextvars import ContextVar

from kinfo.memory.dump import Dump, FileDump
from kinfo.named import NamedTuple
from kinfo.typed import IO, BinaryIO

LIMIT = 8 << 30  # bytes on the disk, of all that is kept
LEAST = 32 << 20  # bytes: what is smaller is unpacked again before anyone notices
_PART, _WHOLE = ".part", ".unpacked"

_CACHE: ContextVar[Cache | None] = ContextVar("cache", default=None)


class _Kept(NamedTuple):
    path: str
    size: int  # on the disk
    used: int


class Cache:
    """A folder of unpacked files, up to `limit` bytes together; files of less than `least` bytes are not kept."""

    def __init__(self, folder: str | os.PathLike[str], limit: int = LIMIT, least: int = LEAST) -> None:
        self.folder, self.limit, self.least = os.fspath(folder), limit, least

    def find(self, dump: Dump) -> BinaryIO | None:
        """What a packed file was unpacked to; None where that is not there, or not whole."""
        key = _key(dump)
        if key is None:
            return None
        for one in self._kept():
            name = os.path.basename(one.path)
            if name.startswith(f"{key}-"):
                return _opened(one.path, int(name.removesuffix(_WHOLE).rpartition("-")[2]))
        return None

    def spill(self, dump: Dump) -> Spill | None:
        """A file in the folder to unpack into; None where the dump is none to be kept, or nothing can be written here."""
        if _key(dump) is None:
            return None
        import tempfile

        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            handle, path = tempfile.mkstemp(_PART, dir=self.folder)
            _lock(handle)  # a part without a lock was left behind
        except OSError:
            return None
        return Spill(os.fdopen(handle, "w+b"), path)

    def keep(self, dump: Dump, spill: Spill, size: int) -> bool:
        """Keep what was unpacked, `size` bytes; else its name goes, and the file with whoever reads it."""
        key = _key(dump)
        try:
            if key is None or size < self.least or _on_disk(os.fstat(spill.file.fileno())) > self.limit:
                os.unlink(spill.path)
                return False
            os.replace(spill.path, os.path.join(self.folder, f"{key}-{size}{_WHOLE}"))
        except OSError:
            return False
        self._make_room()
        return True

    def _kept(self) -> Iterator[_Kept]:
        """What is there, but for parts that are being written."""
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    with contextlib.suppress(OSError):  # another process let go of it
                        known = entry.stat(follow_symlinks=False)
                        if entry.name.endswith(_WHOLE) or (entry.name.endswith(_PART) and _is_left(entry.path)):
                            yield _Kept(entry.path, _on_disk(known), known.st_mtime_ns)
        except OSError:
            return

    def _make_room(self) -> None:
        """Let go of what was left behind, and of what was used longest ago, until the rest is within the limit."""
        kept = sorted(self._kept(), key=lambda one: (not one.path.endswith(_PART), one.used))
        total = sum(one.size for one in kept)
        for one in kept:
            if total <= self.limit and not one.path.endswith(_PART):
                break
            total -= one.size
            with contextlib.suppress(OSError):
                os.unlink(one.path)


class Spill(NamedTuple):
    """A file to unpack into, and its name."""

    file: IO[bytes]
    path: str

    def drop(self) -> None:
        """Let go of both."""
        self.file.close()
        with contextlib.suppress(OSError):
            os.unlink(self.path)


@contextlib.contextmanager
def keeping(cache: Cache | None) -> Iterator[None]:
    """What is unpacked within is kept there."""
    token = _CACHE.set(cache)
    try:
        yield
    finally:
        _CACHE.reset(token)


def current() -> Cache | None:
    """The cache that is in use; None where there is none."""
    return _CACHE.get()


def _key(dump: Dump) -> str | None:
    """What tells a packed file from every other, and from itself when it was changed; None for a pipe."""
    if not isinstance(dump, FileDump) or dump.is_spooled:
        return None
    known = dump.stat()
    if not stat.S_ISREG(known.st_mode):
        return None
    import hashlib

    told = (known.st_dev, known.st_ino, known.st_size, known.st_mtime_ns)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:32]


def _opened(path: str, size: int) -> BinaryIO | None:
    """A file that is kept, if it is the user's own and whole; it counts as used now."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    known = os.fstat(handle)
    if not stat.S_ISREG(known.st_mode) or known.st_uid != os.geteuid() or known.st_size != size:
        os.close(handle)
        return None
    with contextlib.suppress(OSError):
        os.utime(path)
    return os.fdopen(handle, "rb")


def _on_disk(known: os.stat_result) -> int:
    return known.st_blocks * 512


def _is_left(path: str) -> bool:
    """Whether nobody writes a part any more: a lock goes with its process."""
    with open(path, "rb") as file:
        try:
            _lock(file.fileno())
        except OSError:
            return False
    return True


def _lock(handle: int) -> None:
    """Take it for as long as it is open. Raises OSError where another process has it."""
    import fcntl

    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
