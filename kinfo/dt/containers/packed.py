"""Compressed data, unpacked up to a limit: gzip, zlib, xz, lzma, bzip2, zstd, lz4 (frame and the legacy form of `lz4 -l`)."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.containers.piece import Data, Piece
from kinfo.errors import BombError, TreeError
from kinfo.sources import kinds
from kinfo.sources.recognise import XZ_MEMORY, packing

LIMIT = 128 << 20  # bytes; kernels with their trees are far below
_HEAD = 16  # bytes that tell
_LEGACY_BLOCK = 8 << 20  # bytes that a block of the legacy form unpacks to at most


def matches(data: Data) -> bool:
    """Whether the data begins like one of them."""
    return compression(data) is not None


def compression(data: Data) -> str | None:
    """The name of the compression that the data begins with."""
    kind = packing(bytes(data[:_HEAD]))
    return None if kind is None or kind is kinds.ZIP else "lz4" if kind is kinds.LZ4_LEGACY else kind.name


def pieces(data: Data) -> Iterator[Piece]:
    """What is packed; and what stands behind it, as in Image.gz-dtb."""
    name = compression(data) or ""
    unpacked, behind = unpack(data, name)
    if len(behind) >= 8:
        yield Piece(behind, f"behind the {name} data")
    yield Piece(unpacked, name)


def unpack(data: Data, name: str) -> tuple[bytes, memoryview]:
    """The data unpacked, and what is left behind it. Raises TreeError for damage, an unknown name, and more than LIMIT."""
    reader = _READERS.get(name)
    if reader is None:
        raise TreeError(f"its compression {name!r} is not known", f"known are {', '.join(_READERS)}: unpack it first")
    try:
        unpacked, used = reader(data)
    except TreeError:
        raise
    except Exception as error:  # each library has exceptions of its own, and hostile data finds others
        raise TreeError(f"its {name} data is damaged or cut off: {error}", "get it again") from error
    if len(unpacked) > LIMIT:
        raise BombError(f"its {name} data unpacks to more than {LIMIT >> 20} MiB", "unpack it first, if it is no bomb")
    return unpacked, memoryview(data)[used:]


def _zlib(data: Data) -> tuple[bytes, int]:
    import zlib

    reader = zlib.decompressobj(wbits=47)  # 32: zlib or gzip, by the header
    unpacked = reader.decompress(data, LIMIT + 1)
    if not reader.eof and len(unpacked) <= LIMIT:
        raise TreeError("its gzip or zlib data is cut off", "get it again")
    return unpacked, len(data) - len(reader.unused_data)


def _xz(data: Data) -> tuple[bytes, int]:
    import lzma

    reader = lzma.LZMADecompressor(memlimit=XZ_MEMORY)
    unpacked = reader.decompress(bytes(data), LIMIT + 1)
    return unpacked, len(data) - len(reader.unused_data)


def _lzma(data: Data) -> tuple[bytes, int]:
    import lzma

    reader = lzma.LZMADecompressor(format=lzma.FORMAT_ALONE, memlimit=XZ_MEMORY)
    unpacked = reader.decompress(bytes(data), LIMIT + 1)
    return unpacked, len(data) - len(reader.unused_data)


def _bzip2(data: Data) -> tuple[bytes, int]:
    import bz2

    reader = bz2.BZ2Decompressor()
    unpacked = reader.decompress(bytes(data), LIMIT + 1)
    if not reader.eof and len(unpacked) <= LIMIT:
        raise TreeError("its bzip2 data is cut off", "get it again")
    return unpacked, len(data) - len(reader.unused_data)


def _zstd(data: Data) -> tuple[bytes, int]:
    import zstandard

    reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(data)
    return reader.read(LIMIT + 1), len(data)


def _lz4(data: Data) -> tuple[bytes, int]:
    import lz4.frame

    if packing(bytes(data[:_HEAD])) is kinds.LZ4_LEGACY:
        return _lz4_legacy(data)
    reader = lz4.frame.LZ4FrameDecompressor()
    unpacked: bytes = reader.decompress(bytes(data), max_length=LIMIT + 1)
    return unpacked, len(data) - len(reader.unused_data or b"")


def _lz4_legacy(data: Data) -> tuple[bytes, int]:
    import lz4.block

    parts: list[bytes] = []
    at, total = 4, 0
    while at + 4 <= len(data) and total <= LIMIT:
        size = int.from_bytes(data[at : at + 4], "little")
        if not 0 < size <= len(data) - at - 4 or size > 2 * _LEGACY_BLOCK:
            break  # what follows is no block: appended trees, or the end
        parts.append(lz4.block.decompress(bytes(data[at + 4 : at + 4 + size]), uncompressed_size=_LEGACY_BLOCK))
        total += len(parts[-1])
        at += 4 + size
        if len(parts[-1]) < _LEGACY_BLOCK:
            break  # the last block
    if not parts:
        raise TreeError("its lz4 data has no block", "get it again")
    return b"".join(parts), at


_READERS = {"gzip": _zlib, "zlib": _zlib, "xz": _xz, "lzma": _lzma, "bzip2": _bzip2, "zstd": _zstd, "lz4": _lz4}
