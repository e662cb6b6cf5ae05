"""Print formats as functions: a record's bytes in, the text that the kernel prints for it out."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from kinfo.trace_events import helpers
from kinfo.trace_events.cexpr import ExprError, Node, arguments
from kinfo.trace_events.formats import EventField, EventFormat
from kinfo.trace_events.lookups import Lookups
from kinfo.trace_events.pointers import named, pointer
from kinfo.trace_events.values import (
    BYTES,
    STR,
    Fn,
    Plain,
    Value,
    binary,
    cast,
    field_value,
    fixed,
    indexed,
    size_of,
    ternary,
    text_of,
    unary,
    wrapped,
)

Show = Callable[[Any], str]  # of the bytes of a record
_SPEC = re.compile(
    r"%(?P<flags>[-+ #0]*)(?P<width>\d{1,3}|\*)?(?:\.(?P<precision>\d{0,3}|\*))?"
    r"(?P<long>hh|h|ll|l|L|z|t|j)?(?P<kind>[a-zA-Z%])"
)
_POINTER = re.compile(r"[a-zA-Z0-9]*")  # all that stands behind %p: vsnprintf() passes over it
_WIDTHS = {"hh": 1, "h": 2, "ll": 8, "L": 8, "j": 8}
_CODES = {(1, False): "B", (1, True): "b", (2, False): "H", (2, True): "h", (4, False): "I", (4, True): "i"}
_CODES |= {(8, False): "Q", (8, True): "q"}
_RETURNED = [("field", "__probe_func"), ("field", "__probe_ret_ip")]
_MOST_ARGUMENTS = 256
UNKNOWN = "?"


class Compiled(NamedTuple):
    """A print format's function; `doubt` says what of it is not understood, and shown as a question mark."""

    show: Show
    doubt: str


def compiled(format_: EventFormat, lookups: Lookups, long: int = 8) -> Compiled:
    """The function of an event's print format; `lookups` puts names on addresses. Raises ExprError for one that is none."""
    text, *nodes = arguments(format_.print_fmt)
    if nodes[:2] == _RETURNED:  # print_kretprobe_event() shows them the other way round
        nodes[:2] = nodes[1::-1]
    plain = Plain(format_, long, lookups)
    if len(nodes) > _MOST_ARGUMENTS:
        raise ExprError(f"{len(nodes)} arguments")
    builder = _Builder(plain)
    doubts: list[str] = []
    given = [_known(builder, node, doubts) for node in nodes]
    template, fns, values = _template(text[1], given, lookups, long, doubts)
    return Compiled(_joined(plain, template, fns, values), "; ".join(dict.fromkeys(doubts)))


def _known(builder: _Builder, node: Node, doubts: list[str]) -> Value:
    """An argument; a question mark for one that is not understood, so that the others are shown."""
    try:
        return builder.build(node)
    except ExprError as error:
        doubts.append(str(error))
        return fixed(UNKNOWN)


class _Builder:
    """Trees made values."""

    def __init__(self, plain: Plain) -> None:
        self._plain = plain

    def build(self, node: Node) -> Value:
        """The value of a node. Raises ExprError."""
        return getattr(self, f"_{node[0]}")(*node[1:])  # type: ignore[no-any-return]

    def _number(self, value: int, is_unsigned: bool, is_long: bool) -> Value:
        size = 8 if is_long or value >> 32 else 4
        return fixed(value, is_signed=not is_unsigned and not value >> (8 * size - 1), size=size)

    def _text(self, text: str) -> Value:
        return fixed(text)

    def _name(self, word: str) -> Value:
        if word in ("true", "false", "NULL"):
            return fixed(int(word == "true"))
        found = self._plain.lookups.constant(word)
        if found is None:
            raise ExprError(f"{word}, which only the kernel knows")
        size = 4 if -(1 << 31) <= found < 1 << 32 else 8
        return fixed(found, is_signed=found < 1 << 8 * size - 1, size=size)

    def _field(self, name: str) -> Value:
        field = self._plain.format.field(name)
        if field is None:
            raise ExprError(f"there is no field {name}")
        return field_value(self._plain, field)

    def _unary(self, op: str, inner: Node) -> Value:
        return unary(op, self.build(inner))

    def _binary(self, op: str, left: Node, right: Node) -> Value:
        return binary(op, self.build(left), self.build(right))

    def _ternary(self, test: Node, yes: Node, no: Node) -> Value:
        return ternary(self.build(test), self.build(yes), self.build(no))

    def _cast(self, name: str, inner: Node) -> Value:
        return cast(self._plain, name, self.build(inner))

    def _index(self, array: Node, index: Node) -> Value:
        return indexed(self._plain, array, self.build(index))

    def _call(self, name: str, nodes: Sequence[Node]) -> Value:
        return helpers.call(self._plain, name, nodes, self.build)

    def _list(self, _: Sequence[Node]) -> Value:
        raise ExprError("a list where a value should stand")

    def _sizeof(self, name: str) -> Value:
        size = size_of(self._plain, name)
        if not size:
            raise ExprError(f"sizeof({name})")
        return fixed(size, is_signed=False, size=self._plain.long)


class _Piece(NamedTuple):
    """A conversion as Python has it, its function, and its value where nothing has to be done to it."""

    text: str
    fn: Fn
    direct: Value | None = None


def _template(
    text: str, values: list[Value], lookups: Lookups, long: int, doubts: list[str]
) -> tuple[str, list[Fn], list[Value | None]]:
    """A format string as Python has it; a function for each of its arguments, and its value where it is plain."""
    pieces: list[str] = []
    found: list[_Piece] = []
    left = list(values)
    at = 0
    while spec := _SPEC.search(text, at):
        pieces.append(text[at : spec.start()].replace("%", "%%"))
        at = spec.end()
        if spec["kind"] == "%":
            pieces.append("%%")
            continue
        letters = ""
        if spec["kind"] == "p" and (behind := _POINTER.match(text, at)):
            letters, at = behind[0], behind.end()
        star = _next(left) if spec["width"] == "*" else None
        precision = _next(left) if spec["precision"] == "*" else None
        value = _next(left)
        try:
            piece = _piece(spec, letters, value, star, precision, lookups, long)
        except ExprError as error:
            doubts.append(str(error))
            piece = _Piece("%s", fixed(UNKNOWN).fn)
        pieces.append(piece.text)
        found.append(piece)
    pieces.append(text[at:].replace("%", "%%"))
    return "".join(pieces), [one.fn for one in found], [one.direct for one in found]


def _piece(
    spec: re.Match[str], letters: str, value: Value, star: Value | None, precision: Value | None, lookups: Lookups, long: int
) -> _Piece:
    """One conversion. Raises ExprError where it does not fit its value."""
    if value.const == UNKNOWN:
        return _Piece("%s", value.fn)
    if value.address and spec["kind"] == "x":
        with_offset = value.address != "__probe_func"
        return _Piece("%s", lambda v, b: named(value.fn(v, b), lookups, long, with_offset=with_offset))
    if spec["kind"] == "p":
        width = "" if star or not spec["width"] else f"{spec['flags'].replace('0', '')}{spec['width']}"
        given = star.fn if star else int(spec["width"] or 0) or None
        return _Piece(f"%{width}s", pointer(letters, given, value, lookups, long))
    if star:
        raise ExprError("a width that is an argument")
    if spec["kind"] == "s":
        return _Piece(_width(spec), _text(value, precision, lookups))
    if precision:
        raise ExprError("a precision that is an argument")
    return _one(spec, value, long)


def _next(left: list[Value]) -> Value:
    if not left:
        raise ExprError("more % in the format string than arguments")
    return left.pop(0)


def _width(spec: re.Match[str]) -> str:
    exact = "" if spec["precision"] in (None, "*") else f".{spec['precision'] or 0}"
    return f"%{spec['flags'].replace('0', '')}{spec['width'] or ''}{exact}s"


def _one(spec: re.Match[str], value: Value, long: int) -> _Piece:
    """The conversion of a number."""
    kind, flags, width = spec["kind"], spec["flags"], spec["width"] or ""
    exact = "" if spec["precision"] is None else f".{spec['precision'] or 0}"
    if kind not in "diuxXoc":
        raise ExprError(f"%{kind}")
    if value.kind == BYTES or (value.kind == STR and kind != "c"):
        raise ExprError(f"%{kind} of what is no number")
    fn = value.fn
    if kind == "c":
        return _Piece(f"%{width}s", lambda v, b: chr(fn(v, b) & 0xFF))
    size = _WIDTHS.get(spec["long"] or "", long if spec["long"] else 4)
    is_signed = kind in "di"
    python = f"%{flags.replace('#', '')}{width}{exact}{'d' if kind in 'diu' else kind}"
    if "#" in flags:
        number, prefix = f"%{exact}{kind}", {"x": "0x", "X": "0X", "o": "0"}.get(kind, "")
        whole = lambda v, b: (prefix if (n := wrapped(fn(v, b), size, is_signed=False)) else "") + number % n  # noqa: E731
        return _Piece(f"%{flags.replace('#', '').replace('0', '')}{width}s", whole)
    if (value.is_signed == is_signed and value.size <= size) or (not value.is_signed and value.size < size):
        return _Piece(python, fn, value if value.slot >= 0 else None)
    return _Piece(python, lambda v, b: wrapped(fn(v, b), size, is_signed=is_signed))


def _text(value: Value, precision: Value | None, lookups: Lookups) -> Fn:
    """%s: text of the record, or of the kernel where only its address was recorded."""
    fn = value.fn
    if value.kind == BYTES:
        shown: Fn = lambda v, b: text_of(fn(v, b))  # noqa: E731
    elif value.kind == STR:
        shown = fn
    else:
        if value.size < 4:
            raise ExprError("%s of a small number")
        shown = lambda v, b: lookups.text(address := fn(v, b)) or f"0x{address:x}"  # noqa: E731
    if precision is None:
        return shown
    limit = precision.fn
    return lambda v, b: shown(v, b)[: max(limit(v, b), 0)]


def _code(field: EventField) -> str:
    if field.is_text and field.elements:
        return f"{field.size}s"
    if (field.size, field.is_signed) not in _CODES:
        raise ExprError(f"the field {field.name} has {field.size} bytes")
    return _CODES[field.size, field.is_signed]


def layout(fields: Sequence[EventField]) -> tuple[struct.Struct, list[int]]:
    """A struct that reads plain fields at once, and where each of them is in what it gives. Raises ExprError for overlap."""
    order = sorted(range(len(fields)), key=lambda at: fields[at].offset)
    codes, end = "<", 0
    for at in order:
        field = fields[at]
        if field.offset < end:
            raise ExprError(f"the field {field.name} overlaps another")
        codes += (f"{field.offset - end}x" if field.offset > end else "") + _code(field)
        end = field.offset + field.size
    places = [0] * len(fields)
    for place, at in enumerate(order):
        places[at] = place
    return struct.Struct(codes), places


def _joined(plain: Plain, template: str, fns: list[Fn], values: list[Value | None]) -> Show:
    """One function of all: where every argument is a plain field, no more than an unpacking and a formatting."""
    shape, places = layout(plain.asked)
    read = shape.unpack_from
    direct = [places[value.slot] for value in values if value is not None]
    if len(direct) == len(fns) and direct == list(range(len(plain.asked))):
        return lambda b: template % read(b)
    if not fns:
        text = template % ()
        return lambda _b: text
    if places == list(range(len(places))):
        return lambda b: template % tuple([fn(v, b) for v in (read(b),) for fn in fns])

    def show(b: Any) -> str:
        raw = read(b)
        v = tuple([raw[place] for place in places])
        return template % tuple([fn(v, b) for fn in fns])

    return show
