"""Where byte strings lie in all of a dump: read once for several of them, a piece at a time that stays in the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from kinfo.memory.dump import Dump

_PIECE = 1 << 16


def places(dump: Dump, wanted: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    """Offset of each place where one of the byte strings lies, with the string; piece by piece in order.

    `wanted` have two bytes or more, and hold something other than zeros. What lies across two windows that meet is found too;
    what reaches into a hole is not.
    """
    more = max(map(len, wanted)) - 1
    zeros = bytes(_PIECE + more)
    kept, kept_end = b"", 0
    for start, window in dump.windows():
        if kept and kept_end == start:
            yield from _across(start, kept, bytes(window[:more]), wanted)
        for first in range(0, len(window), _PIECE):
            piece = bytes(window[first : first + _PIECE + more])  # what begins in a piece is whole in it
            if piece != zeros[: len(piece)]:
                yield from ((start + first + at, text) for text in wanted for at in _all(piece, text))
        kept, kept_end = bytes(window[-more:]), start + len(window)


def _across(start: int, before: bytes, behind: bytes, wanted: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    """What begins before an offset and ends behind it."""
    for text in wanted:
        ahead = before[1 - len(text) :]
        seam = ahead + behind[: len(text) - 1]
        yield from ((start - len(ahead) + at, text) for at in _all(seam, text))


def _all(piece: bytes, text: bytes) -> Iterator[int]:
    """Where a text begins among the first bytes of a piece."""
    at = piece.find(text) if _has(piece, text) else -1
    while 0 <= at < _PIECE:
        yield at
        at = piece.find(text, at + 1)


def _has(piece: bytes, text: bytes) -> bool:
    memmem = _memmem()
    return text in piece if memmem is None else bool(memmem(piece, len(piece), text, len(text)))


@cache
def _memmem() -> Callable[[bytes, int, bytes, int], int | None] | None:
    """C's memmem: several times as fast as `in`, which stops at every zero where the text has one."""
    import ctypes

    try:
        find = ctypes.CDLL(None).memmem
    except (AttributeError, OSError, TypeError):
        return None
    find.restype, find.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)
    return find
