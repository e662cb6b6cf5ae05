"""A record whose fields write down what is asked of them: findings and writers by the same checks as of any record."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from typing import Any, NamedTuple

from kinfo.examine import check
from kinfo.examine.examined import Examined
from kinfo.examine.written_by import possible_writers
from kinfo.findings import worst
from kinfo.record import kernels, text
from kinfo.record.asked.questions import FirstByte
from kinfo.record.asked.traced import Asker, Text, TracedNumber, TracedWindow, UntracedError
from kinfo.record.checksum import State
from kinfo.record.decode import Detected
from kinfo.record.record import must_be_a_field


class RecordPlace(NamedTuple):
    """Where a record is read in a blob: its first byte, the bytes of its window, where its tail ends, the region's size."""

    start: int
    window: int
    tail_end: int
    region: int


class Codes(NamedTuple):
    """What of the findings goes into columns, and the writers."""

    codes: tuple[str, ...]
    worst: str
    writers: tuple[str, ...]


def judged(record: Examined) -> Codes:
    """Of a record, traced or not."""
    findings = check.run(record)
    gravest = worst(findings)
    return Codes(tuple(one.code for one in findings), gravest.value if gravest else "", possible_writers(record))


class _Release:
    """The release's text as far as it is asked for."""

    def __init__(self, raw: Text | None) -> None:
        self._raw = raw

    def __bool__(self) -> bool:
        return self._raw is not None and not text.look(text.is_blank, self._raw[:1])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, str):
            raise UntracedError
        if not other or self._raw is None:
            return bool(not other and not self)
        return bool(text.look(_reads(other), self._raw[: len(other) + 1]))

    __hash__ = None  # type: ignore[assignment]

    def __format__(self, spec: str) -> str:
        return "?"

    __str__ = __repr__ = lambda _: "?"


def _text_of(raw: bytes) -> str:
    return text.escape(text.before_nul(raw))


@cache
def _reads(wanted: str) -> Callable[[bytes], bool]:
    """The same function for the same text, as questions are compared by it. One byte more tells a longer text."""
    return lambda raw: _text_of(raw) == wanted


def _version_of(raw: bytes) -> kernels.Version | None:
    release = kernels.parse_release(_text_of(raw))
    return release.version if release else None


def _is_android(raw: bytes) -> bool:
    return kernels.is_android(_text_of(raw))


class TracedRecord(Examined):
    """As `decode` would have made it of the blob, but that nothing can be had of it without asking."""

    asker: Asker = Asker(b"")
    place: RecordPlace = RecordPlace(0, 0, 0, 0)

    @classmethod
    def at(cls, asker: Asker, place: RecordPlace, reading: Detected, vendor: TracedRecord | None) -> TracedRecord:
        """The record of a reading."""
        assert reading.layout is not None
        window = TracedWindow(asker, place.start, place.window, is_end=False)
        return cls(
            layout=reading.layout,
            confidence=reading.confidence,
            rivals=reading.rivals,
            offset=place.start,
            base=None,
            raw=b"",
            checksum=window.checksum(reading.layout),
            values=window.values(reading.layout),
            region_size=place.region,
            vendor=vendor,
            asker=asker,
            place=place,
        )

    @property
    def is_truncated(self) -> bool:
        """See Record."""
        return self.layout is not None and self.place.window < self.layout.size

    @cached_property
    def _tail(self) -> Any:
        start = self.place.start + self.size
        return self.asker.number(FirstByte(start, max(start, self.place.tail_end)))

    @property
    def tail_is_zero(self) -> bool:
        """See Record."""
        return self.place.tail_end <= self.place.start + self.size or not self._tail < self.place.tail_end

    @property
    def tail_place(self) -> Any:
        """See Record."""
        return 0 if self.tail_is_zero else self._tail - self.place.start

    def number(self, name: str) -> Any:
        """See Record."""
        value = self.values.get(name)
        if value is None:
            must_be_a_field(name)
        return value if isinstance(value, (int, TracedNumber)) else None

    def string(self, name: str) -> Any:
        """See Record."""
        value = self.values.get(name)
        return value if isinstance(value, Text) else None

    def pointer(self, stem: str) -> Any:
        """See Record."""
        return self.values.get(f"_{stem}_{self.suffix}")

    @property
    def release_raw(self) -> Any:
        """See Record."""
        raw = self.string("last_uts_release")
        return self.string("uts_release") if raw is None else raw

    @cached_property
    def release_text(self) -> Any:
        """See Record."""
        return _Release(self.release_raw)

    @cached_property
    def release(self) -> kernels.Release | None:
        """See Record."""
        raw = self.release_raw
        version = None if raw is None else text.look(_version_of, raw[: kernels.LONGEST_VERSION])
        return None if version is None else kernels.Release("?", version, text.look(_is_android, raw))


def judge(record: TracedRecord) -> Codes:
    """Its findings and writers. Raises UntracedError where a flipped bit would be looked for, word by word."""
    if record.state is State.MISMATCH:
        raise UntracedError
    return judged(record)
