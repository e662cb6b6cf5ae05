"""A field's value in words: as JSON, YAML, text and the sentences of findings show it."""

from __future__ import annotations

from kinfo.record import text
from kinfo.record.fields import HEAD_FIELDS
from kinfo.record.model import Field, Value, bits_of
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.record.record import Content, Record

Shown = int | str | list[int] | list[str]


def show(field_: Field, value: Value) -> Shown:
    """A field's raw value: numbers to 32 bits as they are, 64 bits as hex strings, text up to its NUL, escaped."""
    return words(field_.name, value)


def words(name: str, value: Value | Content) -> Shown:
    """The same by the field's name, for a value that may be text already. A name has one width in every layout."""
    if isinstance(value, (tuple, list)):
        return [_one(name, item) for item in value]  # type: ignore[return-value]  # one kind of item an array
    return _one(name, value)


def _one(name: str, value: int | str | bytes) -> int | str:
    if isinstance(value, bytes):
        return text.escape(text.before_nul(value))
    return f"{value:#x}" if isinstance(value, int) and bits_of(name) == 64 else value


def shown_fields(record: Record) -> dict[str, Shown]:
    """The body's fields, likewise."""
    return {name: words(name, value) for name, value in record.values.items() if name not in HEAD_FIELDS}


def shown_tails(record: Record) -> dict[str, str]:
    """What stands behind the NUL of text fields, in hex."""
    return {name: tail.hex() for name, tail in record.after_nul.items()}
