"""The questions answered for many blobs of one size at once.

Every answer is exact: sums are formed modulo 2^64 where their bounds say that this is the sum, else in two halves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinfo.record.asked.blobs import Array, Blobs, Bools, bools, coded, texts_of
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
from kinfo.record.checksum import ALL_ONES
from kinfo.record.evidence.subject import is_noise
from kinfo.record.text import is_blank

_INT64 = 1 << 63
_HALF = 32


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
            return coded(texts_of(self._blobs.part(start, end)[self.rows]))
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
            return bools(self._wrapped(of).view(np.int64) < 0)
        return bools(self._halves(of)[0] < 0)

    def _zero(self, of: Sum) -> Bools:
        if (pair := _equal(of)) is not None:
            return self._side(pair[0]) == self._side(pair[1])  # type: ignore[no-any-return]
        low, high = bounds(of)
        if not (low >= -_INT64 and high < _INT64):
            low, high = self._bounds(of)
        if low >= -_INT64 and high < _INT64:
            return bools(self._wrapped(of) == 0)
        upper, lower = self._halves(of)
        return bools((upper == 0) & (lower == 0))

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
