"""What a persistent buffer holds: the sound sub-buffers of each CPU, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from kinfo.memory import Dump
from kinfo.regions.trace import subbuffer
from kinfo.regions.trace.find import TraceRegion
from kinfo.regions.trace.meta import TraceCpu
from kinfo.regions.trace.order import order
from kinfo.regions.trace.subbuffer import Record, SubBuffer, TraceDamagedError

_KEPT = 4 << 20  # bytes of a buffer whose records' places are kept: as many as 350,000
_LEAST = 8  # bytes of struct trace_entry, with which every event begins


class Sound(NamedTuple):
    """A sub-buffer that can be read: how many records with data it has, and the time of the last.

    The first `skip` bytes of its records are left out: a reader has consumed them. `found` are the places of the records
    where they are kept; else they are walked to again when they are asked for: there may be more than memory has room for.
    """

    sub: SubBuffer
    word: int
    events: int
    last: int
    skip: int = 0
    found: list[Record] | None = None

    def records(self, cpu: int) -> list[tuple[int, int, int, int, int, bytes]]:
        """Each record: time, CPU, events lost before it, its first two words (type, flags; pid) and its bytes."""
        raw, header, skip = bytes(self.sub.raw), 8 + self.word, self.skip
        data = subbuffer.words(self.sub, self.word)
        records = [
            (time, cpu, 0, data[at], data[at + 1], raw[header + 4 * at : header + 4 * at + size])
            for time, at, size in self.found or subbuffer.walk(self.sub, data)
            if size >= _LEAST and 4 * at > skip
        ]
        if records and self.sub.missed:
            first = records[0]
            records[0] = (*first[:2], self.sub.missed, *first[3:])
        return records


class Damaged(NamedTuple):
    """A sub-buffer that is left out: its number, and why."""

    number: int
    why: str


class CpuTrace(NamedTuple):
    """A CPU's sub-buffers, oldest first; `before` are older ones that a reader has consumed, and which are still there.

    `fault` says why the order is by time stamps. `backwards` are numbers of those that begin before the one in front of
    them ends. `overrun` and `dropped` count events that were overwritten, or not recorded, where a kernel says so.
    """

    number: int
    parts: tuple[Sound, ...]
    before: tuple[Sound, ...]
    damaged: tuple[Damaged, ...]
    fault: str = ""
    backwards: tuple[int, ...] = ()
    overrun: int = 0
    dropped: int = 0

    @property
    def events(self) -> int:
        """How many records with data there are."""
        return sum(part.events for part in self.parts)

    def records(self, *, consumed: bool = False) -> Iterator[tuple[int, int, int, int, int, bytes]]:
        """Every record, oldest first; with those that a reader has consumed where these are wanted."""
        for part in (*self.before, *self.parts) if consumed else self.parts:
            yield from part.records(self.number)


def read(source: Dump, region: TraceRegion, cpu: TraceCpu) -> CpuTrace:
    """A CPU's part."""
    told = order(cpu, region.shift)
    if told.fault:
        parts, damaged = _sound(source, region, cpu, range(cpu.length))
        parts.sort(key=lambda part: part.sub.time)
        return CpuTrace(cpu.number, tuple(parts), (), tuple(damaged), told.fault, _backwards(parts))
    parts, damaged = _sound(source, region, cpu, told.written)
    older, _ = _sound(source, region, cpu, told.before)
    return CpuTrace(cpu.number, tuple(parts), tuple(_consumed(older, parts)), tuple(damaged), backwards=_backwards(parts))


def _sound(source: Dump, region: TraceRegion, cpu: TraceCpu, numbers: Iterable[int]) -> tuple[list[Sound], list[Damaged]]:
    """Those that hold something, and those that make no sense."""
    word = region.form.word
    parts: list[Sound] = []
    damaged: list[Damaged] = []
    for number in numbers:
        try:
            raw = source.view(cpu.start + number * cpu.size, cpu.size)
            if len(raw) < cpu.size:
                raise TraceDamagedError("the dump has not all of it")
            if part := sound(raw, word, number, keep=region.size <= _KEPT):
                parts.append(part)
        except TraceDamagedError as error:
            damaged.append(Damaged(number, str(error)))
    return parts, damaged


def sound(raw: bytes | memoryview, word: int, number: int, skip: int = 0, *, keep: bool = False) -> Sound | None:
    """A sub-buffer by its bytes, without the first `skip` bytes of its records; None for an empty one.

    `keep` the places of its records. Raises TraceDamagedError where it makes no sense.
    """
    sub = subbuffer.head(raw, word, number)
    records = subbuffer.walk(sub, subbuffer.words(sub, word))
    if not sub.used or (skip and skip >= sub.used):
        return None
    last = records[-1][0] if records else sub.time
    return Sound(
        sub, word, sum(4 * at > skip for _, at, _ in records) if skip else len(records), last, skip, records if keep else None
    )


def _consumed(older: list[Sound], parts: list[Sound]) -> list[Sound]:
    """Of the sub-buffers before head those that were written before it, the newest ones without a gap in time."""
    kept: list[Sound] = []
    end = parts[0].sub.time if parts else None
    for part in reversed(older):
        if end is not None and part.last > end:
            break
        kept.append(part)
        end = part.sub.time
    return kept[::-1]


def _backwards(parts: list[Sound]) -> tuple[int, ...]:
    return tuple(part.sub.number for before, part in pairwise(parts) if part.sub.time < before.last)
