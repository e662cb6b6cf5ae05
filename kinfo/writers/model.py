"""A driver, what is asked of it, and the record that it leaves, with an explanation of every field."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kinfo.errors import FieldError
from kinfo.printable import brief
from kinfo.record.encode import encode
from kinfo.record.fields import HEAD_FIELDS
from kinfo.record.kernels import parse_release
from kinfo.record.layouts import layout_named
from kinfo.record.model import Layout
from kinfo.record.record import Content, content
from kinfo.writers.fillings import Facts, Filling


class Registered(NamedTuple):
    """A region of the inspect table: its id's name (the symbol), VA, PA (0: not set), bytes, and the id (None: not known).

    Where `va` is None the region lies where the facts have the symbol.
    """

    name: str
    va: int | None
    pa: int = 0
    size: int = 8
    id: int | None = None


@dataclass(frozen=True)
class Request:
    """What a driver is asked to do.

    `build_info` are successive writes to the module parameter. `entries` are the regions that are registered, in that order
    (None: those that the driver needs, out of the facts); `after` stops behind so many of them, `only` passes those of these
    names or ids alone.
    """

    facts: Facts
    layout: Layout
    build_info: Sequence[str] = ()
    entries: Sequence[Registered] | None = None
    after: int | None = None
    only: Collection[str] | None = None


class Plan(NamedTuple):
    """A rule for every field that the driver writes or is known to leave. `is_summed`: whether magic and checksum are set."""

    fillings: Mapping[str, Filling]
    is_summed: bool = True
    notes: tuple[str, ...] = ()


class Written(NamedTuple):
    """What a field holds and why: the driver's expression ("" where it stores nothing) and the facts behind it."""

    field: str
    value: Content
    expression: str
    facts: tuple[str, ...]
    why: str


class Built(NamedTuple):
    """A record as a driver leaves it. `notes` say what the driver does that is not in the bytes."""

    driver: str
    layout: Layout
    data: bytes
    written: tuple[Written, ...]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return brief(self, f"{self.driver}: {self.layout.name} ({self.layout.alias}), {len(self.data)} bytes")


@dataclass(frozen=True)
class Driver:
    """A writer of the record. `layouts` are aliases, the one for current kernels first; `default` chooses among them."""

    name: str
    title: str
    layouts: tuple[str, ...]
    plan: Callable[[Request], Plan]
    default: Callable[[tuple[int, int]], str | None] = lambda _: None
    takes_entries: bool = False

    def layout(self, facts: Facts, name: str | None = None) -> Layout:
        """The layout of this name, or the one that the release calls for. Raises FieldError, UnknownNameError."""
        choices = f"choose one of: {', '.join(self.layouts)}"
        if name is not None:
            layout = layout_named(name)
            if layout.alias not in self.layouts:
                raise FieldError(f"{self.name} does not write {layout.name} ({layout.alias})", choices)
            return layout
        if len(self.layouts) == 1:
            return layout_named(self.layouts[0])
        release = parse_release(str(facts.get("release", "")))
        if release is None:
            raise FieldError(
                f"{self.name} has {len(self.layouts)} layouts, and the release that decides is not known", choices
            )
        alias = self.default(release.version)
        if alias is None:
            raise FieldError(
                f"{self.name} is not known to have written a record on {release.text}", f"{choices} with --layout"
            )
        return layout_named(alias)

    def missing(self, request: Request) -> tuple[str, ...]:
        """The facts that the record needs and that are not known. Raises FieldError for what the driver cannot be asked."""
        needed = (name for rule in self._plan(request).fillings.values() for name in rule.facts)
        return tuple(name for name in dict.fromkeys(needed) if name not in request.facts)

    def build(self, request: Request) -> Built:
        """The record. Raises FieldError for missing facts, values that do not fit, and what cannot be asked of the driver."""
        lacking = self.missing(request)
        if lacking:
            raise FieldError(f"{self.name} needs facts that are not known: {', '.join(lacking)}", "see `kinfo facts`")
        plan, layout = self._plan(request), request.layout
        plain = {name: one for name, one in plan.fillings.items() if not layout.by_name[name].elements}
        values = {name: one.value(request.facts) for name, one in plain.items()}
        data = encode(values, layout)
        if not plan.is_summed:  # probed, but no sum formed yet
            behind = layout.by_name[HEAD_FIELDS[-1]].end
            data = bytes(behind) + data[behind:]
        raw = layout.unpack(data)
        written = tuple(
            Written(field.name, content(raw[field.name]), rule.expression, rule.facts, rule.why)
            for field in layout.fields
            if field.name not in HEAD_FIELDS
            for rule in (plan.fillings[field.name],)
        )
        return Built(self.name, layout, data, written, plan.notes)

    def _plan(self, request: Request) -> Plan:
        if not self.takes_entries and not (request.entries is None and request.after is None and request.only is None):
            raise FieldError(f"{self.name} writes the record at once", "entries go with the meminspect and kmemdump drivers")
        plan = self.plan(request)
        names = [name for name in request.layout.by_name if name not in plan.fillings and name not in HEAD_FIELDS]
        if names:
            what = f"{self.name} has no rule for {', '.join(names)} of layout {request.layout.alias}"
            raise FieldError(what, "add it to the driver's plan in kinfo/writers")
        return plan._replace(fillings={name: rule for name, rule in plan.fillings.items() if name in request.layout.by_name})

    def __repr__(self) -> str:
        return brief(self, f"{self.name}: {self.title}; layouts {', '.join(self.layouts)}")
