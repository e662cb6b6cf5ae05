"""What print formats call: __print_flags() and its like, of kernel/trace/trace_output.c and include/trace/stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kinfo.trace_events.cexpr import ExprError, Node
from kinfo.trace_events.values import BYTES, INT, STR, Plain, Value, dynamic, text_of

Build = Callable[[Node], Value]
_LISTS = frozenset(("__print_flags", "__print_symbolic", "__print_flags_u64", "__print_symbolic_u64"))
_REMEMBERED = 4096


def call(plain: Plain, name: str, nodes: Sequence[Node], build: Build) -> Value:
    """A call as a value. Raises ExprError for a function that is not known, as many drivers have their own."""
    if name in _LISTS:
        return _listed(name, nodes, build)
    if name.startswith(("__get_", "__print_dynamic")):
        return _of_dynamic(plain, name.replace("_rel_", "_"), nodes, build)
    if name in ("__print_hex", "__print_hex_str", "__print_array") and len(nodes) == 2 + (name == "__print_array"):
        return _of_bytes(name, [build(node) for node in nodes])
    if name in ("__print_ns_to_secs", "__print_ns_without_secs") and len(nodes) == 1:
        fn, is_rest = build(nodes[0]).fn, name.endswith("without_secs")
        return Value(lambda v, b: fn(v, b) % 10**9 if is_rest else fn(v, b) // 10**9, INT, False, 8)
    if name == "__builtin_constant_p":
        raise ExprError(name)
    raise ExprError(f"{name}()")


def _pairs(nodes: Sequence[Node], build: Build) -> list[tuple[int, str]]:
    """{value, "name"} pairs; the last of flags may be {-1, NULL} or nothing."""
    found: list[tuple[int, str]] = []
    for node in nodes:
        parts: tuple[Node, ...] = tuple(node[1]) if node[0] == "list" else ()
        if len(parts) != 2:
            raise ExprError("a list of flags that is none")
        try:  # an enum without TRACE_DEFINE_ENUM() has no number here: values of it are shown as numbers
            number, text = build(parts[0]).const, build(parts[1]).const
        except ExprError:
            continue
        if text == 0:  # NULL: the list's end
            continue
        if not isinstance(number, int) or not isinstance(text, str):
            raise ExprError("a list of flags with what is no number, or no name")
        found.append((number, text))
    return found


def _listed(name: str, nodes: Sequence[Node], build: Build) -> Value:
    is_flags = "flags" in name
    if len(nodes) < 1 + is_flags:
        raise ExprError(f"{name}() of nothing")
    value = build(nodes[0])
    if value.kind != INT:
        raise ExprError(f"{name}() of what is no number")
    mask = (1 << 64) - 1 if value.size == 8 or name.endswith("u64") else (1 << 32) - 1
    pairs = [(number & mask, text) for number, text in _pairs(nodes[1 + is_flags :], build)]
    fn = value.fn
    known: dict[int, str] = {}
    delimiter = build(nodes[1]).const if is_flags else ""
    shown = _flags(pairs, delimiter if isinstance(delimiter, str) else "") if is_flags else _symbol(pairs)

    def named(v: tuple[Any, ...], b: Any) -> str:
        number = fn(v, b) & mask
        text = known.get(number)
        if text is None:
            text = shown(number)
            if len(known) < _REMEMBERED:
                known[number] = text
        return text

    return Value(named, STR)


def _symbol(pairs: list[tuple[int, str]]) -> Callable[[int], str]:
    names: dict[int, str] = {}
    for number, text in pairs:
        names.setdefault(number, text)
    return lambda number: names.get(number) or f"0x{number:x}"


def _flags(pairs: list[tuple[int, str]], delimiter: str) -> Callable[[int], str]:
    """trace_print_flags_seq(): each flag takes its bits away; what is left is shown as a number."""

    def shown(number: int) -> str:
        words = []
        for mask, text in pairs:
            if not number:
                break
            if number & mask == mask:
                words.append(text)
                number &= ~mask
        return delimiter.join([*words, f"0x{number:x}"] if number else words)

    return shown


def _of_dynamic(plain: Plain, name: str, nodes: Sequence[Node], build: Build) -> Value:
    if not nodes or nodes[0][0] != "name":
        raise ExprError(f"{name}() of no field")
    place = dynamic(plain, nodes[0][1])

    def raw(v: tuple[Any, ...], b: Any) -> bytes:
        start, size = place(v, b)
        return bytes(b[start : start + size])

    if name == "__print_dynamic_array" and len(nodes) == 2:
        size = build(nodes[1]).const
        if size in (1, 2, 4, 8):
            return Value(lambda v, b: array(raw(v, b), size), STR)
    if name == "__get_dynamic_array":
        return Value(raw, BYTES)
    if name == "__get_dynamic_array_len":
        return Value(lambda v, b: place(v, b)[1], INT, False, 4)
    shown = {"__get_str": text_of, "__get_bitmask": bitmap, "__get_cpumask": bitmap}.get(name)
    if shown is None:
        raise ExprError(f"{name}()")
    return Value(lambda v, b: shown(raw(v, b)), STR)


def _of_bytes(name: str, values: list[Value]) -> Value:
    source, count = values[0].fn, values[1].fn
    if values[0].kind != BYTES or values[1].kind != INT:
        raise ExprError(f"{name}() of what is not in the record")
    if name == "__print_array":
        size = values[2].const
        if size not in (1, 2, 4, 8):
            raise ExprError(f"{name}() of elements of {size} bytes")
        return Value(lambda v, b: array(source(v, b)[: size * max(count(v, b), 0)], size), STR)
    between = " " if name == "__print_hex" else ""
    return Value(lambda v, b: source(v, b)[: max(count(v, b), 0)].hex(*([between] if between else [])), STR)


def array(raw: bytes, size: int) -> str:
    """trace_print_array_seq(): {0x1,0x2}."""
    words = (int.from_bytes(raw[at : at + size], "little") for at in range(0, len(raw) - size + 1, size))
    return "{" + ",".join(f"0x{word:x}" for word in words) + "}"


def bitmap(raw: bytes) -> str:
    """%*pb: 32 bits a word, the highest first."""
    words = [int.from_bytes(raw[at : at + 4], "little") for at in range(0, len(raw), 4)]
    return ",".join(f"{word:08x}" for word in words[::-1]) if words else "0"
