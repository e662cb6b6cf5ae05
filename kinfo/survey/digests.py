"""Digests of many things: which were seen, in little memory, for tables of millions of rows."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

SIZE = 16  # bytes of a digest: of a billion different things two have the same one once in 10**20
_FORM = f"S{SIZE}"  # numpy sorts and compares these as bytes; NULs at the end, which it leaves out, are as good as there
_LEAST = 1 << 16  # digests that a set of Python holds before they are sorted in
_PART = 8  # and this part of those that are sorted already, so that each is sorted a few times only
_AT_ONCE = 1 << 16

Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
Sorted = np.ndarray[tuple[int], np.dtype[np.bytes_]]


def digest_of(*what: object) -> bytes:
    """The digest of some cells of a row."""
    return blake2b(repr(what).encode("utf-8", "surrogatepass"), digest_size=SIZE).digest()


def _array(digests: bytes | bytearray) -> Sorted:
    """They themselves, not a copy."""
    return np.frombuffer(digests, _FORM) if digests else np.empty(0, _FORM)


def _among(digests: Sorted, wanted: Sorted) -> Flags:
    """Which of those that are wanted are in the sorted digests."""
    if not len(digests):
        return np.zeros(len(wanted), bool)
    places = np.searchsorted(digests, wanted)
    places[places == len(digests)] = 0
    found: Flags = digests[places] == wanted
    return found


class DigestList:
    """Digests as they come, SIZE bytes of memory each; sorted where they lie, when they are all there."""

    def __init__(self) -> None:
        self._held = bytearray()

    def add(self, digest: bytes) -> None:
        """Hold one more."""
        self._held += digest

    def sorted(self) -> Sorted:
        """All of them. None can be added from then on."""
        found = _array(self._held)
        found.sort()
        return found


def different(digests: Sorted) -> int:
    """How many different ones there are."""
    return int(np.count_nonzero(digests[1:] != digests[:-1])) + bool(len(digests))


def lacking(digests: Sorted, others: Sorted) -> int:
    """How many different ones there are that the others have not."""
    found = 0
    for start in range(0, len(digests), _AT_ONCE):
        part = np.unique(digests[max(start - 1, 0) : start + _AT_ONCE])  # with the one before, which was counted
        is_new = ~_among(others, part)
        found += int(np.count_nonzero(is_new)) - int(start > 0 and is_new[0])
    return found


class DigestSet:
    """A set that takes SIZE bytes for a digest, where Python's takes a hundred and more: `held`, and what is added."""

    def __init__(self, held: Sorted | None = None) -> None:
        self._sorted = _array(b"") if held is None else held
        self._new: set[bytes] = set()

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._new or bool(_among(self._sorted, _array(digest))[0])

    def added(self, digests: Sequence[bytes]) -> list[bool]:
        """Hold all of these; which of them were new, each the first time that it comes."""
        answer = []
        for digest, is_known in zip(digests, _among(self._sorted, _array(b"".join(digests))).tolist(), strict=True):
            is_new = not is_known and digest not in self._new
            if is_new:
                self._new.add(digest)
            answer.append(is_new)
        if len(self._new) >= max(_LEAST, len(self._sorted) // _PART):
            self._sorted = np.concatenate((self._sorted, _array(b"".join(self._new))))
            self._new = set()
            self._sorted.sort()
        return answer
