"""C expressions as functions of a record: what a print format's argument is for a record's bytes.

A function takes the values of the record's plain fields, and its bytes.
What it gives is a number (`kind` "int"), text ("str"), or bytes of the record that a pointer leads to ("bytes").
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from kinfo.trace_events.cexpr import ExprError, Node
from kinfo.trace_events.formats import EventField, EventFormat, bytes_of
from kinfo.trace_events.lookups import Lookups

Fn = Callable[[tuple[Any, ...], Any], Any]
INT, STR, BYTES = "int", "str", "bytes"


_PROBES = frozenset(("__probe_ip", "__probe_ret_ip", "__probe_func"))  # kernel/trace/trace_kprobe.c


_REMEMBERED = 4096


class Value(NamedTuple):
    """An argument: its function, what it gives, and its C type as sign and bytes. `const` is its value where that is fixed.

    `slot` is the place among the plain fields' values where it is nothing but one of them, else -1. `step` is what adding 1
    to it adds: of a pointer the bytes of what it points at, 0 where they are not known. `address` is the name of a field that
    holds a probe's place, which the kernel shows as a symbol.
    """

    fn: Fn
    kind: str = INT
    is_signed: bool = True
    size: int = 4
    const: Any = None
    slot: int = -1
    step: int = 1
    address: str = ""


class Plain:
    """The plain fields that an event's arguments ask for: each is read once for a record."""

    def __init__(self, format_: EventFormat, long: int, lookups: Lookups) -> None:
        self.format, self.long, self.lookups = format_, long, lookups
        self.asked: list[EventField] = []

    def slot(self, field: EventField) -> int:
        """The place of a field's value among those that are read."""
        if field not in self.asked:
            self.asked.append(field)
        return self.asked.index(field)


def fixed(value: Any, *, is_signed: bool = True, size: int = 4) -> Value:
    """A value that no record changes."""
    return Value(lambda _v, _b: value, STR if isinstance(value, str) else INT, is_signed, size, value)


def text_of(raw: bytes) -> str:
    """The text of bytes, up to their NUL."""
    return bytes(raw).partition(b"\0")[0].decode("utf-8", "replace")


def field_value(plain: Plain, field: EventField) -> Value:
    """What REC->field is: a number, text, or the bytes of an array."""
    if field.is_dynamic:
        raise ExprError(f"REC->{field.name} is used without __get_str() or its like")
    if not field.elements and field.size in (1, 2, 4, 8):
        slot = plain.slot(field)
        address = field.name if field.name in _PROBES else ""
        return Value(lambda v, _b: v[slot], INT, field.is_signed, field.size, None, slot, address=address)
    start, end = field.offset, field.offset + field.size
    if field.is_text:
        return Value(_remembered(plain.slot(field)), STR)
    return Value(lambda _v, b: bytes(b[start:end]), BYTES)


def _remembered(slot: int) -> Fn:
    """The text of an array of char, most of which are names that come again and again."""
    known: dict[bytes, str] = {}

    def shown(v: tuple[Any, ...], _: Any) -> str:
        text = known.get(v[slot])
        if text is None:
            if len(known) > _REMEMBERED:
                known.clear()
            text = known[v[slot]] = text_of(v[slot])
        return text

    return shown


def dynamic(plain: Plain, name: str) -> Fn:
    """A function that gives start (from the record's) and length of a dynamic field's data. Raises ExprError."""
    field = plain.format.field(name)
    if field is None or not field.is_dynamic:
        raise ExprError(f"there is no dynamic field {name}")
    slot = plain.slot(field)
    behind = field.offset + 4 if field.type.startswith("__rel_loc") else 0
    return lambda v, _b: ((v[slot] & 0xFFFF) + behind, v[slot] >> 16 & 0xFFFF)


def wrapped(number: int, size: int, *, is_signed: bool) -> int:
    """A number as a C type of so many bytes holds it."""
    bits = 8 * size
    number &= (1 << bits) - 1
    return number - (1 << bits) if is_signed and number >> bits - 1 else number


def _divided(left: int, right: int) -> int:
    if not right:
        return 0
    whole = abs(left) // abs(right)
    return whole if (left < 0) == (right < 0) else -whole


def _rest(left: int, right: int) -> int:
    return left - right * _divided(left, right) if right else 0


_OPS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "&": operator.and_, "|": operator.or_, "^": operator.xor,
    "/": _divided, "%": _rest, "<<": lambda a, b: a << (b & 63), ">>": lambda a, b: a >> (b & 63),
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
    "&&": lambda a, b: bool(a) and bool(b), "||": lambda a, b: bool(a) or bool(b),
}  # fmt: skip
_TESTS = frozenset(("==", "!=", "<", ">", "<=", ">=", "&&", "||"))
_OVERFLOWS = frozenset(("+", "-", "*", "<<"))


def binary(op: str, left: Value, right: Value) -> Value:
    """Two values joined by a sign, with C's usual conversions."""
    if INT not in (left.kind, right.kind) or left.kind != right.kind:
        raise ExprError(f"{op!r} between what are no numbers")
    if left.step != 1 or right.step != 1:
        step = left.step if left.step != 1 else right.step
        return _plain_binary(op, *_scaled(op, left, right))._replace(step=1 if op in _TESTS else step)
    return _plain_binary(op, left, right)


def _plain_binary(op: str, left: Value, right: Value) -> Value:
    apply, one, two = _OPS[op], left.fn, right.fn
    if op in _TESTS:
        return _folded(Value(lambda v, b: int(apply(one(v, b), two(v, b)))), left, right)
    size = max(left.size, right.size, 4) if op not in ("<<", ">>") else max(left.size, 4)
    sides = (left,) if op in ("<<", ">>") else (left, right)
    is_signed = not any(side.size == size and not side.is_signed for side in sides)
    if op in _OVERFLOWS or not is_signed:
        fn: Fn = lambda v, b: wrapped(apply(one(v, b), two(v, b)), size, is_signed=is_signed)  # noqa: E731
    else:
        fn = lambda v, b: apply(one(v, b), two(v, b))  # noqa: E731
    if op == "&" and right.const is not None and right.const >= 0:  # what flags are asked with
        mask = right.const
        fn = lambda v, b: one(v, b) & mask  # noqa: E731
    return _folded(Value(fn, INT, is_signed, size), left, right)


def _scaled(op: str, left: Value, right: Value) -> tuple[Value, Value]:
    """Both sides of a sum with a pointer in it, the number times what the pointer points at."""
    if op in _TESTS:
        return left, right
    if op not in ("+", "-") or (left.step != 1 and right.step != 1):
        raise ExprError(f"{op!r} with a pointer")
    step = left.step if left.step != 1 else right.step
    if not step:
        raise ExprError("a sum with a pointer to a struct whose size is not known")
    if left.step != 1:
        return left._replace(step=1), binary("*", right, fixed(step, is_signed=False, size=8))
    return binary("*", left, fixed(step, is_signed=False, size=8)), right._replace(step=1)


def _folded(value: Value, *parts: Value) -> Value:
    """A constant where all that it is made of are."""
    if any(part.const is None for part in parts):
        return value
    const = value.fn((), b"")
    return fixed(const, is_signed=value.is_signed, size=value.size)


def unary(op: str, inner: Value) -> Value:
    """A value with a sign in front."""
    fn = inner.fn
    if op in "&*":
        if inner.kind == INT:
            raise ExprError(f"{op!r} before a number")
        return inner
    if inner.kind != INT:
        raise ExprError(f"{op!r} before what is no number")
    if op == "!":
        return _folded(Value(lambda v, b: int(not fn(v, b))), inner)
    size, is_signed = max(inner.size, 4), inner.is_signed or inner.size < 4
    if op == "+":
        return inner._replace(slot=-1, size=size)
    if op == "-":
        return _folded(Value(lambda v, b: wrapped(-fn(v, b), size, is_signed=is_signed), INT, is_signed, size), inner)
    return _folded(Value(lambda v, b: wrapped(~fn(v, b), size, is_signed=is_signed), INT, is_signed, size), inner)


def cast(plain: Plain, name: str, inner: Value) -> Value:
    """A value of another type. Text and bytes stay what they are: the cast is of their address."""
    if inner.kind != INT:
        return inner
    return _as_type(name, inner, plain.long)._replace(step=_step(plain, name))


def _step(plain: Plain, name: str) -> int:
    """What adding 1 to a value of a type adds."""
    if not name.endswith("*"):
        return 1
    pointee = name[:-1].strip()
    if pointee.removeprefix("const ") in ("void", "char"):
        return 1
    return size_of(plain, pointee) or 0


def size_of(plain: Plain, name: str) -> int | None:
    """Bytes of a type; None where they are not known."""
    return bytes_of(name, plain.long) or plain.lookups.size(name)


def _as_type(name: str, inner: Value, long: int) -> Value:
    size = bytes_of(name, long)
    if not size:
        return inner  # an enum, or a type that only the kernel knows: most of them do not change the value
    is_signed = not (
        name.endswith("*") or "unsigned" in name or name.lstrip("_").startswith(("u", "le", "be", "size_t", "gfp"))
    )
    if size > inner.size and (inner.is_signed or not is_signed) and is_signed >= inner.is_signed:
        return inner._replace(size=size, is_signed=is_signed, slot=inner.slot)
    if size == inner.size and is_signed == inner.is_signed:
        return inner
    fn = inner.fn
    return _folded(Value(lambda v, b: wrapped(fn(v, b), size, is_signed=is_signed), INT, is_signed, size), inner)


def ternary(test: Value, yes: Value, no: Value) -> Value:
    """One of two values."""
    asked, one, two = test.fn, yes.fn, no.fn
    kind = yes.kind if yes.kind == no.kind else STR if STR in (yes.kind, no.kind) else BYTES
    size, is_signed = max(yes.size, no.size), yes.is_signed and no.is_signed
    return Value(lambda v, b: one(v, b) if asked(v, b) else two(v, b), kind, is_signed, size)


def indexed(plain: Plain, node: Node, index: Value) -> Value:
    """An element of an array of the record."""
    field = plain.format.field(node[1]) if node[0] == "field" else None
    if field is None or not field.elements or field.element not in (1, 2, 4, 8):
        raise ExprError("an index on what is no array of numbers")
    start, size, count, at = field.offset, field.element, field.elements, index.fn

    def element(v: tuple[Any, ...], b: Any) -> int:
        place = at(v, b)
        if not 0 <= place < count:
            return 0
        first = start + size * place
        return int.from_bytes(b[first : first + size], "little", signed=field.is_signed)

    return Value(element, INT, field.is_signed, size)
