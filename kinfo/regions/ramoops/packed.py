"""Which compression a record has, and the record unpacked.

Nothing says which: it is what the kernel was built or booted with. Deflate without a header since 4.9 (and nothing else
since 6.6), with zlib's header before; since 4.9 also lzo and lz4 (a block without a frame), since 4.13 lz4hc and 842, since
4.19 zstd. What unpacks to a text whose first line is a record's was packed so.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable

_ZSTD_WINDOW = 1 << 27


def unpack(body: bytes, room: int, first_line: re.Pattern[bytes]) -> tuple[bytes, str, str]:
    """The text, the compression's name and ""; or the bytes as they are, the name ("" not known), and why.

    At most `room` bytes are unpacked: more is no record.
    """
    why = ""
    for name, reader in _READERS:
        try:
            text = reader(body, room)
        except Exception as error:  # noqa: BLE001  # each library has exceptions of its own, and noise finds others
            if name == _by_magic(body):
                return body, name, f"its {name} data is damaged or cut off: {error}"
            continue
        if len(text) > room:
            why = f"its {name} data unpacks to more than {room} bytes"
        elif first_line.match(text):
            return text, name, ""
    if name := _left_packed(body, first_line):
        return body, name, f"it is packed with {name}, which kinfo does not unpack"
    return body, "", why or "it is damaged, or packed in a way that is not known"


def _by_magic(body: bytes) -> str:
    return "zstd" if body.startswith(b"\x28\xb5\x2f\xfd") else ""


def _zstd(body: bytes, room: int) -> bytes:
    if _by_magic(body) != "zstd":
        raise ValueError("no zstd frame")
    import zstandard

    return zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).stream_reader(body).read(room + 1)


def _inflate(wbits: int) -> Callable[[bytes, int], bytes]:
    def reader(body: bytes, room: int) -> bytes:
        inflater = zlib.decompressobj(wbits=wbits)
        text = inflater.decompress(body, room + 1)
        if not inflater.eof and len(text) <= room:
            raise ValueError("it is cut off")
        return text

    return reader


def _lz4(body: bytes, room: int) -> bytes:
    import lz4.block

    text: bytes = lz4.block.decompress(body, uncompressed_size=room)
    return text


_READERS: tuple[tuple[str, Callable[[bytes, int], bytes]], ...] = (
    ("zstd", _zstd),
    ("zlib", _inflate(15)),
    ("deflate", _inflate(-15)),
    ("lz4", _lz4),
)


def _left_packed(body: bytes, first_line: re.Pattern[bytes]) -> str:
    """The name of a compression that is not unpacked here: both begin with the text's first bytes as they are."""
    if first_line.match(_lzo_literals(body)):
        return "lzo"
    # 842: five bits, 0 for "8 bytes follow as they are" (lib/842/842.h), most significant bit first: so "Panic#1 " and more.
    words = int.from_bytes(body[:26], "big")
    shown = b""
    for word in range(3):
        shift = 208 - (word + 1) * 69
        if shift < 0 or words >> (shift + 64) & 31:
            break
        shown += (words >> shift & (1 << 64) - 1).to_bytes(8, "big")
    return "842" if re.match(rb"[A-Z][A-Za-z ]{2,20}#\d{1,10} ", shown) else ""


def _lzo_literals(body: bytes) -> bytes:
    """The bytes with which lzo1x data begins as they are (lib/lzo/lzo1x_decompress_safe.c).

    A first byte above 17 is 17 + how many follow, one below 16 is 3 less; 0 stands for 15 and the next byte's number.
    """
    if not body or 16 <= body[0] <= 17:
        return b""
    if body[0]:
        return body[1 : 1 + (body[0] - 17 if body[0] > 17 else body[0] + 3)]
    return body[2 : 2 + 18 + body[1]] if len(body) > 1 else b""
