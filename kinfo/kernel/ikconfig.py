"""The configuration that a kernel carries (CONFIG_IKCONFIG, kernel/configs.c): gzip data behind a mark."""

from __future__ import annotations

import zlib

MARK = b"IKCFG_ST"
PACKED_LIMIT = 1 << 20  # bytes that are read of it: a kernel's whole configuration packs to some 60 KB
_UNPACKED_LIMIT = 4 << 20


def unpack(raw: bytes | memoryview) -> str:
    """The configuration's text out of the bytes behind the mark. Raises ValueError where they are damaged."""
    try:
        unpacked = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(raw, _UNPACKED_LIMIT)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    return unpacked.decode("ascii", "replace")
