"""Blobs back to back, or behind a kernel: found by their magic, believed when their header fits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kinfo.dt.blob import header_of
from kinfo.dt.containers.piece import Data, Piece
from kinfo.errors import TreeError

_MAGIC = rb"\xd0\x0d\xfe\xed"
_MAX_MISSES = 20_000  # a kernel has a few
_FIRST_TAGS = (b"\0\0\0\1", b"\0\0\0\4")  # a node begins, or NOP


def matches(data: Data) -> bool:
    """Anything may hold blobs."""
    del data
    return True


def pieces(data: Data) -> Iterator[Piece]:
    """Every blob whose header fits itself and the data: a kernel has the magic in its code, too."""
    at, behind, misses = 0, 0, 0
    magic = re.compile(_MAGIC)
    while (hit := magic.search(data, at)) is not None:
        offset = hit.start()
        at = offset + 4
        header = header_of(data, offset) if offset % 4 == 0 or offset == behind else None
        if header is None or not _begins(data, offset + header.off_struct):
            misses += 1
            if misses > _MAX_MISSES:
                raise TreeError(f"holds the magic of a blob more than {_MAX_MISSES} times, and no blob", "name a part of it")
            continue
        size = min(header.totalsize, len(data) - offset)
        at = behind = offset + max(size, 4)
        yield Piece(memoryview(data)[offset:at], f"blob at {offset:#x}")


def _begins(data: Data, offset: int) -> bool:
    return bytes(data[offset : offset + 4]) in _FIRST_TAGS
