"""Compressed dumps: unpacked once into a sparse file, within a limit: one without a name, or one that is kept."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable

from kinfo import notices
from kinfo.errors import DumpError
from kinfo.memory.dump import Dump, FileDump
from kinfo.sources import cache, kinds
from kinfo.sources.kinds import FileKind
from kinfo.typed import IO, Any, cast

SPILL_LIMIT = 16 << 30  # bytes unpacked; larger dumps are unpacked by the user, once, to a disk of their choice
DISK_LEFT = 1 << 30  # bytes that stay free on the disk of the spill file
_CHUNK = 1 << 20
_ZERO = bytes(_CHUNK)
_BLOCK = 1 << 16  # all-zero blocks of this size become holes of the sparse file


def unpack(dump: Dump, kind: FileKind) -> Dump:
    """The dump in a compressed one, of which `kind` says how.

    Raises DumpError for compressions that are not read here, damaged data, and what is too large to unpack here; each names
    the command that unpacks it.
    """
    keep = cache.current()
    if keep and (kept := keep.find(dump)):
        notices.tell(f"{dump.name}: was unpacked before, and is read from {keep.folder}")
        return _unpacked(kept, dump, kind)
    spill = keep.spill(dump) if keep else None
    if keep and spill:
        with contextlib.suppress(_FullError):  # then it is unpacked as if there were no cache
            return _kept(dump, kind, keep, spill)
    file = tempfile.TemporaryFile()  # noqa: SIM115  # FileDump.close closes it
    try:
        _fill(dump, kind, file, tempfile.gettempdir())
    except _FullError:
        file.close()
        where = tempfile.gettempdir()
        raise DumpError(f"{dump.name}: the disk of {where} is too full to unpack it", hint_of(dump, kind)) from None
    except BaseException:
        file.close()
        raise
    return _unpacked(file, dump, kind)


class _FullError(Exception):
    """The disk has no room for what is unpacked."""


def _kept(dump: Dump, kind: FileKind, keep: cache.Cache, spill: cache.Spill) -> Dump:
    """Unpacked into the cache. Raises _FullError where that has no room."""
    try:
        size = _fill(dump, kind, spill.file, keep.folder)
    except BaseException:
        spill.drop()
        raise
    if keep.keep(dump, spill, size):
        notices.tell(f"{dump.name}: unpacked, and kept in {keep.folder} for the next command (--no-cache: it is not)")
    return _unpacked(spill.file, dump, kind)


def _unpacked(file: IO[bytes], dump: Dump, kind: FileKind) -> Dump:
    dump.close()
    unpacked = FileDump(cast("Any", file), dump.name)
    unpacked.packed = kind.unpack
    return unpacked


def _fill(dump: Dump, kind: FileKind, file: IO[bytes], folder: str) -> int:
    """Unpack into a file of a folder; how many bytes that is. Raises DumpError, _FullError."""
    hint = hint_of(dump, kind)
    source = _DumpFile(dump)
    try:
        with _stream(source, dump, kind, hint) as stream, notices.progress(f"unpacking {dump.name}", dump.size) as done:
            size = 0
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                if size > SPILL_LIMIT:
                    raise DumpError(f"{dump.name}: unpacks to more than {SPILL_LIMIT >> 30} GiB", hint)
                if shutil.disk_usage(folder).free < DISK_LEFT:
                    raise _FullError
                _write_sparse(file, chunk)
                done(source.tell())
            _end(file, size)
            return size
    except (DumpError, _FullError):
        raise
    except Exception as error:
        if damage := _damage(error, dump.name, hint):
            raise damage from error
        raise


def hint_of(dump: Dump, kind: FileKind) -> str:
    """What a user types to unpack it."""
    tool = kind.unpack.partition(" ")[0]
    return f"pipe it through {tool} -dc first" if dump.name == "<stdin>" else f"unpack it first: {kind.unpack} {dump.name}"


def head(dump: Dump, kind: FileKind, size: int) -> bytes:
    """The first bytes of what is in a compressed dump, up to `size`. Raises DumpError as `unpack` does."""
    hint = hint_of(dump, kind)
    try:
        with _stream(_DumpFile(dump), dump, kind, hint) as stream:
            return stream.read(size)
    except Exception as error:
        if damage := _damage(error, dump.name, hint):
            raise damage from error
        raise


def _damage(error: BaseException, name: str, hint: str) -> DumpError | None:
    """What a decompressor's error means for a dump; None for other errors."""
    if isinstance(error, (EOFError, OSError, RuntimeError, zlib.error, *_other_errors())):
        return DumpError(f"{name}: is compressed, and damaged or cut off: {error}", hint)
    return None


def _other_errors() -> tuple[type[Exception], ...]:
    import lzma

    import zstandard

    return lzma.LZMAError, zstandard.ZstdError


def _stream(source: _DumpFile, dump: Dump, kind: FileKind, hint: str) -> IO[bytes]:
    reader = _READERS.get(kind.name)
    if reader is None:
        raise DumpError(f"{dump.name}: is compressed with {kind.name}", hint)
    return reader(cast("IO[bytes]", source))


def _gzip(source: IO[bytes]) -> IO[bytes]:
    import gzip

    return cast("IO[bytes]", gzip.GzipFile(fileobj=source))


def _xz(source: IO[bytes]) -> IO[bytes]:
    import lzma

    return cast("IO[bytes]", lzma.LZMAFile(source))  # .lzma too


def _bzip2(source: IO[bytes]) -> IO[bytes]:
    import bz2

    return cast("IO[bytes]", bz2.BZ2File(source))


def _zstd(source: IO[bytes]) -> IO[bytes]:
    import zstandard

    return cast("IO[bytes]", zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True))


def _lz4(source: IO[bytes]) -> IO[bytes]:
    import lz4.frame

    return cast("IO[bytes]", lz4.frame.LZ4FrameFile(source))


_READERS: dict[str, Callable[[IO[bytes]], IO[bytes]]] = {
    kinds.GZIP.name: _gzip,
    kinds.XZ.name: _xz,
    kinds.LZMA.name: _xz,
    kinds.BZIP2.name: _bzip2,
    kinds.ZSTD.name: _zstd,
    kinds.LZ4.name: _lz4,
}


class _DumpFile:
    """A dump as the decompressors want it: a file that is read from start to end."""

    def __init__(self, dump: Dump) -> None:
        self._dump, self._at = dump, 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._dump.read(self._at, self._dump.size if size < 0 else size)
        self._at += len(data)
        return data

    def tell(self) -> int:
        """The place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the place of the next byte."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._dump.size}[whence]
        return self._at

    def seekable(self) -> bool:
        """It is."""
        return True

    def readable(self) -> bool:
        """It is."""
        return True


def _write_sparse(spill: IO[bytes], chunk: bytes) -> None:
    try:
        if _ZERO.startswith(chunk):
            spill.seek(len(chunk), os.SEEK_CUR)
            return
        for at in range(0, len(chunk), _BLOCK):
            block = chunk[at : at + _BLOCK]  # bytes, not a view: they are compared at once, a view's one by one
            if _ZERO.startswith(block):
                spill.seek(len(block), os.SEEK_CUR)
            else:
                spill.write(block)
    except OSError as error:  # the disk, or the user's share of it
        raise _FullError from error


def _end(spill: IO[bytes], size: int) -> None:
    try:
        spill.flush()
        spill.truncate(size)
    except OSError as error:
        raise _FullError from error
