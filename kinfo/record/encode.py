"""Field values in, a record with a right checksum out: test vectors for whoever reads records.

Values may be raw (int, bytes, tuples of them), as `Record.fields` has them, or as JSON and YAML show them: hex strings for
64-bit numbers, escaped text.
"""

from __future__ import annotations

from collections.abc import Mapping

from kinfo.errors import FieldError, did_you_mean
from kinfo.record.checksum import prefix_sums
from kinfo.record.fields import HEAD_FIELDS
from kinfo.record.model import Field, Layout, Value
from kinfo.record.text import unescape
from kinfo.typed import Any

_BRIEF = 60


def encode(fields: Mapping[str, Any], layout: Layout, after_nul: Mapping[str, str | bytes] | None = None) -> bytes:
    """A record of `layout` with these fields, every other one 0, magic and checksum as a driver writes them.

    `after_nul` gives what stands behind the NUL of a text field: bytes (as `Record.after_nul` has them) or hex digits. Raises
    FieldError for an unknown field, a wrong type, a value that does not fit.
    """
    tails = _tails(after_nul or {}, layout)
    values: dict[str, Value] = {}
    for name in fields:
        if name not in layout.by_name:
            raise FieldError(f"{layout.name} has no field {_brief(name)}", _suggestion(str(name), layout))
        if name in HEAD_FIELDS:
            raise FieldError(f"{name} is computed", "leave it out")
    for field in layout.fields:
        values[field.name] = _value(field, fields.get(field.name, _zero(field)), tails.get(field.name, b""))
    values["magic_number"] = layout.magic
    values["combined_checksum"] = prefix_sums(layout.pack(values))[layout.words]
    return layout.pack(values)


def _brief(given: Any) -> str:
    """A value for a message: short, whatever was given."""
    if isinstance(given, (Mapping, list, tuple, set)):
        return f"a {type(given).__name__}"
    if isinstance(given, int) and given.bit_length() > 128:
        return "a number of more than 128 bits"
    if isinstance(given, (str, bytes)) and len(given) > _BRIEF:
        return f"{given[:_BRIEF]!r}..."
    return repr(given)


def _suggestion(name: str, layout: Layout) -> str:
    return did_you_mean(name, layout.by_name, f"`kinfo layouts {layout.alias}` lists its fields")


def _zero(field: Field) -> Value:
    one: Any = b"" if field.is_text else 0
    return (one,) * field.elements if field.elements else one


def _tails(after_nul: Mapping[str, str | bytes], layout: Layout) -> dict[str, bytes]:
    if not isinstance(after_nul, Mapping):
        raise FieldError("after_nul is no mapping", "write it as `after_nul: {build_info: '2f78'}`")
    tails = {}
    for name, digits in after_nul.items():
        if name not in layout.by_name or not layout.by_name[name].is_text:
            raise FieldError(f"after_nul: {layout.name} has no text field {_brief(name)}", _suggestion(str(name), layout))
        try:
            tails[name] = digits if isinstance(digits, bytes) else bytes.fromhex(digits)
        except (TypeError, ValueError):
            raise FieldError(f"after_nul: {name} is {_brief(digits)}", "write it as a string of hex digits") from None
    return tails


def _value(field: Field, given: Any, tail: bytes) -> Value:
    if not field.elements:
        return _one(field, field.name, given, tail)
    if not isinstance(given, (list, tuple)) or len(given) != field.elements:
        raise FieldError(f"{field.name} is {_brief(given)}", f"it takes a list of {field.elements}")
    return tuple(_one(field, f"{field.name}[{index}]", item, b"") for index, item in enumerate(given))  # type: ignore[return-value]  # one kind of item an array


def _one(field: Field, name: str, given: Any, tail: bytes) -> int | bytes:
    return _text(field, name, given, tail) if field.is_text else _number(field, name, given)


def _text(field: Field, name: str, given: Any, tail: bytes) -> bytes:
    if isinstance(given, str):
        try:
            given = unescape(given)
        except FieldError as error:
            raise FieldError(f"{name}: {error.message}", error.hint) from None
    if not isinstance(given, bytes):
        raise FieldError(f"{name} is {_brief(given)}, not text", "write it in quotes")
    raw = given + b"\0" + tail if tail else given
    room = int(field.item[:-1])
    if len(raw) > room:
        raise FieldError(f"{name} is {len(raw)} bytes long", f"it has room for {room}")
    return raw.ljust(room, b"\0")


def _number(field: Field, name: str, given: Any) -> int:
    if isinstance(given, str):
        try:
            given = int(given, 0)
        except ValueError:
            raise FieldError(f"{name} is {_brief(given)}", "write a number, as in 42 or 0x2a") from None
    if not isinstance(given, int) or isinstance(given, bool):
        raise FieldError(f"{name} is {_brief(given)}, not a number", "write a number, as in 42 or 0x2a")
    if not 0 <= given < 1 << field.bits:
        raise FieldError(f"{name} is {_brief(given)}", f"it takes 0 to {(1 << field.bits) - 1:#x} (u{field.bits})")
    return given
