"""What is still to be asked of a region whose key is known: which bounds its base must be in, and what no key answers.

A way through the questions was gone by another region, whose addresses lie elsewhere. What was asked of one address bounds
the base that it has a known distance from; sums of addresses that move together are the same; the rest is asked again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from kinfo.named import NamedTuple
from kinfo.record.asked.blobs import Blobs
from kinfo.record.asked.follow import Rows
from kinfo.record.asked.keys import LOW_BITS, WORDS, AddressPlaces
from kinfo.record.asked.questions import (
    Answer,
    DerivedTerm,
    Exactly,
    Negative,
    Question,
    Seen,
    Sum,
    Summed,
    Term,
    Word,
    Zero,
)
from kinfo.record.asked.vectors import Group
from kinfo.record.text import is_blank

HIGHEST = (1 << 64) - 1  # an address
Asked = tuple[Question, Answer]
Terms = tuple[tuple[Term, int], ...]


class StillOpen(NamedTuple):
    """What of a way is still to be asked of a region whose key is known, for whatever regions go that way.

    `limits` are the least and the greatest that the address at a place can be, `blanks` what parts that begin or end in an
    address are (True: blank), `asked` the other questions with their answers.
    """

    limits: dict[int, tuple[int, int]]
    blanks: tuple[Asked, ...]
    asked: tuple[Asked, ...]


def open_questions(path: Iterable[Asked], frame: AddressPlaces, data: bytes) -> StillOpen:
    """Those questions of a way that a key does not answer; `data` is a blob of the key."""
    known = _Known(frame, data)
    asked = {question: answer for question, answer in path if not known.answers(question)}
    limits: dict[int, tuple[int, int]] = {}
    others: dict[Question, Answer] = {}
    blanks: list[Asked] = []
    for question, answer in asked.items():
        if isinstance(question, Seen) and question.look is is_blank:
            blanks.append((question, answer))
        elif (limit := known.limit(question, answer)) is not None:
            _narrow(limits, *limit)
        else:
            others[question] = answer
    rest = ((one, answer) for one, answer in others.items() if not isinstance(one, (Negative, Zero)))
    return StillOpen(limits, tuple(blanks), (*_bounds(others), *rest))


def of_key(opened: StillOpen, frame: AddressPlaces, data: bytes) -> tuple[list[tuple[int, int]], tuple[Asked, ...]]:
    """The same for one key: the least and the greatest that the base of each group can be, and what else is to be asked."""
    known, limits = _Known(frame, data), dict(opened.limits)
    asked = list(opened.asked)
    for question, answer in opened.blanks:
        if known.is_filled_beside(question):
            continue
        if (limit := known.blank_limit(question, answer)) is not None:
            _narrow(limits, *limit)
        else:
            asked.append((question, answer))
    return known.base_limits(limits), tuple(asked)


def _narrow(limits: dict[int, tuple[int, int]], at: int, low: int, high: int) -> None:
    before = limits.get(at, (0, HIGHEST))
    limits[at] = max(before[0], low), min(before[1], high)


def _bounds(asked: Mapping[Question, Answer]) -> Iterator[Asked]:
    """The same of sums in fewer questions: the two bounds of each that the others follow from, and what it is not."""
    lowest: dict[Terms, int] = {}
    highest: dict[Terms, int] = {}
    others: list[tuple[Terms, int]] = []
    for question, answer in asked.items():
        if not isinstance(question, (Negative, Zero)):
            continue
        terms, constant = question.of.terms, question.of.constant
        sign = 1 if terms[0][1] > 0 else -1  # one sum and its negative are bounded together
        terms = tuple((term, sign * factor) for term, factor in terms)
        if isinstance(question, Zero):
            if answer:
                lowest[terms] = highest[terms] = -sign * constant
            else:
                others.append((terms, -sign * constant))
        elif (sign > 0) == answer:  # at most so much
            limit = -constant - 1 if sign > 0 else constant
            highest[terms] = min(limit, highest.get(terms, limit))
        else:
            limit = -constant if sign > 0 else constant + 1
            lowest[terms] = max(limit, lowest.get(terms, limit))
    yield from ((Negative(Sum(terms, -low)), False) for terms, low in lowest.items())
    yield from ((Negative(Sum(terms, -high - 1)), True) for terms, high in highest.items())
    for terms, value in others:
        if lowest.get(terms, value) <= value <= highest.get(terms, value):
            yield Zero(Sum(terms, -value)), False


class _Known:
    """What a key says of a blob: all but the bytes of addresses and checksums, and of addresses their distances."""

    def __init__(self, frame: AddressPlaces, data: bytes) -> None:
        self._data = data
        self._frame = frame
        self._groups = {at: group for at, group in frame.words if any(data[at : at + 8])}
        self._starts = frame.starts
        self._loose = bytearray(len(data))
        for at in self._groups:
            self._loose[at + LOW_BITS // 8 : at + 8] = bytes([1] * (8 - LOW_BITS // 8))
        for start in frame.starts:
            self._loose[start + 4 : start + 8] = b"\1" * 4

    def answers(self, question: Question) -> bool:
        """Whether the answer is the same for every blob of the key."""
        if isinstance(question, (Negative, Zero)):
            return self._is_fixed(question.of)
        if isinstance(question, Exactly):
            return self._is_term_fixed(question.of)
        if isinstance(question, Summed):
            return question.offset in self._starts and question.words in WORDS
        assert isinstance(question, Seen)
        return all(self._is_there(*span) for span in question.ranges) or self._has_address(question)

    def _is_there(self, start: int, end: int) -> bool:
        return 1 not in self._loose[start:end]

    def _has_address(self, question: Seen) -> bool:
        """Whether a part is not blank, by an address in it: it is none where it is 0."""
        ((start, end), *_) = question.ranges
        return question.look is is_blank and any(start <= at and at + 8 <= end for at in self._groups)

    def is_filled_beside(self, question: Question) -> bool:
        """Whether a part that begins or ends in an address has other bytes that are not zero."""
        assert isinstance(question, Seen)
        ((start, end),) = question.ranges
        there = zip(self._data[start:end], self._loose[start:end], strict=True)
        return any(byte and not is_loose for byte, is_loose in there)

    def blank_limit(self, question: Question, answer: Answer) -> tuple[int, int, int] | None:
        """The limits of an address that a part begins in, where all behind it is blank and its low bytes are not in it."""
        assert isinstance(question, Seen)
        ((start, end),) = question.ranges
        at = next((at for at in self._groups if at < start < at + 8 <= end), None)
        if at is None or not self._is_there(at + 8, end):
            return None
        least = 1 << 8 * (start - at)
        return (at, 0, least - 1) if answer else (at, least, HIGHEST)

    def limit(self, question: Question, answer: Answer) -> tuple[int, int, int] | None:
        """What the answer to a question about one address, or about its high bytes, says of it: from where to where it is."""
        if not isinstance(question, (Negative, Zero)) or len(question.of.terms) != 1:
            return None
        ((term, factor),) = question.of.terms
        place = self._upper_part(term)
        if place is None or abs(factor) != 1:
            return None
        at, shift = place
        limit = _limit_of(question, factor, answer)
        return None if limit is None else (at, max(limit[0], 0) << shift, (limit[1] + 1 << shift) - 1)

    def _upper_part(self, term: Term) -> tuple[int, int] | None:
        """Of which address a word is the high bytes, and how many bits are below."""
        if not isinstance(term, Word):
            return None
        at = term.offset + term.size - 8
        return (at, 8 * (8 - term.size)) if at in self._groups else None

    def base_limits(self, limits: Mapping[int, tuple[int, int]]) -> list[tuple[int, int]]:
        """What limits of addresses say of the base of each group, in the frame's order: they lie so far from it."""
        found: dict[str, tuple[int, int, int]] = {}
        for at, group in self._frame.words:
            here = int.from_bytes(self._data[at : at + 8], "little")
            base, least, most = found.setdefault(group, (here, 0, HIGHEST))
            if at in limits:
                low, high = (one - (here - base) for one in limits[at])
                found[group] = base, max(least, low), min(most, high)
        return [(least, most) for _, least, most in found.values()]

    def _is_fixed(self, of: Sum) -> bool:
        """Whether a sum is one number: so many addresses of a group are added as are taken away."""
        moved: dict[str, int] = {}
        for term, factor in of.terms:
            if isinstance(term, Word) and term.size == 8 and term.offset in self._groups:
                group = self._groups[term.offset]
                moved[group] = moved.get(group, 0) + factor
            elif not self._is_term_fixed(term):
                return False
        return not any(moved.values())

    def _is_term_fixed(self, term: Term) -> bool:
        if isinstance(term, Word):
            return self._is_there(term.offset, term.offset + term.size)
        if isinstance(term, DerivedTerm):
            return self._is_fixed(term.of) or (_is_of_low_bits(term) and self._has_low_bits(term.of))
        return self._is_there(term.start, term.end)

    def _has_low_bits(self, of: Sum) -> bool:
        return all(
            (isinstance(term, Word) and term.size == 8 and term.offset in self._groups) or self._is_term_fixed(term)
            for term, _ in of.terms
        )


def _limit_of(question: Negative | Zero, factor: int, answer: Answer) -> tuple[int, int] | None:
    """From where to where a number is, by the answer to a question about it times 1 or -1."""
    border = -question.of.constant * factor
    if isinstance(question, Zero):
        return (border, border) if answer else (1, HIGHEST) if border == 0 else None
    if factor > 0:  # below the border
        return (0, border - 1) if answer else (border, HIGHEST)
    return (border + 1, HIGHEST) if answer else (0, border)


def _is_of_low_bits(term: DerivedTerm) -> bool:
    if term.how == "&":
        return term.by < 1 << LOW_BITS
    return term.how == "%" and term.by <= 1 << LOW_BITS and term.by.bit_count() == 1


def agree(blobs: Blobs, rows: Rows, asked: Sequence[Asked]) -> Any:
    """Which of the rows give these answers."""
    group, found = Group(blobs, rows), np.ones(len(rows), np.bool_)
    for question, answer in asked:
        codes, answer_at = group.answers(question)
        if isinstance(question, (Negative, Zero, Exactly)):
            found &= codes == answer
        else:
            values, firsts = np.unique(codes, return_index=True)
            right = [value for value, first in zip(values, firsts.tolist(), strict=True) if answer_at(first) == answer]
            found &= np.isin(codes, right)
    return found
