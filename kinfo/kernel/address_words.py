"""Where words that can be an address stand in text: 16 hexadecimal digits (8 of 32-bit kernels), or 0x and six or more.

Bytes are made their kind first, and kinds are looked for as bytes are: a pattern that is tried at every word takes ten times
as long.
"""

from __future__ import annotations

import re
from itertools import accumulate

_FEWEST = 6  # digits behind 0x
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

    def find(self, text: bytes) -> list[tuple[int, int]]:
        """Where each begins and ends, in order."""
        kinds = b".%b." % text.translate(_KINDS)  # what is before a word in `kinds` is where it begins in the text
        found = [(start, start + self._digits) for start in _places(kinds, b".%b." % self._run)]
        if marked := _places(kinds, b".h" + self._marked_run):
            found += [one.span() for start in marked if (one := _MARKED.match(text, start))]
            found.sort()
        return found


def _places(kinds: bytes, wanted: bytes) -> list[int]:
    """Where each is, in order; the last byte of one can be the next one's first."""
    if wanted + wanted[1:] not in kinds:
        *pieces, _ = kinds.split(wanted)  # a step for each in C alone
        return [before + number * len(wanted) for number, before in enumerate(accumulate(map(len, pieces)))]
    found, at = [], kinds.find(wanted)
    while at >= 0:
        found.append(at)
        at = kinds.find(wanted, at + len(wanted) - 1)
    return found
