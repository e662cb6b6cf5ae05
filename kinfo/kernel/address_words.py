"""Where words that can be an address stand in text: 16 hexadecimal digits (8 of 32-bit kernels), or 0x and six or more.

Bytes are made their kind first, and kinds are looked for as bytes are: a pattern that is tried at every word takes ten times
as long.
"""

from __future__ import annotations

import re
from itertools import accumulate, count
from operator import add

_FEWEST = 6  # digits behind 0x
_POINT = ord(".")
_KINDS = bytes(
    ord("x" if chr(byte) in "xX" else "h" if chr(byte) in "0123456789abcdefABCDEF" else "w" if chr(byte).isalnum() else ".")
    if byte < 0x80 and byte != ord("_")
    else ord("w" if byte == ord("_") else ".")
    for byte in range(256)
)
_MARKED = re.compile(rb"0[xX][0-9a-fA-F]{%d,16}\b" % _FEWEST)


class AddressWords:
    """Finds them for kernels whose long has `word` bytes."""

    def __init__(self, word: int) -> None:
        self._digits = 2 * word
        self._run, self._marked_run = b"h" * self._digits, b"x" + b"h" * _FEWEST

    def any(self, text: bytes) -> bool:
        """Whether there may be some; False is certain, whatever counts as a part of a word."""
        kinds = text.translate(_KINDS)
        return self._run in kinds or self._marked_run in kinds

    def find(self, text: bytes) -> tuple[list[int], list[int]]:
        """Where they begin, in order, and where each ends."""
        kinds = b".%b." % text.translate(_KINDS)  # what is before a word in `kinds` is where it begins in the text
        starts = _places(kinds, b".%b." % self._run)
        stops = [start + self._digits for start in starts]
        marked = [one for start in _places(kinds, b".h" + self._marked_run) if (one := _MARKED.match(text, start))]
        if marked:
            starts = sorted(starts + [one.start() for one in marked])
            stops = sorted(stops + [one.end() for one in marked])
        return starts, stops


def _places(kinds: bytes, wanted: bytes) -> list[int]:
    """Where each is, in order: what begins with a point, and can end with one, which can be the next one's first."""
    stem = wanted.rstrip(b".")
    *pieces, _ = kinds.split(stem)  # a step for each in C alone
    found = map(add, accumulate(map(len, pieces)), count(0, len(stem)))
    if stem == wanted:
        return list(found)
    behind = kinds[len(stem) :] + b" "
    return [at for at in found if behind[at] == _POINT]
