"""Where in a dump records may be: every place of the magic, at page boundaries or at every word.

The binding puts the record at the start of a page-aligned region, so pages come first; every word is for dumps that were cut
or wrapped. What a magic is worth is for `locate` to say.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from functools import cache

from kinfo.record.layouts import MAGICS
from kinfo.record.word_search import PieceWords
from kinfo.typed import Protocol

PAGE = 4096
NEAR_MAGICS = frozenset(magic ^ 1 << bit for magic in MAGICS for bit in range(32))  # one flipped bit away from a magic
WORD = 4
_STRIDE_TO_LIST = 1024  # from here on, listing the words is faster than looking at every one
_PIECE = 1 << 18  # bytes looked at in one go: they stay in the cache


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
    for start, listed in _pages(source):
        yield from _near(start, listed)


def _near(start: int, listed: list[int]) -> list[int]:
    near = _native(NEAR_MAGICS)
    return [] if near.isdisjoint(listed) else [start + index * PAGE for index, word in enumerate(listed) if word in near]


def page_magics(source: ByteSource, near: list[int]) -> Iterator[int]:
    """As `magic_offsets` at pages; those of `near_magic_offsets` are put into `near`, so that one walk finds both."""
    wanted = _native(MAGICS)
    either = wanted | _native(NEAR_MAGICS)
    for start, listed in _pages(source):
        if not either.isdisjoint(listed):
            near += _near(start, listed)
            yield from (start + index * PAGE for index, word in enumerate(listed) if word in wanted)


def _pages(source: ByteSource) -> Iterator[tuple[int, list[int]]]:
    """The first word of every page, a window at a time: offset of the first page, and the words."""
    return (_pages_of(offset, window) for offset, window in source.windows())


def _pages_of(offset: int, window: memoryview) -> tuple[int, list[int]]:
    skip = -offset % PAGE
    return offset + skip, _listed(window[skip:][: max(len(window) - skip, 0) // WORD * WORD], PAGE)


def _listed(window: memoryview, step: int) -> list[int]:
    """The words at every `step` bytes of a window of whole words."""
    with window.cast("I") as words, words[:: step // WORD] as strided:
        return strided.tolist()


@cache
def _native(magics: tuple[int, ...] | frozenset[int]) -> frozenset[int]:
    """Little-endian words as this machine reads them."""
    return frozenset(magics if sys.byteorder == "little" else map(_swapped, magics))


def _swapped(word: int) -> int:
    return int.from_bytes(word.to_bytes(4, "little"), "big")


def magic_offsets(
    source: ByteSource, step: int = PAGE, *, swapped: bool = False, near: list[int] | None = None
) -> Iterator[int]:
    """Offsets of every magic that lies at a multiple of `step` bytes (itself a multiple of 4), in order.

    `swapped` looks for the magic with its four bytes reversed. `near` gets those of `near_magic_offsets`, in the same walk.
    """
    is_native = (sys.byteorder == "little") != swapped
    wanted = [magic if is_native else int.from_bytes(magic.to_bytes(4, "little"), "big") for magic in MAGICS]
    for offset, window in source.windows():
        if near is not None:
            near += _near(*_pages_of(offset, window))
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
        with window[start : start + _PIECE] as piece:
            some = PieceWords(piece)
            found = bytes(piece) if any(some.has(word) for word in wanted) else b""
        words = memoryview(found).cast("I")
        yield from (start // WORD + index for index, word in enumerate(words) if word in wanted)
