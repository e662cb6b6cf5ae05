"""Regions told apart by a key, so that one of a kernel seen before takes the way that was found then, without a question.

Devices of one kernel differ in where it lies: all addresses by the same distance, and the checksum with them. In the key
addresses stand as distances from a base, and a checksum as what it says over each layout's length. What a question's answer
depends on is either in the key whole, or the question is asked again; so a wrong guess of which words are addresses makes
keys that no other region has, never a wrong answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from kinfo.named import NamedTuple
from kinfo.record.asked.follow import Rows
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
from kinfo.record.asked.vectors import Array, Blobs, Group
from kinfo.record.checksum import ALL_ONES
from kinfo.record.layouts import LARGEST, LAYOUTS
from kinfo.record.model import Layout
from kinfo.record.text import is_blank

_PART = -(-(LARGEST + 8) // 64) * 64  # bytes from a record's start that a key has; behind them a region is blank
_LOW = 21  # bits of a base that a key has: kernels are moved by 2 MiB, or by less
Asked = tuple[Question, Answer]
Terms = tuple[tuple[Term, int], ...]
_PHYSICAL, _VIRTUAL = "pa", "va"
_BY_SIZE = sorted(LAYOUTS, key=lambda layout: layout.size)
_WORDS = tuple(dict.fromkeys(layout.words for layout in _BY_SIZE))
_IMAGE, _MODULES = np.uint64(1 << 29), np.uint64(1 << 41)  # how far addresses of an image lie apart, and of modules
_HOLDS = 4  # what `_sum_code` says at the least where the sum is right, inverted or not
_TEXT = np.array([0x31 <= code <= 0x39 for code in range(256)])  # how a release begins


class AddressPlaces(NamedTuple):
    """Where the addresses of a region lie, each with its group, and where its records begin.

    Addresses of a group are moved together; the first of a group is its base.
    """

    words: tuple[tuple[int, str], ...]
    starts: tuple[int, ...]


@cache
def _frame(layouts: tuple[Layout, ...], starts: tuple[int, ...]) -> AddressPlaces:
    words: dict[str, list[int]] = {}
    for layout, start in zip(layouts, starts, strict=True):
        for field in layout.fields:
            if field.item == "Q" and not field.elements and (group := _group(field.name)):
                at = start + field.offset
                words.setdefault(group, []).insert(0 if "_stext_" in field.name else len(words.get(group, ())), at)
    return AddressPlaces(tuple((at, group) for group, places in words.items() for at in places), starts)


def _group(name: str) -> str:
    """Which addresses move together; those that move alone are a group each."""
    if name.endswith("_pa"):
        return _PHYSICAL
    if name in ("suspend_diag_va", "kimage_voffset"):
        return name
    return _VIRTUAL if name.endswith("_va") else ""


class Keyed(NamedTuple):
    """Some rows of one frame, each with its key."""

    frame: AddressPlaces
    rows: Rows
    keys: list[bytes]


def keyed(blobs: Blobs, rows: Rows, half: int) -> list[Keyed]:
    """The keys of those rows for which one can be made: `half` is where their vendor block begins (0: they have none)."""
    starts = (0, half) if half else (0,)
    blank = blobs.zeros(_PART, half or blobs.size) & (blobs.zeros(half + _PART, blobs.size) if half else True)
    rows = rows[blank[rows]]
    if not len(rows) or (half and half < _PART):
        return []
    codes = {(start, words): _sum_code(blobs, start, words) for start in starts for words in _there(blobs, start)}
    chosen = np.zeros(len(rows), np.int64)
    for start in starts:
        chosen = chosen * (len(_BY_SIZE) + 1) + _likely(blobs, rows, start, codes)
    found = []
    for number in np.unique(chosen).tolist():
        parts = [number] if len(starts) == 1 else list(divmod(number, len(_BY_SIZE) + 1))
        if all(part < len(_BY_SIZE) for part in parts):
            frame = _frame(tuple(_BY_SIZE[part] for part in parts), starts)
            found.append(_of_frame(blobs, rows[chosen == number], frame, list(codes.values())))
    return found


def _there(blobs: Blobs, start: int) -> list[int]:
    return [words for words in _WORDS if start + 8 + 4 * words <= blobs.size]


def _sum_code(blobs: Blobs, start: int, words: int) -> Array:
    """All that a question about a checksum depends on beside the magic."""
    stored = blobs.word(Word(start + 4, 4))
    differ = stored ^ blobs.sums(start, words)
    code: Array = (differ == 0).astype(np.uint8)
    relations = (differ == ALL_ONES, stored == 0, (differ & (differ - np.uint32(1))) == 0)
    for relation in relations:
        code = code << np.uint8(1) | relation
    return code


def _likely(blobs: Blobs, rows: Rows, start: int, codes: dict[tuple[int, int], Array]) -> Array:
    """The number of the layout under which most words are addresses, of those whose sum and release are right."""
    best, found = np.full(len(rows), -1), np.full(len(rows), len(_BY_SIZE), np.int64)
    for number, layout in enumerate(_BY_SIZE):
        field = layout.by_name["uts_release" if layout.vendor else "last_uts_release"]
        if layout.vendor == bool(start) and start + layout.size <= blobs.size:
            is_right = codes[start, layout.words][rows] >= _HOLDS
            is_right &= _TEXT[blobs.matrix[rows, start + field.offset]]
            if is_right.any():
                count = np.where(is_right, _addresses(blobs, rows, _frame((layout,), (start,))), -1)
                found[count > best] = number
                best = np.maximum(best, count)
    return found


def _addresses(blobs: Blobs, rows: Rows, frame: AddressPlaces) -> Array:
    """How many words of a frame are addresses near their base."""
    count = np.zeros(len(rows), np.int64)
    bases: dict[str, Array] = {}
    for at, group in frame.words:
        words = blobs.word(Word(at, 8))[rows]
        distance = words - bases.setdefault(group, words)
        near = _IMAGE if group == _PHYSICAL else _MODULES
        is_near = distance + near < near * np.uint64(2)
        count += (words != 0) & ((words >> np.uint64(63) == 0) == (group == _PHYSICAL)) & is_near
    return count


def _of_frame(blobs: Blobs, rows: Rows, frame: AddressPlaces, codes: list[Array]) -> Keyed:
    spans = [(start, min(start + _PART, blobs.size)) for start in frame.starts]
    part = np.concatenate([blobs.matrix[rows, start:end] for start, end in spans], axis=1)
    places = {start: sum(end - begin for begin, end in spans[:at]) for at, (start, _) in enumerate(spans)}
    is_sound = np.ones(len(rows), np.bool_)
    zeros = np.zeros(len(rows), np.uint64)
    bases: dict[str, Array] = {}
    low: list[Array] = []
    for number, (at, group) in enumerate(frame.words):
        words = blobs.word(Word(at, 8))[rows]
        nothing = words == 0
        if group not in bases:
            bases[group] = words
            low.append((words & np.uint64((1 << _LOW) - 1)).astype(np.uint32))
        is_sound &= nothing | ((words >> np.uint64(63) == 0) == (group == _PHYSICAL))
        is_sound &= (bases[group] != 0) | nothing
        zeros |= nothing.astype(np.uint64) << np.uint64(number)
        start = max(one for one in frame.starts if one <= at)
        place = places[start] + at - start
        part[:, place : place + 8] = np.where(nothing, 0, words - bases[group]).astype("<u8").view(np.uint8).reshape(-1, 8)
    for start in frame.starts:
        part[:, places[start] + 4 : places[start] + 8] = 0
    more = [zeros[:, None].view(np.uint8), *(one[:, None].view(np.uint8) for one in low)]
    keys = np.concatenate([part, *more, *(code[rows][:, None] for code in codes)], axis=1)
    return Keyed(frame, rows[is_sound], _bytes_of(keys[is_sound]))


def _bytes_of(matrix: Array) -> list[bytes]:
    return np.ascontiguousarray(matrix).view(f"S{matrix.shape[1]}").ravel().tolist()


def open_questions(path: Iterable[Asked], frame: AddressPlaces, data: bytes) -> tuple[Asked, ...]:
    """Those questions of a way that a key does not answer; `data` is a blob of the key."""
    known = _Known(frame, data)
    asked = {question: answer for question, answer in path if not known.answers(question)}
    return (*_bounds(asked), *((one, answer) for one, answer in asked.items() if not isinstance(one, (Negative, Zero))))


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
        self._groups = {at: group for at, group in frame.words if any(data[at : at + 8])}
        self._starts = frame.starts
        self._loose = bytearray(len(data))
        for at in self._groups:
            self._loose[at : at + 8] = b"\1" * 8
        for start in frame.starts:
            self._loose[start + 4 : start + 8] = b"\1" * 4

    def answers(self, question: Question) -> bool:
        """Whether the answer is the same for every blob of the key."""
        if isinstance(question, (Negative, Zero)):
            return self._is_fixed(question.of)
        if isinstance(question, Exactly):
            return self._is_term_fixed(question.of)
        if isinstance(question, Summed):
            return question.offset in self._starts and question.words in _WORDS
        assert isinstance(question, Seen)
        return all(self._is_there(*span) for span in question.ranges) or self._is_seen_not_blank(question)

    def _is_there(self, start: int, end: int) -> bool:
        return 1 not in self._loose[start:end]

    def _is_seen_not_blank(self, question: Seen) -> bool:
        ((start, end), *_) = question.ranges
        if question.look is is_blank and any(start <= at and at + 8 <= end for at in self._groups):
            return True  # an address of a group is none where it is 0
        there = zip(self._data[start:end], self._loose[start:end], strict=True)
        return question.look is is_blank and any(byte and not is_loose for byte, is_loose in there)

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


def _is_of_low_bits(term: DerivedTerm) -> bool:
    if term.how == "&":
        return term.by < 1 << _LOW
    return term.how == "%" and term.by <= 1 << _LOW and term.by.bit_count() == 1


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
