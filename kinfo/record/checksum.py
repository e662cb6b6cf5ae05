"""The record's checksum: XOR of the body's 32-bit words.

`update_kernel_all_info()` sums every whole word behind magic and checksum. XOR over zeros changes nothing, so a sum that is
right for one length is right for longer ones over a zero tail: a match alone never decides the layout.
"""

from __future__ import annotations

import sys
from array import array
from enum import Enum
from functools import lru_cache
from itertools import accumulate
from operator import xor

from kinfo.named import NamedTuple

HEAD_SIZE = 8
ALL_ONES = 0xFFFFFFFF


class State(Enum):
    """What the checksum says about a record."""

    VALID = "valid"
    INVERTED = "inverted"  # the LK boot loader read the record once and stored ~sum
    MISMATCH = "mismatch"
    NOT_WRITTEN = "not-written"  # body there, magic or checksum not yet
    ERASED = "erased"  # every byte 00, or every byte ff

    __hash__ = object.__hash__  # not Enum's, which is Python: there is one object of each

    @property
    def verified(self) -> bool:
        """Whether the sum proves the body unchanged."""
        return self in (State.VALID, State.INVERTED)


class Checksum(NamedTuple):
    """A record's checksum: its state, the stored word and the sum over the body.

    Over a truncated body `computed` covers only the words that are there.
    """

    state: State
    stored: int
    computed: int

    @property
    def holds_but_for_the_magic(self) -> bool:
        """Whether the sum is right, inverted or not, and only the magic before it is not."""
        return self.state is State.MISMATCH and self.computed in (self.stored, self.stored ^ ALL_ONES)

    @property
    def flipped_bit(self) -> int | None:
        """The bit (0-31) when stored and computed sum differ in exactly one: a single bit flip somewhere."""
        difference = self.stored ^ self.computed
        return difference.bit_length() - 1 if difference.bit_count() == 1 else None


def prefix_sums(data: bytes | memoryview) -> tuple[int, ...]:
    """Sums over the first 0, 1, 2, ... words behind the head; element n is the checksum of an n-word body."""
    return _prefix_sums(bytes(data[HEAD_SIZE:]))


@lru_cache(2)  # whoever detects the layout asks, and whoever reads under it
def _prefix_sums(body: bytes) -> tuple[int, ...]:
    words = array("I", body[: len(body) // 4 * 4])
    if sys.byteorder == "big":
        words.byteswap()
    return tuple(accumulate(words, xor, initial=0))


def judge(magic: int, wanted: int, stored: int, computed: int) -> Checksum:
    """The checksum's state, for a body that is all there; `wanted` is the layout's magic.

    A stored 0 with a body that sums to something else is a writer caught before its sum: magic is set first, the checksum
    word cleared, then summed in place (not atomic in any driver).
    """
    if magic == 0:
        state = State.NOT_WRITTEN
    elif magic != wanted:
        state = State.MISMATCH
    elif stored == computed:
        state = State.VALID
    elif stored == computed ^ ALL_ONES:
        state = State.INVERTED
    elif stored == 0:
        state = State.NOT_WRITTEN
    else:
        state = State.MISMATCH
    return Checksum(state, stored, computed)
