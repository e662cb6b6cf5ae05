"""The questions, as data, and their answers for one blob of bytes; `vectors` answers them for many.

NamedTuples are equal where their fields are, whatever their class: `kind` keeps one question from being taken for another.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from struct import Struct

from kinfo.named import NamedTuple
from kinfo.record.checksum import ALL_ONES, Checksum, State, judge, prefix_sums
from kinfo.record.layouts import LARGEST

Look = Callable[..., Hashable]
Ranges = tuple[tuple[int, int], ...]


class Word(NamedTuple):
    """An unsigned number of 1 to 8 bytes in the blob, little-endian."""

    offset: int
    size: int
    kind: str = "word"

    def value(self, data: bytes) -> int:
        """It, of one blob."""
        return int.from_bytes(data[self.offset : self.offset + self.size], "little")

    def bounds(self) -> tuple[int, int]:
        """The least and the greatest that it can be."""
        return 0, (1 << 8 * self.size) - 1


class FirstByte(NamedTuple):
    """Where the first byte that is not zero lies between two offsets; `end` where there is none."""

    start: int
    end: int
    kind: str = "first byte"

    def value(self, data: bytes) -> int:
        """It, of one blob."""
        return self.end - len(data[self.start : self.end].lstrip(b"\0"))

    def bounds(self) -> tuple[int, int]:
        """The least and the greatest that it can be."""
        return self.start, self.end


class Filled(NamedTuple):
    """How many bytes there are between two offsets, without the zeros before the second."""

    start: int
    end: int
    kind: str = "filled"

    def value(self, data: bytes) -> int:
        """It, of one blob."""
        return len(data[self.start : self.end].rstrip(b"\0"))

    def bounds(self) -> tuple[int, int]:
        """The least and the greatest that it can be."""
        return 0, self.end - self.start


class DerivedTerm(NamedTuple):
    """A sum modulo, divided by, or masked with a constant: `how` is "%", "//" or "&"."""

    how: str
    of: Sum
    by: int

    def value(self, data: bytes) -> int:
        """It, of one blob."""
        whole = self.of.value(data)
        return whole % self.by if self.how == "%" else whole // self.by if self.how == "//" else whole & self.by

    def bounds(self) -> tuple[int, int]:
        """The least and the greatest that it can be."""
        low, high = bounds(self.of)
        if self.how == "//":
            return low // self.by, high // self.by
        return 0, self.by - 1 if self.how == "%" else self.by


Term = Word | FirstByte | Filled | DerivedTerm


class Sum(NamedTuple):
    """Terms, each times a factor, and a constant: whatever numbers of a record are compared with one another."""

    terms: tuple[tuple[Term, int], ...]
    constant: int

    def value(self, data: bytes) -> int:
        """It, of one blob."""
        return self.constant + sum(factor * term.value(data) for term, factor in self.terms)

    def plus(self, other: Sum, times: int = 1) -> Sum:
        """The sum of both, the other one times a factor."""
        if not other.terms:
            return Sum(self.terms, self.constant + times * other.constant)
        factors = dict(self.terms)
        for term, factor in other.terms:
            factors[term] = factors.get(term, 0) + times * factor
        terms = tuple((term, factor) for term, factor in factors.items() if factor)
        return Sum(terms, self.constant + times * other.constant)

    def times(self, factor: int) -> Sum:
        """The sum times a factor."""
        return Sum((), 0).plus(self, factor)


@lru_cache(maxsize=1 << 16)
def bounds(of: Sum) -> tuple[int, int]:
    """The least and the greatest that a sum can be, by the sizes of its words."""
    low = high = of.constant
    for term, factor in of.terms:
        ends = sorted(factor * end for end in term.bounds())
        low, high = low + ends[0], high + ends[1]
    return low, high


class Negative(NamedTuple):
    """Whether a sum is below zero."""

    of: Sum
    kind: str = "negative"

    def answer(self, data: bytes) -> bool:
        """Of one blob."""
        return self.of.value(data) < 0


class Zero(NamedTuple):
    """Whether a sum is zero."""

    of: Sum
    kind: str = "zero"

    def answer(self, data: bytes) -> bool:
        """Of one blob."""
        return self.of.value(data) == 0


class Exactly(NamedTuple):
    """Which number it is: for those that have few values, such as flags and lengths."""

    of: Term
    kind: str = "exactly"

    def answer(self, data: bytes) -> int:
        """Of one blob."""
        return self.of.value(data)


class Seen(NamedTuple):
    """What a function of some bytes says. It may look at nothing else, and answers the same for the same bytes."""

    look: Look
    ranges: Ranges
    kind: str = "seen"

    def answer(self, data: bytes) -> Hashable:
        """Of one blob."""
        return self.look(*(data[start:end] for start, end in self.ranges))


class SumSays(NamedTuple):
    """What of a checksum decides: its state, and whether it holds but for the magic, or but for one bit."""

    state: State
    holds_but_for_the_magic: bool
    is_one_bit_off: bool

    @classmethod
    def of(cls, checksum: Checksum) -> SumSays:
        """Of a checksum with its numbers."""
        return cls(checksum.state, checksum.holds_but_for_the_magic, checksum.flipped_bit is not None)


class Summed(NamedTuple):
    """What the checksum over so many words says of the record at an offset; `magic` is None where the bytes end sooner."""

    offset: int
    words: int
    magic: int | None
    kind: str = "summed"

    def answer(self, data: bytes) -> SumSays:
        """Of one blob."""
        stored, computed = Word(self.offset + 4, 4).value(data), _sums(data, self.offset)[self.words]
        return self.judged(Word(self.offset, 4).value(data), stored, computed)

    def judged(self, magic: int, stored: int, computed: int) -> SumSays:
        """Of these numbers."""
        if self.magic is None:
            return SumSays.of(Checksum(State.MISMATCH, stored, computed))
        return SumSays.of(judge(magic, self.magic, stored, computed))


@lru_cache(maxsize=2)
def _sums(data: bytes, offset: int) -> tuple[int, ...]:
    return prefix_sums(data[offset : offset + LARGEST + 4])


Question = Negative | Zero | Exactly | Seen | Summed
Answer = Hashable


def answerer(question: Question) -> Callable[[bytes], Answer]:
    """A function that answers a question of one blob after another: what most of them compare is one word or two."""
    if isinstance(question, Summed):
        return _summed(question)
    if isinstance(question, Seen) and len(question.ranges) == 1:
        look, ((start, end),) = question.look, question.ranges
        return lambda data: look(data[start:end])
    if isinstance(question, Exactly) and isinstance(question.of, Word):
        place, behind = question.of.offset, question.of.offset + question.of.size
        return lambda data: int.from_bytes(data[place:behind], "little")
    if not isinstance(question, (Negative, Zero)) or not _is_of_words(question.of):
        return question.answer
    (first, factor), *more = question.of.terms
    other, other_factor = more[0] if more else (first, 0)
    assert isinstance(first, Word)
    assert isinstance(other, Word)
    one, two = (Struct(f"<{_CODES[word.size]}").unpack_from for word in (first, other))
    at, then, constant = first.offset, other.offset, question.of.constant
    if isinstance(question, Zero):
        return lambda data: one(data, at)[0] * factor + two(data, then)[0] * other_factor + constant == 0
    return lambda data: one(data, at)[0] * factor + two(data, then)[0] * other_factor + constant < 0


_HOLDS = SumSays(State.VALID, holds_but_for_the_magic=False, is_one_bit_off=False)
_FAILS = _HOLDS._replace(state=State.MISMATCH)
_FAILS_BY_ONE_BIT = _FAILS._replace(is_one_bit_off=True)


def _summed(question: Summed) -> Callable[[bytes], Answer]:
    """The same of a checksum: what most records have is said without making anything."""
    at, words, wanted = question.offset, question.words, question.magic

    def answer(data: bytes) -> SumSays:
        magic, stored = int.from_bytes(data[at : at + 4], "little"), int.from_bytes(data[at + 4 : at + 8], "little")
        computed = _sums(data, at)[words]
        difference = stored ^ computed
        if magic and magic == wanted and not difference:
            return _HOLDS
        if magic and magic == wanted and stored and difference != ALL_ONES:
            return _FAILS_BY_ONE_BIT if difference.bit_count() == 1 else _FAILS
        return question.judged(magic, stored, computed)

    return answer


_CODES = {1: "B", 2: "H", 4: "L", 8: "Q"}


def _is_of_words(of: Sum) -> bool:
    return 1 <= len(of.terms) <= 2 and all(isinstance(term, Word) for term, _ in of.terms)
