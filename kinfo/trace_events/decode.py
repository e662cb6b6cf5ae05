"""Records made events: which event, when, on which CPU, in which task, and what it says."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kinfo.trace_events import builtin
from kinfo.trace_events.cexpr import ExprError
from kinfo.trace_events.formats import COMMON, EventField, EventFormat
from kinfo.trace_events.lookups import Lookups, NoLookups
from kinfo.trace_events.printf import Show, compiled
from kinfo.trace_events.values import text_of

# A record: time, CPU, how many were lost before it (-1: not known), the words of its head, its bytes.
Raw = tuple[int, int, int, int, int, bytes]
_MOST_ELEMENTS = 4096
_REMEMBERED = 4096  # texts of an event


class Shower(NamedTuple):
    """How an event is shown: `name` stands in front of its text where it is not "".

    `least` is the bytes that a record of it has at least, `known` the texts of records by what is behind the common fields.
    `is_counted`: no format is of it.
    """

    label: str
    name: str
    least: int
    show: Show
    known: dict[bytes, str]
    is_counted: bool = False


class Events:
    """The events of a kernel, by id. `missing` counts the records of ids that no format is of, `short` those cut short.

    `doubts` has the reason for every event whose print format is not understood: its fields are shown instead.
    """

    def __init__(
        self,
        formats: Mapping[int, EventFormat],
        lookups: Lookups | None = None,
        comms: dict[int, str] | None = None,
        long: int = 8,
    ) -> None:
        self.formats = formats
        self.long = long
        self.lookups = lookups or NoLookups()
        self._comms = {**(comms or {}), 0: "<idle>"}
        self.missing: dict[int, int] = {}
        self.doubts: dict[str, str] = {}
        self.short = 0
        self.showers: dict[int, Shower] = {}

    def know(self, comms: dict[int, str]) -> None:
        """Names of tasks by pid."""
        self._comms |= comms

    def knows(self, pid: int) -> bool:
        """Whether the name of a task is known."""
        return pid in self._comms

    def comm(self, pid: int) -> str:
        """The name of a task; <...> where it is not known, as the kernel shows it."""
        return self._comms.get(pid, "<...>")

    def shower(self, number: int) -> Shower:
        """How the event of an id is shown."""
        found = self.showers.get(number)
        if found is None:
            found = self.showers[number] = self._built(number)
        return found

    def _built(self, number: int) -> Shower:
        format_ = self.formats.get(number)
        if format_ is None:
            return Shower(
                f"event {number}", f"event {number}", COMMON, lambda raw: bytes(raw[COMMON:]).hex(" "), {}, is_counted=True
            )
        least = max((field.offset + field.size for field in format_.fields), default=COMMON)
        try:
            if own := builtin.shown(format_, self.lookups, self.long):
                return Shower(format_.name, "", least, own, {})
            found = compiled(format_, self.lookups, self.long)
            if found.doubt:
                self.doubts[format_.name] = found.doubt
            return Shower(format_.name, format_.name, least, found.show, {})
        except (ExprError, RecursionError) as error:
            self.doubts[format_.name] = str(error) or "it is too deep"
            return Shower(format_.name, format_.name, least, lambda raw: self._by_fields(format_, raw), {})

    def _by_fields(self, format_: EventFormat, raw: bytes) -> str:
        return " ".join(f"{name}={_short(value)}" for name, value in fields(format_, raw).items())

    def text(self, number: int, raw: bytes) -> tuple[str, str]:
        """Name and text of a record. Records that are shorter than their event is, are not read."""
        shower = self.showers.get(number) or self.shower(number)
        body = raw[COMMON:]
        said = shower.known.get(body)
        if said is None:
            said = self._said(number, shower, raw, body)
        elif shower.is_counted:
            self._count(number, shower, raw)
        return shower.name, said

    def _said(self, number: int, shower: Shower, raw: bytes, body: bytes) -> str:
        """The text of a record that is not like one before it: what its own fields hold is all that it depends on."""
        self._count(number, shower, raw)
        if len(raw) < shower.least:
            return f"(cut short: {len(raw)} of {shower.least} bytes)"
        said = shower.show(raw)
        if len(shower.known) > _REMEMBERED:
            shower.known.clear()
        shower.known[body] = said
        return said

    def _count(self, number: int, shower: Shower, raw: bytes) -> None:
        if number not in self.formats:
            self.missing[number] = self.missing.get(number, 0) + 1
        self.short += len(raw) < shower.least


def fields(format_: EventFormat, raw: bytes) -> dict[str, Any]:
    """The values of a record's fields, by name."""
    return {field.name: value(field, raw) for field in format_.fields}


def value(field: EventField, raw: bytes) -> Any:
    """A field's value: a number, text, a list of numbers; hex where it is none of them."""
    part = raw[field.offset : field.offset + field.size]
    if field.is_dynamic:
        word = int.from_bytes(part[:4], "little")
        start = (word & 0xFFFF) + (field.offset + 4 if field.type.startswith("__rel_loc") else 0)
        part = raw[start : start + (word >> 16)]
        return text_of(part) if field.is_text else part.hex()
    if field.is_text:
        return text_of(part)
    if field.elements and field.element in (1, 2, 4, 8) and field.elements <= _MOST_ELEMENTS:
        step = field.element
        return [int.from_bytes(part[at : at + step], "little", signed=field.is_signed) for at in range(0, len(part), step)]
    if field.size in (1, 2, 4, 8) and not field.elements:
        return int.from_bytes(part, "little", signed=field.is_signed)
    return part.hex()


def _short(value_: Any) -> str:
    if isinstance(value_, int):
        return f"0x{value_:x}" if value_ > 1 << 31 else str(value_)
    return ",".join(map(str, value_)) if isinstance(value_, list) else str(value_)


def merged(cpus: Sequence[Iterator[Raw]]) -> Iterator[Raw]:
    """The records of all CPUs by their time, those of a CPU in their order; the lower CPU first where times are equal."""
    return cpus[0] if len(cpus) == 1 else heapq.merge(*cpus)
