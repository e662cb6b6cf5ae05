"""Every magic of what lies in reserved memory, found in one pass over a dump."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice

from kinfo.memory import Dump
from kinfo.named import NamedTuple
from kinfo.record.layouts import MAGICS as RECORD_MAGICS
from kinfo.record.word_search import PieceWords
from kinfo.regions.ramoops.zone import MAGIC as ZONE

_AT_ONCE = 1 << 18  # bytes: what was read for one magic is in the cache for the next
_STRIDE_TO_LIST = 1024  # from here on, looking at each place is faster than at every word
_MOST = 4096  # places of a magic that are kept: a dump with more is made of them


class Magic(NamedTuple):
    """What begins with these bytes, at a multiple of `step` bytes."""

    name: str
    raw: bytes
    step: int


RECORD, RAMOOPS, TREE, TRACE = "record", "ramoops", "devicetree", "trace"
MAGICS = (
    *(Magic(RECORD, magic.to_bytes(4, "little"), 4) for magic in RECORD_MAGICS),
    Magic(RAMOOPS, ZONE, 2),
    Magic(TREE, b"\xd0\x0d\xfe\xed", 8),  # FDT_MAGIC, big-endian; the kernel wants blobs at 8 bytes
    Magic(
        TRACE, (0xBADFEED).to_bytes(4, "little"), 4096
    ),  # RING_BUFFER_META_MAGIC, kernel/trace/ring_buffer.c, 6.12 and later
)


_WORDS = {magic: int.from_bytes(magic.raw, sys.byteorder) for magic in MAGICS}


def search(source: Dump) -> dict[str, list[int]]:
    """The places of each name's magics, in order."""
    found: dict[str, set[int]] = {magic.name: set() for magic in MAGICS}
    for offset, window in source.windows():
        for start in range(0, len(window), _AT_ONCE):
            with window[start : start + _AT_ONCE + 4] as piece:  # with the word in which a zone's signature may end
                for magic in _magics_in(piece, offset + start):
                    places = found[magic.name]
                    places.update(islice(_places(bytes(piece), offset + start, magic), max(_MOST - len(places), 0)))
        seam = max(offset + len(window) // 4 * 4 - 2, offset)
        behind = source.read(seam, 8)  # a zone may begin there, and go on in the next window
        found[RAMOOPS].update(seam + at for at in range(0, 5, 2) if behind[at : at + 4] == ZONE)
    return {name: sorted(places) for name, places in found.items()}


def _magics_in(piece: memoryview, at: int) -> list[Magic]:
    """Those that may lie in a piece of the dump, which lies at `at`, a multiple of 4. What one reads, the next has cached."""
    with piece[: _whole(len(piece))] as whole:
        words = PieceWords(whole)
        with piece[2 : 2 + _whole(min(words.size + 4, len(piece)) - 2)] as between:
            odd = PieceWords(between)
            return [magic for magic in MAGICS if _may_be_in(magic, words, odd, whole, at)]


def _whole(size: int) -> int:
    return max(size, 0) // 4 * 4


def _may_be_in(magic: Magic, words: PieceWords, odd: PieceWords, piece: memoryview, at: int) -> bool:
    word = _WORDS[magic]
    if magic.step >= _STRIDE_TO_LIST:
        with piece[min(-at % magic.step, len(piece)) :] as rest, rest.cast("I") as all_, all_[:: magic.step // 4] as some:
            return word in some.tolist()
    return words.has(word) or (magic.step == 2 and odd.has(word))


def _places(piece: bytes, at: int, magic: Magic) -> Iterator[int]:
    one = piece.find(magic.raw)
    while one >= 0:
        if (at + one) % magic.step == 0:
            yield at + one
        one = piece.find(magic.raw, one + 1)
