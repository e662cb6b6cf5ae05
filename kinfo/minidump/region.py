"""Regions as they came: a file of its own each, or a section of an image."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import NamedTuple

from kinfo.errors import DumpError
from kinfo.memory import Dump

_CHUNK = 1 << 20
_LARGE = 8 << 20  # what the kernel copies at once


class DumpedRegion(NamedTuple):
    """A region's bytes, and what is known of it.

    `name` is for messages, `id` the number in its name (None: it has none), `label` the driver's name for it, `size` how
    many bytes are here, at `at` in the file `path` or in `dump`. `pa` is where it lies, `stated` its size, where a source of
    addresses or a container says so.
    """

    name: str
    id: int | None
    label: str
    size: int
    path: str = ""
    at: int = 0
    dump: Dump | None = None
    pa: int | None = None
    stated: int | None = None

    @property
    def padded(self) -> int:
        """The size as the core's header has it: rounded up to 4, as kernel and driver do."""
        return padded(self.size if self.stated is None else self.stated)

    def __str__(self) -> str:
        return self.name if self.id is None else f"{self.name} (id {self.id})"

    def read(self, size: int, offset: int = 0) -> bytes:
        """Up to so many bytes of it. Raises DumpError where its file cannot be read."""
        size = min(size, max(self.size - offset, 0))
        if self.dump is not None:
            return b"".join(self._parts(offset, size))
        with _open(self.path) as handle:
            return os.pread(handle, size, self.at + offset)

    def copy(self, out: int, place: int, size: int) -> None:
        """Copy its first bytes to a place of an open file. Raises DumpError where they are not there any more."""
        if self.dump is not None:
            self._write(out, place, size)
            return
        with _open(self.path) as handle:
            done = _copied_by_system(handle, self.at, out, place, size)
            while done < size:
                chunk = os.pread(handle, min(_CHUNK, size - done), self.at + done)
                if not chunk:
                    raise DumpError(f"{self.path}: became shorter while it was read", "copy the files again")
                done += os.pwrite(out, chunk, place + done)

    def _parts(self, offset: int, size: int) -> Iterator[bytes]:
        """Its bytes in the dump, in order; a memory gives them piece by piece. They end where the dump does."""
        assert self.dump is not None
        while size and (part := self.dump.read(self.at + offset, min(size, _CHUNK))):
            yield part
            offset, size = offset + len(part), size - len(part)

    def _write(self, out: int, place: int, size: int) -> None:
        for part in self._parts(0, size):
            done = 0
            while done < len(part):
                done += os.pwrite(out, memoryview(part)[done:], place + done)
            place += len(part)


def padded(size: int) -> int:
    """Rounded up to 4."""
    return size + -size % 4


@contextlib.contextmanager
def _open(path: str) -> Iterator[int]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DumpError(f"{path}: cannot be read: {reason}", "check its permissions, or take it away") from error
    try:
        yield handle
    finally:
        os.close(handle)


def _copied_by_system(source: int, at: int, out: int, place: int, size: int) -> int:
    """How much the kernel copied by itself, without the bytes passing through here; the rest is to be read and written."""
    done = 0
    with contextlib.suppress(OSError):  # two file systems, an old kernel; a full disk: writing says so
        os.lseek(out, place, os.SEEK_SET)
        while done < size:  # copy_file_range() takes a tenth longer on ext4
            count = os.sendfile(out, source, at + done, min(size - done, _LARGE))
            if not count:
                break
            done += count
    return done
