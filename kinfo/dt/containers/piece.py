"""What containers hold, and how they are read without trusting them."""

from __future__ import annotations

from kinfo.errors import TreeError
from kinfo.named import NamedTuple

Data = bytes | memoryview


class Piece(NamedTuple):
    """Bytes out of a container, and what they are called there; `error` where they cannot be had."""

    data: Data
    called: str
    error: TreeError | None = None


def cut(data: Data, offset: int, size: int, what: str) -> memoryview:
    """`size` bytes at `offset`. Raises TreeError, with `what` they are, where the data ends before."""
    if offset + size > len(data):
        raise TreeError(
            f"{what} at {offset:#x} has {size} bytes, beyond the end at {len(data):#x}", "it is cut off: get it again"
        )
    return memoryview(data)[offset : offset + size]
