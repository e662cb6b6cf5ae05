"""Where in a dump records may be: every place of the magic, at page boundaries or at every word.

The binding puts the record at the start of a page-aligned region, so pages come first; every word is for dumps that were cut
or wrapped. What a magic is worth is for `locate` to say.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Protocol

from kinfo.record.layouts import MAGICS

PAGE = 4096
NEAR_MAGICS = frozenset(magic ^ 1 << bit for magic in MAGICS for bit in range(32))  # one flipped bit away from a magic
WORD = 4
_STRIDE_WITHOUT_NUMPY = 1024  # from here on, listing the words is faster than importing numpy


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
    near = NEAR_MAGICS if sys.byteorder == "little" else {_swapped(magic) for magic in NEAR_MAGICS}
    for offset, window in source.windows():
        skip = -offset % PAGE
        with window[skip:][: max(len(window) - skip, 0) // WORD * WORD].cast("I") as words, words[:: PAGE // WORD] as strided:
            listed = strided.tolist()
        if not near.isdisjoint(listed):
            yield from (offset + skip + index * PAGE for index, word in enumerate(listed) if word in near)


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
    with window[: len(window) // WORD * WORD].cast("I") as words:
        if step >= _STRIDE_WITHOUT_NUMPY:
            with words[:: step // WORD] as strided:
                listed = strided.tolist()
            found = sorted(index for magic in wanted if magic in listed for index in _all(listed, magic))
        else:
            found = _with_numpy(words, step, wanted)
    yield from found


def _all(listed: list[int], magic: int) -> Iterator[int]:
    return (index for index, word in enumerate(listed) if word == magic)


def _with_numpy(words: memoryview, step: int, wanted: list[int]) -> list[int]:
    import numpy as np

    found: list[int] = []
    lane = np.frombuffer(words, dtype=np.uint32)[:: step // WORD]
    for start in range(0, len(lane), 1 << 18):  # 1 MiB at a time: the comparison's result stays in the cache
        part = lane[start : start + (1 << 18)]
        for magic in wanted:
            hits = part == np.uint32(magic)
            if hits.any():
                found += (np.flatnonzero(hits) + start).tolist()
    return sorted(found)
