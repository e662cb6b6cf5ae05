"""A decoded record: the values, and everything that was found out about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from kinfo.findings import Finding
from kinfo.record import kernels, text
from kinfo.record.checksum import Checksum, State
from kinfo.record.detect import Confidence
from kinfo.record.evidence import Evidence
from kinfo.record.model import Field, Layout, Value

Shown = int | str | list[int] | list[str]
HEAD_FIELDS = ("magic_number", "combined_checksum")


class Rival(NamedTuple):
    """Another layout that the evidence does not rule out, and the fields in which the two readings differ."""

    layout: Layout
    fields: tuple[str, ...]


class Weighed(NamedTuple):
    """One layout's evidence, for whoever wants to see why: points, and the observations behind them."""

    layout: Layout
    points: int
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Record:
    """One record out of a dump.

    `offset` is its first byte's place in the dump, `base` the physical address of the dump's first byte where known,
    `raw` the record's bytes, `region_size` the size of the region where the dump is just that. `layout` is None for an erased
    region, of which nothing can be said. `tail_start` is where in that region
    the first byte that is not zero lies behind the record; None where there is none. `is_alone`
    says of a vendor block that no kernel's record lies in the other half. `values`
    holds the raw value of every field that is there.
    """

    layout: Layout | None
    confidence: Confidence
    rivals: tuple[Rival, ...]
    offset: int
    base: int | None
    raw: bytes
    checksum: Checksum
    values: Mapping[str, Value]
    region_size: int | None = None
    is_forced: bool = False
    tail_start: int | None = None
    vendor: Record | None = None
    is_alone: bool = False
    weighed: tuple[Weighed, ...] = ()

    @cached_property
    def writers(self) -> tuple[str, ...]:
        """The drivers that can have written it."""
        from kinfo.record.writers import possible_writers

        return possible_writers(self)

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """Fields that are 0 although a finished record of a kernel has them."""
        from kinfo.record.check.completeness import missing_fields

        return missing_fields(self)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with it, the gravest first; made when first asked for: a reader of addresses has no use for them."""
        from kinfo.record import check

        return check.run(self)

    @property
    def state(self) -> State:
        """The checksum's state."""
        return self.checksum.state

    @property
    def size(self) -> int:
        """Size of the record in bytes (of the erased region where there is no record)."""
        return self.layout.size if self.layout else len(self.raw)

    @property
    def is_truncated(self) -> bool:
        """Whether the dump ends inside the record."""
        return self.layout is not None and len(self.raw) < self.layout.size

    @property
    def tail_is_zero(self) -> bool:
        """Whether nothing but zeros follows the record in its region, up to a vendor block."""
        return self.tail_start is None

    @property
    def suffix(self) -> str:
        """How the names of its pointers end: "va" in kdebuginfo, else "pa"."""
        return self.layout.suffix if self.layout else "pa"

    @property
    def address(self) -> int | None:
        """Physical address of the record, where the dump's base is known."""
        return None if self.base is None else self.base + self.offset

    @property
    def fields(self) -> dict[str, Shown]:
        """The body's fields as JSON shows them: numbers to 32 bits, hex strings for 64, text up to its NUL, escaped."""
        by_name = self.layout.by_name if self.layout else {}
        return {name: show(by_name[name], value) for name, value in self.values.items() if name not in HEAD_FIELDS}

    @property
    def after_nul(self) -> dict[str, str]:
        """What text fields hold behind their first NUL, in hex and without the zeros at its end."""
        texts = {name: value for name, value in self.values.items() if isinstance(value, bytes)}
        return {name: text.after_nul(raw).hex() for name, raw in texts.items() if text.after_nul(raw)}

    def number(self, name: str) -> int | None:
        """An integer field; None when the layout has none of that name or the dump ends before it."""
        value = self.values.get(name)
        return value if isinstance(value, int) else None

    def string(self, name: str) -> bytes | None:
        """A text field's raw bytes, all of them; None as for `number`."""
        value = self.values.get(name)
        return value if isinstance(value, bytes) else None

    @cached_property
    def release_text(self) -> str:
        """The kernel release, escaped; empty when there is none."""
        raw = self.string("last_uts_release") or self.string("uts_release") or b""
        return text.escape(text.before_nul(raw))

    @cached_property
    def release(self) -> kernels.Release | None:
        """The release taken apart; None when it is missing or does not begin with a version."""
        return kernels.parse_release(self.release_text)


def show(field_: Field, value: Value) -> Shown:
    """A field's value as JSON, YAML and text show it."""
    if isinstance(value, tuple):
        return [_show_one(field_, item) for item in value]  # type: ignore[return-value]  # one kind of item an array
    return _show_one(field_, value)


def _show_one(field_: Field, value: int | bytes) -> int | str:
    if isinstance(value, bytes):
        return text.escape(text.before_nul(value))
    return f"{value:#x}" if field_.bits == 64 else value
