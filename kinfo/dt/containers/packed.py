"""Compressed data, unpacked up to a limit: gzip, zlib, xz, lzma, bzip2, zstd, lz4 (frame and the legacy form of `lz4 -l`)."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.containers.piece import Data, Piece
from kinfo.errors import BombError, TreeError

LIMIT = 128 << 20  # bytes; kernels with their trees are far below
_XZ_MEMORY = 256 << 20  # bytes that its dictionary may take
_GZIP, _XZ, _ZSTD = b"\x1f\x8b\x08", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"
_LZ4_FRAME, _LZ4_LEGACY = b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18"
_LEGACY_BLOCK = 8 << 20  # bytes that a block of the legacy form unpacks to at most
_BZIP2 = tuple(b"BZh%d1AY&SY" % level for level in range(1, 10))
_LZMA = b"\x5d\0\0"  # lc 3, lp 0, pb 2, as every tool writes it, and a dictionary of whole 64 KiB
_NAMES = {_GZIP: "gzip", _XZ: "xz", _ZSTD: "zstd", _LZ4_FRAME: "lz4", _LZ4_LEGACY: "lz4"}


def matches(data: Data) -> bool:
    """Whether the data begins like one of them."""
    return compression(data) is not None


def compression(data: Data) -> str | None:
    """The name of the compression that the data begins with."""
    head = bytes(data[:13])
    if head.startswith(_BZIP2):
        return "bzip2"
    if head.startswith(_LZMA) and _is_lzma(head):
        return "lzma"
    return next((name for magic, name in _NAMES.items() if head.startswith(magic)), None)


def _is_lzma(head: bytes) -> bool:
    """Whether the 13 bytes of the header make sense: it has no magic. The size is -1 where the writer did not know it."""
    dictionary, size = int.from_bytes(head[1:5], "little"), int.from_bytes(head[5:13], "little")
    return len(head) == 13 and 1 << 16 <= dictionary <= _XZ_MEMORY and (size == (1 << 64) - 1 or size < 1 << 40)


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

    reader = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
    unpacked = reader.decompress(bytes(data), LIMIT + 1)
    return unpacked, len(data) - len(reader.unused_data)


def _lzma(data: Data) -> tuple[bytes, int]:
    import lzma

    reader = lzma.LZMADecompressor(format=lzma.FORMAT_ALONE, memlimit=_XZ_MEMORY)
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

    if bytes(data[:4]) == _LZ4_LEGACY:
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
