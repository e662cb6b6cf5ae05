"""Numbers, texts and windows that write down what is asked of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

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
    Zero,
    bounds,
)
from kinfo.record.checksum import HEAD_SIZE, State
from kinfo.record.evidence.subject import Window
from kinfo.record.layouts import LARGEST
from kinfo.record.model import Field, Layout

_FEW_VALUES = 2  # bytes: flags and lengths are asked for as they are


class UntracedError(Exception):
    """A value was used in a way that cannot be written down."""


class Asker:
    """One blob of bytes, and what was asked of it, with the answers, in order."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.asked: dict[Question, Answer] = {}

    def ask(self, question: Question) -> Any:
        """The answer, written down."""
        if question not in self.asked:
            self.asked[question] = question.answer(self.data)
        return self.asked[question]

    def number(self, term: Term) -> TracedNumber:
        """A number of the blob."""
        return TracedNumber(self, Sum(((term, 1),), 0))

    def field(self, offset: int, size: int) -> TracedNumber | int:
        """A number at an offset; one of few values as it is."""
        return self.ask(Exactly(Word(offset, size))) if size <= _FEW_VALUES else self.number(Word(offset, size))


class Untold:
    """Something that only sentences show: it cannot be looked at, so no answer can depend on it."""

    def __format__(self, spec: str) -> str:
        return "?"

    __str__ = __repr__ = lambda _: "?"

    def __bool__(self) -> bool:
        raise UntracedError


class TracedNumber:
    """An integer of the blob, or arithmetic of some. Comparing it asks; it is no int, so nothing else can be done."""

    __slots__ = ("_asker", "of")

    def __init__(self, asker: Asker, of: Sum) -> None:
        self._asker = asker
        self.of = of

    def _is_negative(self, of: Sum) -> bool:
        low, high = bounds(of)
        if low >= 0 or high < 0:
            return high < 0
        return bool(self._asker.ask(Negative(of)))

    def _less(self, other: object, plus: int = 0) -> Sum:
        if isinstance(other, int):
            return Sum(self.of.terms, self.of.constant - other + plus)
        return self.of.plus(_sum_of(other), -1).plus(Sum((), plus))

    def __lt__(self, other: object) -> bool:
        return self._is_negative(self._less(other))

    def __le__(self, other: object) -> bool:
        return self._is_negative(self._less(other, -1))

    def __gt__(self, other: object) -> bool:
        return self._is_negative(self._less(other).times(-1))

    def __ge__(self, other: object) -> bool:
        return not self < other

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (int, TracedNumber)):
            return False
        difference = self._less(other)
        low, high = bounds(difference)
        if low > 0 or high < 0 or low == high:
            return low == high == 0
        return bool(self._asker.ask(Zero(difference)))

    __hash__ = None  # type: ignore[assignment]  # a set would compare by it unseen

    def __bool__(self) -> bool:
        return self != 0

    def __add__(self, other: int | TracedNumber) -> TracedNumber:
        return TracedNumber(self._asker, self.of.plus(_sum_of(other)))

    __radd__ = __add__

    def __sub__(self, other: int | TracedNumber) -> TracedNumber:
        return TracedNumber(self._asker, self._less(other))

    def __rsub__(self, other: int | TracedNumber) -> TracedNumber:
        return -self + other

    def __neg__(self) -> TracedNumber:
        return TracedNumber(self._asker, self.of.times(-1))

    def __abs__(self) -> TracedNumber:
        return -self if self < 0 else self

    def __mul__(self, factor: int) -> TracedNumber:
        return TracedNumber(self._asker, self.of.times(_constant(factor)))

    __rmul__ = __mul__

    def __mod__(self, by: int) -> TracedNumber | Untold:
        return self._part("%", by)

    def __floordiv__(self, by: int) -> TracedNumber | Untold:
        return self._part("//", by)

    def __rshift__(self, bits: int) -> TracedNumber | Untold:
        return self._part("//", 1 << bits)

    def __and__(self, mask: int) -> TracedNumber | Untold:
        return self._part("&", mask)

    def _part(self, how: str, by: int) -> TracedNumber | Untold:
        """What `vectors` can form of any number, in 64 bits; of others only a sentence can be made."""
        low, high = bounds(self.of)
        is_narrow = low >= -(1 << 63) and high < 1 << 63
        is_mask = how == "&" and low >= 0 and high < 1 << 64
        is_power = how == "%" and _constant(by).bit_count() == 1 and by <= 1 << 64
        if _constant(by) <= 0 or not (is_mask or is_power or (is_narrow and how != "&")):
            return Untold()
        return TracedNumber(self._asker, Sum(((DerivedTerm(how, self.of, by), 1),), 0))

    def exactly(self) -> int:
        """The number as it is, asked for."""
        return self.of.constant + sum(factor * int(self._asker.ask(Exactly(term))) for term, factor in self.of.terms)

    def bit_count(self) -> int:
        """As int has it."""
        return self.exactly().bit_count()

    def __rlshift__(self, other: int) -> int:
        return other << self.exactly()

    def __format__(self, spec: str) -> str:
        return "?"

    __str__ = __repr__ = lambda _: "?"


def _constant(value: object) -> int:
    if not isinstance(value, int):
        raise UntracedError
    return value


def _sum_of(value: object) -> Sum:
    return value.of if isinstance(value, TracedNumber) else Sum((), _constant(value))


class Text:
    """A text field of the blob: it equals another, or is looked at by a function."""

    __slots__ = ("_asker", "place")

    def __init__(self, asker: Asker, start: int, end: int) -> None:
        self._asker = asker
        self.place = (start, end)

    def __getitem__(self, part: slice) -> Text:
        start, end, _ = part.indices(self.place[1] - self.place[0])
        return Text(self._asker, self.place[0] + start, self.place[0] + end)

    def looked_at(self, function: Look, texts: tuple[Text, ...]) -> Any:
        """What a function says of texts, of which this is one."""
        return self._asker.ask(Seen(function, tuple(text.place for text in texts)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Text):
            return False
        return self.place == other.place or bool(self.looked_at(_are_equal, (self, other)))

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise UntracedError


def _are_equal(one: bytes, other: bytes) -> bool:
    return one == other


class TracedValues(Mapping[str, Any]):
    """The fields of a layout in the blob, as far as its window goes; asked for one by one."""

    def __init__(self, asker: Asker, layout: Layout, start: int, size: int) -> None:
        self._asker, self._start = asker, start
        self._fields = {name: field for name, field in layout.by_name.items() if field.end <= size}

    def __getitem__(self, name: str) -> Any:
        field = self._fields[name]
        if not field.elements:
            return self._one(field, field.offset, field.size)
        size = field.size // field.elements
        return tuple(self._one(field, field.offset + index * size, size) for index in range(field.elements))

    def _one(self, field: Field, offset: int, size: int) -> Any:
        at = self._start + offset
        return Text(self._asker, at, at + size) if field.is_text else self._asker.field(at, size)

    def get(self, name: str, default: Any = None) -> Any:
        """The field; the default where it is not there."""
        return self[name] if name in self._fields else default

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


class TracedSum:
    """A checksum of which only the verdict is known; its numbers are for sentences."""

    def __init__(self, state: State, holds_but_for_the_magic: bool, is_one_bit_off: bool) -> None:
        self.state, self.holds_but_for_the_magic = state, holds_but_for_the_magic
        self.flipped_bit = 0 if is_one_bit_off else None
        self.stored = self.computed = Untold()


class TracedWindow(Window):
    """A window that is part of a blob, and writes down what is asked of it."""

    def __init__(self, asker: Asker, start: int, size: int, *, is_end: bool) -> None:
        self._asker, self._start, self.size, self.is_end = asker, start, size, is_end

    @property
    def data(self) -> bytes:  # type: ignore[override]
        """Raises UntracedError: the bytes are asked about."""
        raise UntracedError

    def look(self, function: Look, *ranges: tuple[int, int]) -> Any:
        """See Window."""
        limit = self._start + self.size
        return self._asker.ask(
            Seen(function, tuple((self._start + start, min(self._start + end, limit)) for start, end in ranges))
        )

    def word(self, offset: int) -> int:
        """See Window."""
        return int(self._asker.ask(Exactly(Word(self._start + offset, 4))))

    def checksum(self, layout: Layout) -> Any:
        """See Window."""
        if self.size < layout.size:
            there = (min(self.size, LARGEST + 4) - HEAD_SIZE) // 4
            return TracedSum(*self._asker.ask(Summed(self._start, there, None)))
        return TracedSum(*self._asker.ask(Summed(self._start, layout.words, layout.magic)))

    def values(self, layout: Layout) -> TracedValues:
        """See Window."""
        return TracedValues(self._asker, layout, self._start, self.size)

    def shown(self, start: int, end: int) -> Any:  # noqa: ARG002  # as in Window
        """See Window."""
        return Untold()

    def filled(self, end: int) -> Any:
        """See Window."""
        return self._asker.number(Filled(self._start, self._start + min(end, self.size)))

    def first_byte(self, start: int, end: int) -> Any:
        """See Window."""
        limit = min(end, self.size)
        return self._asker.number(FirstByte(self._start + start, self._start + limit)) - self._start

    def cut(self, end: int) -> TracedWindow:
        """See Window."""
        return TracedWindow(self._asker, self._start, min(end, self.size), is_end=True)
