"""Dump files as bytes: reads and views at offsets, windows of whole data extents for scanning.

Files are mapped, a window at a time where all of them is read, so that memory stays flat whatever the file's size, and
holes of sparse files are stepped over. A stream is spooled to an unnamed temporary file first. Nothing is ever held whole.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from types import TracebackType

from kinfo.errors import DumpError
from kinfo.memory.spool import spooled, spooled_once
from kinfo.printable import brief
from kinfo.typed import BinaryIO, Self

_SMALL = 1 << 20  # what is no larger is read whole: who cuts a mapped file ends the process that looks at it (SIGBUS)
WINDOW = 8 << 20  # mapped at once when scanning; a multiple of every page size


class Dump(ABC):
    """A dump's bytes.

    `name` is for messages, `size` where they end, `held` how many of them are there, `base` the PA of the first where the
    file says or the user did, `packed` the command that unpacks the file where these bytes were packed in it.
    """

    name: str
    size: int
    held: int
    base: int | None = None
    packed: str = ""

    @abstractmethod
    def read(self, offset: int, size: int) -> bytes:
        """The bytes at an offset: fewer than `size` at the end of the dump, none behind it."""

    @abstractmethod
    def view(self, offset: int, size: int) -> memoryview:
        """The same bytes as `read`, without a copy where the dump allows it; good as long as the dump is open."""

    @abstractmethod
    def windows(self, start: int = 0, end: int | None = None) -> Iterator[tuple[int, memoryview]]:
        """Offset and bytes of every part between two offsets that holds data, in order and without overlap.

        Windows begin at `start` plus a multiple of 4 where `start` is one. A window is good until the next one is asked
        for. Holes of a sparse file are left out: they read as zero.
        """

    def close(self) -> None:  # noqa: B027  # bytes in memory have nothing to let go of
        """Let go of the file."""

    def __enter__(self) -> Self:
        """A dump is a context manager that closes itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        return brief(self, f"{self.name}: {self.size:,} bytes")


class BytesDump(Dump):
    """A dump that is in memory already."""

    def __init__(self, data: bytes | bytearray | memoryview, name: str = "<bytes>") -> None:
        self.name = name
        self._data = memoryview(data).cast("B")
        self.held = self.size = len(self._data)

    def read(self, offset: int, size: int) -> bytes:
        """See Dump."""
        return bytes(self._data[offset : offset + size])

    def view(self, offset: int, size: int) -> memoryview:
        """See Dump."""
        return self._data[offset : offset + size]

    def windows(self, start: int = 0, end: int | None = None) -> Iterator[tuple[int, memoryview]]:
        """See Dump."""
        if data := self._data[start:end]:
            yield start, data


class FileDump(Dump):
    """A dump in a seekable file."""

    def __init__(self, file: BinaryIO, name: str, *, is_spooled: bool = False) -> None:
        self.name = name
        self.is_spooled = is_spooled  # whether the file is a copy of a stream
        self._file = file
        self.held = self.size = os.lseek(file.fileno(), 0, os.SEEK_END)

    def read(self, offset: int, size: int) -> bytes:
        """See Dump."""
        size = min(size, self.size - offset)  # numbers out of a file can be any: the kernel would refuse, or Python allocate
        if size <= 0:
            return b""
        try:
            return os.pread(self._file.fileno(), size, offset)
        except OSError as error:
            raise DumpError(f"{self.name}: cannot read at {offset:#x}: {error.strerror}", "check the disk") from error

    def view(self, offset: int, size: int) -> memoryview:
        """See Dump."""
        return self._mapped[offset : offset + size]

    @cached_property
    def _mapped(self) -> memoryview:
        if self.size <= _SMALL:
            return memoryview(self._whole())
        return memoryview(self._map(0, self.size))

    def _whole(self) -> bytes:
        data = self.read(0, self.size)
        if len(data) < self.size:
            raise self._cut(len(data))
        return data

    def _map(self, offset: int, size: int) -> mmap.mmap:
        try:
            return mmap.mmap(self._file.fileno(), size, prot=mmap.PROT_READ, offset=offset)
        except (OSError, ValueError) as error:
            if (left := os.lseek(self._file.fileno(), 0, os.SEEK_END)) < offset + size:
                raise self._cut(left) from error
            raise DumpError(f"{self.name}: cannot be mapped: {error}", "copy it to a file first") from error  # a device

    def _cut(self, left: int) -> DumpError:
        words = f"{self.name}: was cut while it was read, from {self.size:#x} to {left:#x} bytes"
        return DumpError(words, "read it when nobody writes it any more")

    def windows(self, start: int = 0, end: int | None = None) -> Iterator[tuple[int, memoryview]]:
        """See Dump."""
        if self.size <= _SMALL:
            if part := self._mapped[start:end]:
                yield start, part
            return
        for first, last in self._extents(start, self.size if end is None else min(end, self.size)):
            for offset in range(first, last, WINDOW):
                before = offset % mmap.ALLOCATIONGRANULARITY  # a mapping begins at a page of this machine
                length = before + min(WINDOW, last - offset)
                mapped = self._map(offset - before, length)
                window = memoryview(mapped)[before:]
                try:
                    yield offset, window
                finally:
                    with contextlib.suppress(BufferError):  # who left the loop early still looks at it: it goes with that
                        window.release()
                        mapped.close()

    def _extents(self, at: int, end: int) -> Iterator[tuple[int, int]]:
        """Start and end of every extent of data, holes left out where the file system knows them."""
        first = at
        while at < end:
            try:
                start = os.lseek(self._file.fileno(), at, os.SEEK_DATA)
            except OSError as error:
                if error.errno != errno.ENXIO:  # ENXIO: nothing but a hole up to the end
                    yield at, end
                return
            at = os.lseek(self._file.fileno(), start, os.SEEK_HOLE)
            start += (first - start) % 4  # where the file system's blocks are not a whole number of words from `first`
            if start < min(at, end):
                yield start, min(at, end)

    def fileno(self) -> int:
        """The file's number with the system."""
        return self._file.fileno()

    def stat(self) -> os.stat_result:
        """What the system knows of the file."""
        return os.fstat(self.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def open_dump(path: str | os.PathLike[str], stdin: BinaryIO | None = None) -> Dump:
    """Open a dump file; `-` stands for `stdin`, which is spooled to a temporary file.

    Raises DumpError for anything that is no readable file with bytes in it. A FIFO is not opened: that could wait for ever.
    """
    name = os.fspath(path)
    if name == "-":
        if stdin is None:
            raise DumpError("-: there is no standard input here", "name a file")
        dump = FileDump(spooled_once(stdin, "<stdin>"), "<stdin>", is_spooled=True)
    else:
        file = _open(name)
        try:
            dump = FileDump(file, name)
        except OSError:  # a file of /proc that is made as it is read, and has no end to seek
            with file:
                dump = FileDump(spooled(file, name), name, is_spooled=True)
    if dump.size == 0:
        dump.close()
        raise DumpError(f"{dump.name}: is empty", "check the command that wrote it")
    return dump


def _open(name: str) -> BinaryIO:
    if not name:
        raise DumpError("a file is wanted, and its name is empty", "name it, or - for standard input")
    try:
        mode = os.stat(name).st_mode
        if stat.S_ISDIR(mode):
            raise DumpError(f"{name}: is a directory", "name the dump file in it")
        if stat.S_ISFIFO(mode):
            raise DumpError(f"{name}: is a FIFO", f"pipe it in: kinfo ... - < {name}")
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
            raise DumpError(f"{name}: is neither a file nor a block device", "copy the memory to a file first")
        return open(name, "rb")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DumpError(f"{name}: {reason}", "check the path and its permissions") from error
