"""Many blobs of bytes of one size, as a matrix: their numbers, texts, sums and blanks as columns.

numpy is imported here: no hot command needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinfo.named import NamedTuple
from kinfo.record.asked.questions import Word
from kinfo.record.checksum import HEAD_SIZE
from kinfo.record.layouts import LARGEST

Blob = bytes | bytearray | memoryview
Bools = NDArray[np.bool_]
Array = NDArray[Any]

PART = -(-(LARGEST + 8) // 64) * 64  # bytes from a record's start, behind which nearly all regions are blank
_HEAD = 1024  # bytes from a record's start in which zeros are known one by one
_BITS = 64
_LONGEST = 1 << 16  # bytes of a blob in which blanks are looked for: regions are 4 to 64 KiB


class BlobShape(NamedTuple):
    """Where blobs are blank: behind PART bytes, from their start and from `half` where that is given; or it is not known."""

    size: int
    is_blank_behind: bool
    half: int = 0


def by_shape(blobs: Sequence[Blob]) -> dict[BlobShape, list[int]]:
    """Which blobs have each shape; one with `half` where its second half is not blank."""
    by_size: dict[int, list[int]] = {}
    for at, blob in enumerate(blobs):
        by_size.setdefault(len(blob), []).append(at)
    found: dict[BlobShape, list[int]] = {}
    for size, places in by_size.items():
        whole, plain, halved, behind, between = _shapes(size)
        left = places
        if behind:
            found[plain] = [at for at in places if blobs[at][PART:] == behind]
            taken, half = set(found[plain]), halved.half
            others = [at for at in places if at not in taken]
            found[halved] = [at for at in others if blobs[at][half + PART :] == between == blobs[at][PART:half]]
            left = sorted({*others}.difference(found[halved]))
        found[whole] = left
    return {shape: places for shape, places in found.items() if places}


@lru_cache(16)
def _shapes(size: int) -> tuple[BlobShape, BlobShape, BlobShape, bytes, bytes]:
    """The shapes that blobs of one size can have, and what the blank parts of them are."""
    whole, half = BlobShape(size, is_blank_behind=False), size // 2
    if size % 8 or not 2 * PART <= size <= _LONGEST:
        return whole, whole, whole, b"", b""
    shapes = whole, BlobShape(size, is_blank_behind=True), BlobShape(size, is_blank_behind=True, half=half)
    return (*shapes, bytes(size - PART), bytes(half - PART))


class Blobs:
    """Blobs of one size, a row each, and the columns that were made of all of them.

    `kept` has the bytes of every blob, or those of it that are not the same blank for all: its first ones, and where `half`
    is given as many from there on.
    """

    def __init__(self, kept: NDArray[np.uint8], size: int = 0, half: int = 0) -> None:
        self.kept = kept
        self.size = size or kept.shape[1]
        width = kept.shape[1] // 2 if half else kept.shape[1]
        self._pieces = ((0, 0), (half, width))[: 2 if half else 1]  # where each lies in a blob, and in what is kept
        self._width = width
        self._columns: dict[Hashable, Any] = {}

    @classmethod
    def of(cls, blobs: Sequence[Blob], shape: BlobShape) -> Blobs:
        """Of these, all of one shape."""
        width = min(PART, shape.size)
        if shape.half:
            pieces = [piece for blob in blobs for piece in (blob[:width], blob[shape.half : shape.half + width])]
        else:
            pieces = [blob[: width if shape.is_blank_behind else shape.size] for blob in blobs]
        return cls(np.frombuffer(b"".join(pieces), np.uint8).reshape(len(blobs), -1), shape.size, shape.half)

    def __len__(self) -> int:
        return len(self.kept)

    def blob(self, row: int) -> bytes:
        """All bytes of one."""
        raw, found = self.kept[row].tobytes(), b""
        for start, at in self._pieces:
            found = found.ljust(start, b"\0") + raw[at : at + self._width]
        return found.ljust(self.size, b"\0")

    def part(self, start: int, end: int) -> NDArray[np.uint8]:
        """The bytes of every blob between two offsets."""
        for begin, at in self._pieces:
            if begin <= start and end <= begin + self._width:
                return self.kept[:, at + start - begin : at + end - begin]
        found = np.zeros((len(self), max(0, min(end, self.size) - start)), np.uint8)
        for low, high, some in self._within(start, end):
            found[:, low - start : high - start] = some
        return found

    def _within(self, start: int, end: int) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
        """What is kept of the bytes between two offsets: where each piece begins and ends, and its bytes."""
        for begin, at in self._pieces:
            low, high = max(start, begin), min(end, begin + self._width)
            if low < high:
                yield low, high, self.kept[:, at + low - begin : at + high - begin]

    def column(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What `make` gives, made once."""
        if key not in self._columns:
            self._columns[key] = make()
        return self._columns[key]

    def word(self, word: Word) -> Array:
        """A number of every blob."""
        return self.column(word, lambda: self._words(word.offset, word.size, f"<u{word.size}").ravel())  # type: ignore[no-any-return]

    def _words(self, start: int, size: int, kind: str) -> Array:
        return np.ascontiguousarray(self.part(start, start + size)).view(kind)

    def texts(self, start: int, end: int) -> list[bytes]:
        """Bytes of every blob without the zeros at their end, which their length gives back."""
        return self.column(("text", start, end), lambda: texts_of(self.part(start, end)))  # type: ignore[no-any-return]

    def text_codes(self, start: int, end: int) -> tuple[Array, list[bytes]]:
        """A small number for every blob's bytes, and the bytes that each stands for."""
        return self.column(("codes", start, end), lambda: coded(self.texts(start, end)))  # type: ignore[no-any-return]

    def sums(self, offset: int, words: int) -> Array:
        """The sum over so many words behind the head of a record at an offset."""
        known: dict[int, Array] = self.column(("sums", offset), lambda: {0: np.zeros(len(self), np.uint32)})
        if words not in known:
            base = max(count for count in known if count <= words)
            part = self._words(offset + HEAD_SIZE + 4 * base, 4 * (words - base), "<u4")
            known[words] = known[base] ^ np.bitwise_xor.reduce(part, axis=1)
        return known[words]

    def blank(self, start: int, end: int) -> Bools:
        """Whether all bytes between two offsets are zero."""
        end = max(start, min(end, self.size))
        return self.column(("blank", start, end), lambda: self._blank(start, end))  # type: ignore[no-any-return]

    def _blank(self, start: int, end: int) -> Bools:
        if start < _HEAD < end:
            return self.blank(start, _HEAD) & self.blank(_HEAD, end)
        if end <= _HEAD:
            return self._is_blank_near(start, end)
        found = np.ones(len(self), np.bool_)
        for _, _, some in self._within(start, end):
            found &= _none(some)
        return found

    def _is_blank_near(self, start: int, end: int) -> Bools:
        """By a bit for every byte."""
        filled, bits = self.column("filled", self._filled), np.zeros(len(self), np.uint64)
        for at in range(start // _BITS, -(-end // _BITS)):
            low, high = max(start - at * _BITS, 0), min(end - at * _BITS, _BITS)
            bits |= filled[at] & np.uint64((1 << high) - (1 << low))
        return bools(bits == 0)

    def _filled(self) -> Array:
        """Which of the first bytes are not zero: a bit each, 64 in a row."""
        filled = np.zeros((len(self), _HEAD), np.bool_)
        first = self.part(0, min(_HEAD, self.size))
        filled[:, : first.shape[1]] = first
        return np.ascontiguousarray(np.packbits(filled, axis=1, bitorder="little").view("<u8").T)


def bools(found: Any) -> Bools:
    """It, by its type."""
    return found  # type: ignore[no-any-return]  # what numpy says of comparisons differs by its release


def _none(part: Array) -> Bools:
    """Which rows are all zeros: by words of eight bytes where they lie so."""
    if part.strides[1] == 1 and not (part.shape[1] % 8 or part.strides[0] % 8 or part.ctypes.data % 8):
        return bools(np.bitwise_or.reduce(part.view("<u8"), axis=1) == 0)
    return bools(np.logical_not(part.any(axis=1)))


def texts_of(part: Array) -> list[bytes]:
    """The bytes of every row without the zeros at their end."""
    length = part.shape[1]
    if not length:
        return [b""] * len(part)
    return np.ascontiguousarray(part).view(f"S{length}").ravel().tolist()


def coded(texts: list[bytes]) -> tuple[Array, list[bytes]]:
    """A small number for each, and the texts that they stand for."""
    numbers: dict[bytes, int] = {}
    codes = [numbers.setdefault(one, len(numbers)) for one in texts]
    return np.array(codes, np.int32), list(numbers)
