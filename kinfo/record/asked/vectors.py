"""The questions answered for many blobs of one size at once. numpy is imported here: no hot command needs it.

Every answer is exact: sums are formed modulo 2^64 where their bounds say that this is the sum, else in two halves.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinfo.named import NamedTuple
from kinfo.record.asked.questions import (
    Answer,
    DerivedTerm,
    Exactly,
    Filled,
    FirstByte,
    Look,
    Negative,
    Question,
    Seen,
    Sum,
    Summed,
    Term,
    Word,
    bounds,
)
from kinfo.record.checksum import ALL_ONES, HEAD_SIZE
from kinfo.record.evidence.subject import is_noise
from kinfo.record.layouts import LARGEST
from kinfo.record.text import is_blank

Bools = NDArray[np.bool_]
Array = NDArray[Any]

PART = -(-(LARGEST + 8) // 64) * 64  # bytes from a record's start, behind which nearly all regions are blank
_HEAD = 1024  # bytes from a record's start in which zeros are known one by one
_BITS = 64
_LONGEST = 1 << 16  # bytes of a blob in which blanks are looked for: regions are 4 to 64 KiB
_INT64 = 1 << 63
_HALF = 32


class BlobShape(NamedTuple):
    """Where blobs are blank: behind PART bytes, from their start and from `half` where that is given; or it is not known."""

    size: int
    is_blank_behind: bool
    half: int = 0

    @classmethod
    def of(cls, blob: bytes | bytearray | memoryview) -> BlobShape:
        """Of one blob; with `half` where its second half is not blank."""
        whole, plain, halved, behind, between = _shapes(len(blob))
        if not behind:
            return whole
        if blob[PART:] == behind:
            return plain
        half = halved.half
        return halved if blob[half + PART :] == between and blob[PART:half] == between else whole


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
    def of(cls, blobs: Sequence[bytes | bytearray | memoryview], shape: BlobShape) -> Blobs:
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
        return self.column(("text", start, end), lambda: _texts(self.part(start, end)))  # type: ignore[no-any-return]

    def text_codes(self, start: int, end: int) -> tuple[Array, list[bytes]]:
        """A small number for every blob's bytes, and the bytes that each stands for."""
        return self.column(("codes", start, end), lambda: _coded(self.texts(start, end)))  # type: ignore[no-any-return]

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
        return _bools(bits == 0)

    def _filled(self) -> Array:
        """Which of the first bytes are not zero: a bit each, 64 in a row."""
        filled = np.zeros((len(self), _HEAD), np.bool_)
        first = self.part(0, min(_HEAD, self.size))
        filled[:, : first.shape[1]] = first
        return np.ascontiguousarray(np.packbits(filled, axis=1, bitorder="little").view("<u8").T)


def _bools(found: Any) -> Bools:
    return found  # type: ignore[no-any-return]  # what numpy says of comparisons differs by its release


def _none(part: Array) -> Bools:
    """Which rows are all zeros: by words of eight bytes where they lie so."""
    if part.strides[1] == 1 and not (part.shape[1] % 8 or part.strides[0] % 8 or part.ctypes.data % 8):
        return _bools(np.bitwise_or.reduce(part.view("<u8"), axis=1) == 0)
    return _bools(np.logical_not(part.any(axis=1)))


def _texts(part: Array) -> list[bytes]:
    length = part.shape[1]
    if not length:
        return [b""] * len(part)
    return np.ascontiguousarray(part).view(f"S{length}").ravel().tolist()


def _coded(texts: list[bytes]) -> tuple[Array, list[bytes]]:
    numbers: dict[bytes, int] = {}
    codes = [numbers.setdefault(one, len(numbers)) for one in texts]
    return np.array(codes, np.int32), list(numbers)


class Group:
    """Some of the blobs, of which questions are asked. `rows` are their places among all."""

    def __init__(self, blobs: Blobs, rows: NDArray[np.intp]) -> None:
        self._blobs = blobs
        self.rows = rows
        self._is_all = len(rows) == len(blobs)
        self._terms: dict[Term, Array] = {}
        self._ends: dict[Term, tuple[int, int]] = {}

    def answers(self, question: Question) -> tuple[Array, Callable[[int], Answer]]:
        """A code for every blob's answer, and the answer of the blob at a place of this group."""
        if isinstance(question, Exactly):
            values = self._term(question.of)
            return values, lambda at: int(values[at])
        if isinstance(question, Seen):
            return self._seen(question.look, question.ranges)
        if isinstance(question, Summed):
            return self._summed(question)
        found = self._negative(question.of) if isinstance(question, Negative) else self._zero(question.of)
        return found, lambda at: bool(found[at])

    def _some(self, column: Array) -> Array:
        return column if self._is_all else column[self.rows]

    def _seen(self, look: Look, ranges: tuple[tuple[int, int], ...]) -> tuple[Array, Callable[[int], Answer]]:
        found: Array
        if look is is_blank:
            found = self._some(self._blobs.blank(*ranges[0]))
            return found, lambda at: bool(found[at])
        if look is is_noise:
            ((start, end),) = ranges
            part = self._blobs.part(start, end)[self.rows]
            found = (part == 0).sum(axis=1) < part.shape[1] // 2
            return found, lambda at: bool(found[at])
        return _looked(look, [(end - start, *self._coded(start, end)) for start, end in ranges])

    def _coded(self, start: int, end: int) -> tuple[Array, list[bytes]]:
        if len(self.rows) * 4 < len(self._blobs):
            return _coded(_texts(self._blobs.part(start, end)[self.rows]))
        codes, texts = self._blobs.text_codes(start, end)
        return self._some(codes), texts

    def _summed(self, question: Summed) -> tuple[Array, Callable[[int], Answer]]:
        """Blobs of one code have magic, stored and computed sum in the same relation: what is said of one is said of all."""
        magic, stored = (self._term(Word(question.offset + at, 4)) for at in (0, 4))
        computed = self._some(self._blobs.sums(question.offset, question.words))
        differ = stored ^ computed
        relations = (magic == 0, magic == (question.magic or 0), differ == 0, differ == ALL_ONES, stored == 0)
        codes = ((differ & (differ - np.uint32(1))) == 0).astype(np.uint8)
        for relation in relations:
            codes = codes << np.uint8(1) | relation
        return codes, lambda at: question.judged(int(magic[at]), int(stored[at]), int(computed[at]))

    def _term(self, term: Term) -> Array:
        if term not in self._terms:
            self._terms[term] = self._made(term)
        return self._terms[term]

    def _made(self, term: Term) -> Array:
        if isinstance(term, Word):
            return self._some(self._blobs.word(term))
        if isinstance(term, DerivedTerm):
            whole = self._wrapped(term.of)
            if term.how == "//" or (term.by & (term.by - 1) and term.how == "%"):
                whole = whole.view(np.int64)  # its bounds are within these
                return whole // term.by if term.how == "//" else whole % term.by
            return whole & np.uint64(term.by - 1 if term.how == "%" else term.by)
        filled = self._blobs.part(term.start, term.end)[self.rows] != 0
        if isinstance(term, FirstByte):
            return np.where(filled.any(axis=1), term.start + filled.argmax(axis=1), term.end)
        assert isinstance(term, Filled)
        return np.where(filled.any(axis=1), filled.shape[1] - filled[:, ::-1].argmax(axis=1), 0)

    def _wrapped(self, of: Sum) -> NDArray[np.uint64]:
        """A sum modulo 2^64."""
        total = np.full(len(self.rows), of.constant % (1 << 64), np.uint64)
        for term, factor in of.terms:
            values = self._term(term).astype(np.uint64)
            total += values if factor == 1 else values * np.uint64(factor % (1 << 64))
        return total

    def _bounds(self, of: Sum) -> tuple[int, int]:
        """The least and the greatest that a sum can be by the numbers that are there."""
        low = high = of.constant
        for term, factor in of.terms:
            if term not in self._ends:
                values = self._term(term)
                self._ends[term] = (int(values.min()), int(values.max()))
            ends = sorted(factor * end for end in self._ends[term])
            low, high = low + ends[0], high + ends[1]
        return low, high

    def _negative(self, of: Sum) -> Bools:
        if (pair := _compared(of)) is not None:
            below, above, is_equal_enough = pair
            one, other = self._side(below), self._side(above)
            return one <= other if is_equal_enough else one < other  # type: ignore[no-any-return]
        low, high = bounds(of)
        if not (low >= -_INT64 and high < _INT64):
            low, high = self._bounds(of)
        if low >= -_INT64 and high < _INT64:
            return _bools(self._wrapped(of).view(np.int64) < 0)
        return _bools(self._halves(of)[0] < 0)

    def _zero(self, of: Sum) -> Bools:
        if (pair := _equal(of)) is not None:
            return self._side(pair[0]) == self._side(pair[1])  # type: ignore[no-any-return]
        low, high = bounds(of)
        if not (low >= -_INT64 and high < _INT64):
            low, high = self._bounds(of)
        if low >= -_INT64 and high < _INT64:
            return _bools(self._wrapped(of) == 0)
        upper, lower = self._halves(of)
        return _bools((upper == 0) & (lower == 0))

    def _side(self, side: Term | int) -> Any:
        return np.uint64(side) if isinstance(side, int) else self._term(side)

    def _halves(self, of: Sum) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """A sum as upper * 2^32 + lower, with lower from 0 on: exact for any numbers of 64 bits and factors below 2^20."""
        mask = (1 << _HALF) - 1
        upper = np.full(len(self.rows), of.constant >> _HALF, np.int64)
        lower = np.full(len(self.rows), of.constant & mask, np.int64)
        for term, factor in of.terms:
            values = self._term(term).astype(np.uint64)
            is_signed = self._term(term).dtype.kind == "i"
            high = values.view(np.int64) >> _HALF if is_signed else (values >> np.uint64(_HALF)).view(np.int64)
            upper += factor * high
            lower += factor * (values & np.uint64(mask)).view(np.int64)
        return upper + (lower >> _HALF), lower & mask


def _compared(of: Sum) -> tuple[Term | int, Term | int, bool] | None:
    """A sum below zero as one thing below another (True: or equal), where it is no more than that."""
    if len(of.terms) == 1 and of.terms[0][1] == 1 and 0 <= -of.constant < 1 << 64 and not _is_signed(of.terms[0][0]):
        return of.terms[0][0], -of.constant, False
    if len(of.terms) == 1 and of.terms[0][1] == -1 and 0 <= of.constant < 1 << 64 and not _is_signed(of.terms[0][0]):
        return of.constant, of.terms[0][0], False
    if of.constant in (0, -1) and (pair := _two(of)):
        return (*pair, of.constant == -1)
    return None


def _equal(of: Sum) -> tuple[Term | int, Term | int] | None:
    if len(of.terms) == 1 and abs(of.terms[0][1]) == 1 and not _is_signed(of.terms[0][0]):
        value = -of.constant * of.terms[0][1]
        return (of.terms[0][0], value) if 0 <= value < 1 << 64 else None
    return _two(of) if of.constant == 0 else None


def _two(of: Sum) -> tuple[Term, Term] | None:
    """The terms of a difference, the positive one first, where both are words of one width."""
    if len(of.terms) != 2 or {factor for _, factor in of.terms} != {1, -1}:
        return None
    one, other = sorted(of.terms, key=lambda term: -term[1])
    words = one[0], other[0]
    return words if isinstance(words[0], Word) and isinstance(words[1], Word) and words[0].size == words[1].size else None


def _is_signed(term: Term) -> bool:
    return not isinstance(term, Word)


def _looked(look: Look, columns: list[tuple[int, Array, list[bytes]]]) -> tuple[Array, Callable[[int], Answer]]:
    """What a function says of every different combination of texts, said once."""
    codes, texts = columns[0][1], [(text.ljust(columns[0][0], b"\0"),) for text in columns[0][2]]
    for length, more, found in columns[1:]:
        pairs, codes = np.unique(codes.astype(np.int64) * len(found) + more, return_inverse=True)
        texts = [(*texts[pair // len(found)], found[pair % len(found)].ljust(length, b"\0")) for pair in pairs.tolist()]
    wanted = np.unique(codes) if len(texts) > len(codes) else range(len(texts))
    numbers: dict[Answer, int] = {}
    table = np.zeros(len(texts), np.int32)
    for code in wanted:
        table[code] = numbers.setdefault(look(*texts[code]), len(numbers))
    answers = list(numbers)
    found_codes = table[codes]
    return found_codes, lambda at: answers[found_codes[at]]
