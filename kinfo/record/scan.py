"""Where in a dump records may be: every place of the magic, at page boundaries or at every word.

The binding puts the record at the start of a page-aligned region, so pages come first; every word is for dumps that were cut
or wrapped. What a magic is worth is for `locate` to say.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from functools import cache

from kinfo.record.layouts import MAGICS
from kinfo.typed import Protocol

PAGE = 4096
NEAR_MAGICS = frozenset(magic ^ 1 << bit for magic in MAGICS for bit in range(32))  # one flipped bit away from a magic
WORD = 4
_STRIDE_TO_LIST = 1024  # from here on, listing the words is faster than looking at every one
_PIECE = 1 << 18  # bytes looked at in one go: they stay in the cache
_ZEROS = bytes(_PIECE)


class ByteSource(Protocol):
    """What the record library needs of a dump."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def held(self) -> int: ...
    def read(self, offset: int, size: int) -> bytes: ...
    def windows(self) -> Iterator[tuple[int, memoryview]]: ...


def is_magic(word: int) -> bool:
    """Whether a word is a magic, but for one bit."""
    return word in MAGICS or word in NEAR_MAGICS


def near_magic_offsets(source: ByteSource) -> Iterator[int]:
    """Offsets of every word at a page's start that is one flipped bit away from a magic, in order.

    Pages only: that is where regions begin, and looking at every word of a big dump would take much longer.
    """
    near = _native(NEAR_MAGICS)
    for start, listed in _pages(source):
        if not near.isdisjoint(listed):
            yield from (start + index * PAGE for index, word in enumerate(listed) if word in near)


def page_magics(source: ByteSource, near: list[int]) -> Iterator[int]:
    """As `magic_offsets` at pages; those of `near_magic_offsets` are put into `near`, so that one walk finds both."""
    wanted, wanted_near = _native(MAGICS), _native(NEAR_MAGICS)
    either = wanted | wanted_near
    for start, listed in _pages(source):
        if either.isdisjoint(listed):
            continue
        near += [start + index * PAGE for index, word in enumerate(listed) if word in wanted_near]
        yield from (start + index * PAGE for index, word in enumerate(listed) if word in wanted)


def _pages(source: ByteSource) -> Iterator[tuple[int, list[int]]]:
    """The first word of every page, a window at a time: offset of the first page, and the words."""
    for offset, window in source.windows():
        skip = -offset % PAGE
        yield offset + skip, _listed(window[skip:][: max(len(window) - skip, 0) // WORD * WORD], PAGE)


def _listed(window: memoryview, step: int) -> list[int]:
    """The words at every `step` bytes of a window of whole words."""
    with window.cast("I") as words, words[:: step // WORD] as strided:
        return strided.tolist()


def _native(magics: Collection[int]) -> frozenset[int]:
    """Little-endian words as this machine reads them."""
    return frozenset(magics if sys.byteorder == "little" else map(_swapped, magics))


def _swapped(word: int) -> int:
    return int.from_bytes(word.to_bytes(4, "little"), "big")


def magic_offsets(source: ByteSource, step: int = PAGE, *, swapped: bool = False) -> Iterator[int]:
    """Offsets of every magic that lies at a multiple of `step` bytes (itself a multiple of 4), in order.

    `swapped` looks for the magic with its four bytes reversed.
    """
    is_native = (sys.byteorder == "little") != swapped
    wanted = [magic if is_native else int.from_bytes(magic.to_bytes(4, "little"), "big") for magic in MAGICS]
    for offset, window in source.windows():
        skip = -offset % step
        for index in _places(window[skip:], step, wanted):
            yield offset + skip + index * step


def _places(window: memoryview, step: int, wanted: list[int]) -> Iterator[int]:
    """Indices of the wanted words among the words at every `step` bytes."""
    window = window[: len(window) // WORD * WORD]
    if step < _STRIDE_TO_LIST:
        stride = step // WORD
        yield from (index // stride for index in word_places(window, wanted) if index % stride == 0)
        return
    listed = _listed(window, step)
    yield from sorted(index for magic in wanted if magic in listed for index in _all(listed, magic))


def _all(listed: list[int], magic: int) -> Iterator[int]:
    return (index for index, word in enumerate(listed) if word == magic)


def word_places(window: memoryview, wanted: Collection[int]) -> Iterator[int]:
    """Indices of the wanted words, none of them 0, among all of a window of whole words, in order."""
    for start in range(0, len(window), _PIECE):
        piece = bytes(window[start : start + _PIECE])
        if piece != _ZEROS[: len(piece)] and any(has_word(piece, word) for word in wanted):
            words = memoryview(piece).cast("I")
            yield from (start // WORD + index for index, word in enumerate(words) if word in wanted)


def has_word(piece: bytes, word: int) -> bool:
    """Whether a word may be among those of some bytes; False is certain."""
    find = _finder()
    return word.to_bytes(WORD, sys.byteorder) in piece if find is None else bool(find(piece, word, len(piece) // WORD))


@cache
def _finder() -> Callable[[bytes, int, int], int | None] | None:
    """C's wmemchr, where a wide character is a word: ten times as fast as `in`, and numpy takes 0.1 s to import."""
    import ctypes

    if ctypes.sizeof(ctypes.c_wchar) != WORD:
        return None
    try:
        find = ctypes.CDLL(None).wmemchr
    except (AttributeError, OSError, TypeError):
        return None
    find.restype, find.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_uint32, ctypes.c_size_t)
    return find
