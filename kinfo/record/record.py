"""A decoded record as data: where it lies, under which layout, and its values. What follows from them is in `examine`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from kinfo.errors import UnknownFieldError, did_you_mean
from kinfo.frozen import Frozen
from kinfo.named import NamedTuple
from kinfo.printable import brief
from kinfo.record import kernels, text
from kinfo.record.checksum import Checksum, State
from kinfo.record.detect import Confidence
from kinfo.record.evidence import Evidence
from kinfo.record.fields import HEAD_FIELDS, NOTES
from kinfo.record.model import Layout, Value
from kinfo.typed import TYPE_CHECKING, Any, NoReturn

Content = int | str | bytes | list[int] | list[str | bytes]


class Rival(NamedTuple):
    """Another layout that the evidence does not rule out, and the fields in which the two readings differ."""

    layout: Layout
    fields: tuple[str, ...]

    def __repr__(self) -> str:
        return brief(self, self.layout.alias)


class Weighed(NamedTuple):
    """One layout's evidence, for whoever wants to see why: points, and the observations behind them."""

    layout: Layout
    points: int
    evidence: tuple[Evidence, ...]

    def __repr__(self) -> str:
        return brief(self, f"{self.layout.alias}: {self.points} points by {len(self.evidence)} observations")


class Fields(dict[str, Content]):
    """The fields of a record's body by their C names, in order: integers, text up to its NUL, and lists of them.

    Text is a str where it is printable ASCII without a backslash, else the bytes as they are. A name that is not there raises
    UnknownFieldError, which is a KeyError; `get` gives its default only for a field of another layout, or one that
    the dump does not reach.
    """

    def __missing__(self, name: str) -> NoReturn:
        raise UnknownFieldError(*_not_there(name, self))

    if not TYPE_CHECKING:  # dict's own types are the right ones

        def get(self, name: str, default: Any = None) -> Any:
            """The field, or the default. Raises UnknownFieldError for a name that no layout has."""
            if name not in self:
                must_be_a_field(name)
            return super().get(name, default)

    def __repr__(self) -> str:
        return brief(self, f"of {len(self)}: {', '.join(f'{name} {self[name]!r}' for name in self)}")


def must_be_a_field(name: str) -> None:
    """Raise UnknownFieldError for a name that no layout has."""
    if name not in NOTES:
        raise UnknownFieldError(
            f"no layout has a field {name!r}", did_you_mean(str(name), NOTES, "`kinfo layouts C` lists fields")
        )


def _not_there(name: str, fields: Fields) -> tuple[str, str]:
    must_be_a_field(name)
    if name in HEAD_FIELDS:
        return f"{name} is not of the body", f"record.number({name!r}) has it, and record.checksum"
    return (
        f"the record has no field {name!r}: another layout has it, or the dump ends before it",
        did_you_mean(name, fields, "record.layout.by_name has those of its layout"),
    )


class Record(Frozen):
    """One record out of a dump.

    `offset` is its first byte's place in the dump, `base` the physical address of the dump's first byte where known,
    `raw` the record's bytes, `region_size` the size of the region where the dump is just that. `layout` is None for an erased
    region, of which nothing can be said. `tail_start` is where in that region
    the first byte that is not zero lies behind the record; None where there is none. `is_alone`
    says of a vendor block that no kernel's record lies in the other half. `values`
    holds the raw value of every field that is there, `weigh` gives what `weighed` keeps.
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
    weigh: Callable[[], tuple[Weighed, ...]] = tuple

    @cached_property
    def weighed(self) -> tuple[Weighed, ...]:
        """Every layout's evidence, best first."""
        return self.weigh()

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
    def tail_place(self) -> int:
        """The same as a number: 0 where there is none."""
        return self.tail_start or 0

    @cached_property
    def suffix(self) -> str:
        """How the names of its pointers end: "va" in kdebuginfo, else "pa"."""
        return self.layout.suffix if self.layout else "pa"

    @property
    def address(self) -> int | None:
        """Physical address of the record, where the dump's base is known."""
        return None if self.base is None else self.base + self.offset

    @property
    def fields(self) -> Fields:
        """The body's fields as numbers and text, for reading: see `Fields`. `values` holds them raw."""
        return Fields({name: content(value) for name, value in self.values.items() if name not in HEAD_FIELDS})

    @property
    def after_nul(self) -> dict[str, bytes]:
        """What text fields hold behind their first NUL, without the zeros at its end."""
        texts = {name: value for name, value in self.values.items() if isinstance(value, bytes)}
        return {name: tail for name, raw in texts.items() if (tail := text.after_nul(raw))}

    def number(self, name: str) -> int | None:
        """An integer field; None when the layout has none of that name or the dump ends before it.

        Raises UnknownFieldError for a name that no layout has.
        """
        value = self.values.get(name)
        if value is None:
            must_be_a_field(name)
        return value if isinstance(value, int) else None

    def string(self, name: str) -> bytes | None:
        """A text field's raw bytes, all of them; None, and errors, as for `number`."""
        value = self.values.get(name)
        if value is None:
            must_be_a_field(name)
        return value if isinstance(value, bytes) else None

    def pointer(self, stem: str) -> int | None:
        """An address by the middle of its name: "stext" is `_stext_pa`, or `_stext_va` in kdebuginfo. As for `number`.

        Some exist as physical addresses only (`_text_pa`, `_seqs_of_names_pa`): None in kdebuginfo.
        """
        value = self.values.get(f"_{stem}_{self.suffix}")
        if value is None:
            must_be_a_field(f"_{stem}_pa")
        return value if isinstance(value, int) else None

    @property
    def release_raw(self) -> bytes:
        """The release's bytes, all of them; empty when there is none."""
        return self.string("last_uts_release") or self.string("uts_release") or b""

    @cached_property
    def release_text(self) -> str:
        """The kernel release, escaped; empty when there is none."""
        return text.escape(text.before_nul(self.release_raw))

    @cached_property
    def release(self) -> kernels.Release | None:
        """The release taken apart; None when it is missing or does not begin with a version."""
        return kernels.parse_release(self.release_text)

    def __repr__(self) -> str:
        what = f"{self.layout.name} ({self.layout.alias}), {self.confidence.value}" if self.layout else "erased region"
        release = f", {self.release_text}" if self.release_text else ""
        return brief(self, f"{what}, at {self.offset:#x}, checksum {self.state.value}{release}")

    def _repr_html_(self) -> str:
        from kinfo.notebook import table
        from kinfo.record.shown import shown_fields

        rows = [(name, value, NOTES[name].meaning) for name, value in shown_fields(self).items()]
        return table(repr(self).strip("<>"), ("field", "value", "meaning"), rows)


def content(value: Value) -> Content:
    """A raw value as a number or text."""
    if isinstance(value, tuple):
        return [text.plain(item) if isinstance(item, bytes) else item for item in value]  # type: ignore[return-value]  # one kind of item an array
    return text.plain(value) if isinstance(value, bytes) else value
