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
from kinfo.record.asked.vectors import PART, Array, Blobs, Group
from kinfo.record.checksum import ALL_ONES
from kinfo.record.layouts import LAYOUTS
from kinfo.record.model import Layout
from kinfo.record.text import is_blank

_LOW = 21  # bits of a base that a key has: kernels are moved by 2 MiB, or by less
Asked = tuple[Question, Answer]
Terms = tuple[tuple[Term, int], ...]
_PHYSICAL, _VIRTUAL = "pa", "va"
_OF_BLOCK = " of the vendor block"  # which lies where the kernel does not
_BY_SIZE = sorted(LAYOUTS, key=lambda layout: layout.size)
_WORDS = tuple(dict.fromkeys(layout.words for layout in _BY_SIZE))
_IMAGE, _MODULES = np.uint64(1 << 29), np.uint64(1 << 41)  # how far addresses of an image lie apart, and of modules
_HOLDS = 4  # what `_sum_code` says at the least where the sum is right, inverted or not
HIGHEST = (1 << 64) - 1  # an address
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
                group += _OF_BLOCK if start else ""
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
    """Some rows of one frame, each with its key, and the base of each group of addresses by its name."""

    frame: AddressPlaces
    rows: Rows
    keys: list[bytes]
    bases: dict[str, Array]


def keyed(blobs: Blobs, rows: Rows, half: int) -> list[Keyed]:
    """The keys of those rows for which one can be made: `half` is where their vendor block begins (0: they have none)."""
    starts = (0, half) if half else (0,)
    if half and half < PART:
        return []
    blank = blobs.blank(PART, half or blobs.size) & (blobs.blank(half + PART, blobs.size) if half else True)
    rows = rows[blank[rows]]
    if not len(rows):
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
    found, right = np.full(len(rows), len(_BY_SIZE), np.int64), np.zeros(len(rows), np.int64)
    fitting = []
    for number, layout in enumerate(_BY_SIZE):
        field = layout.by_name["uts_release" if layout.vendor else "last_uts_release"]
        if layout.vendor == bool(start) and start + layout.size <= blobs.size:
            is_right = codes[start, layout.words][rows] >= _HOLDS
            is_right &= _TEXT[blobs.word(Word(start + field.offset, 1))[rows]]
            found[is_right] = number
            right += is_right
            fitting.append((number, layout, is_right))
    is_open = right > 1
    best = np.full(len(rows), -1)
    for number, layout, is_right in fitting:
        places = np.flatnonzero(is_right & is_open)
        if len(places):
            count = _addresses(blobs, rows[places], _frame((layout,), (start,)))
            better = count > best[places]
            found[places[better]] = number
            best[places[better]] = count[better]
    return found


def _addresses(blobs: Blobs, rows: Rows, frame: AddressPlaces) -> Array:
    """How many words of a frame are addresses near their base."""
    count = np.zeros(len(rows), np.int64)
    bases: dict[str, Array] = {}
    for at, group in frame.words:
        words = blobs.word(Word(at, 8))[rows]
        distance = words - bases.setdefault(group, words)
        near = _IMAGE if group.startswith(_PHYSICAL) else _MODULES
        is_near = distance + near < near * np.uint64(2)
        count += (words != 0) & ((words >> np.uint64(63) == 0) == group.startswith(_PHYSICAL)) & is_near
    return count


def _of_frame(blobs: Blobs, rows: Rows, frame: AddressPlaces, codes: list[Array]) -> Keyed:
    """Their keys: the bytes at each start, then which addresses are 0, the low bits of each base, and what the sums say."""
    spans = [(start, min(start + PART, blobs.size)) for start in frame.starts]
    width = sum(end - start for start, end in spans)
    groups = [group for _, group in frame.words]
    firsts = [groups.index(group) for group in groups]  # the number of the base of each word
    bases = dict.fromkeys(groups)
    keys = np.empty((len(rows), width + 8 + 4 * len(bases) + len(codes)), np.uint8)
    places, at = {}, 0
    for start, end in spans:
        keys[:, at : at + end - start] = blobs.part(start, end)[rows]
        keys[:, at + 4 : at + 8] = 0
        places[start] = at - start
        at += end - start
    of_words = [offset + places[max(one for one in frame.starts if one <= offset)] for offset, _ in frame.words]
    in_key = (np.array(of_words)[:, None] + np.arange(8)).ravel()
    words = np.take(keys, in_key, axis=1).view("<u8")
    based, nothing = np.take(words, firsts, axis=1), words == 0
    is_physical = np.array([group.startswith(_PHYSICAL) for group in groups])
    is_sound = (nothing | (((words >> np.uint64(63) == 0) == is_physical) & (based != 0))).all(axis=1)
    keys[:, in_key] = np.where(nothing, np.uint64(0), words - based).view(np.uint8)
    zeros = nothing @ (np.uint64(1) << np.arange(len(groups), dtype=np.uint64))
    keys[:, width : width + 8] = _bytes_of(zeros)
    low = np.take(words, sorted(set(firsts)), axis=1) & np.uint64((1 << _LOW) - 1)
    keys[:, width + 8 : width + 8 + 4 * len(bases)] = low.astype("<u4").view(np.uint8)
    for number, code in enumerate(codes, 1):
        keys[:, -number] = code[rows]
    if not is_sound.all():
        rows, keys, words = rows[is_sound], keys[is_sound], words[is_sound]
    found = {group: words[:, first] for group, first in zip(groups, firsts, strict=True)}
    return Keyed(frame, rows, keys.view(f"S{keys.shape[1]}").ravel().tolist(), found)


def _bytes_of(column: Array) -> Array:
    """A number a row as its bytes, the lowest first."""
    return column.astype(f"<u{column.dtype.itemsize}", copy=False)[:, None].view(np.uint8)


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
            self._loose[at + _LOW // 8 : at + 8] = bytes([1] * (8 - _LOW // 8))
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
