"""%p and what may follow it: lib/vsprintf.c, pointer()."""

from __future__ import annotations

import ipaddress
import uuid
from typing import Any

from kinfo.trace_events.cexpr import ExprError
from kinfo.trace_events.lookups import Lookups
from kinfo.trace_events.values import BYTES, INT, Fn, Value

_TRAMPOLINES = frozenset(
    ("__kretprobe_trampoline", "kretprobe_trampoline", "arch_rethook_trampoline")
)  # a return that is probed


def pointer(letters: str, star: int | Fn | None, value: Value, lookups: Lookups, long: int) -> Fn:
    """A function that shows what a %p with these letters behind it shows. `star` is its width. Raises ExprError."""
    fn = value.fn
    kind = letters[:1]
    if kind in ("S", "s", "F", "f", "B"):
        with_offset = kind in ("S", "B", "F")
        return lambda v, b: named(fn(v, b), lookups, long, with_offset=with_offset)
    if kind == "h" and value.kind == BYTES:
        between = {"C": ":", "D": "-", "N": ""}.get(letters[1:2], " ")
        return lambda v, b: _hex(fn(v, b), star(v, b) if callable(star) else star, between)
    if value.kind == BYTES:
        return _of_bytes(letters, fn)
    if value.kind != INT or kind in ("h", "b", "I", "i", "M", "m", "U", "V"):
        raise ExprError(f"%p{letters}")
    width = 2 * long
    return lambda v, b: f"{fn(v, b) & (1 << 8 * long) - 1:0{width}x}"


def named(address: Any, lookups: Lookups, long: int, *, with_offset: bool) -> str:
    """An address as its symbol; as a number where it has none."""
    if not isinstance(address, int):
        return "?"
    address &= (1 << 8 * long) - 1
    found = lookups.name(address, with_offset=with_offset)
    if found in _TRAMPOLINES:
        return "[unknown/kretprobe'd]"
    return found or f"0x{address:x}"


def _hex(raw: bytes, size: int | None, between: str) -> str:
    raw = raw[: min(max(size if size is not None else 1, 0), 64)]
    return raw.hex(between) if between else raw.hex()


def _of_bytes(letters: str, fn: Fn) -> Fn:
    """MAC and IP addresses, UUIDs."""
    shown = {"M": _mac, "m": _mac, "I4": _ip4, "i4": _ip4, "I6": _ip6, "I6c": _ip6c, "i6": _ip6plain, "U": _uuid}
    shown |= {"Ub": _uuid, "Ul": _uuid_le, "UB": lambda raw: _uuid(raw).upper(), "UL": lambda raw: _uuid_le(raw).upper()}
    if letters not in shown:
        raise ExprError(f"%p{letters}")
    one = shown[letters] if letters != "m" else lambda raw: _mac(raw).replace(":", "")
    return lambda v, b: one(fn(v, b))


def _mac(raw: bytes) -> str:
    return raw[:6].hex(":")


def _ip4(raw: bytes) -> str:
    return ".".join(map(str, raw[:4]))


def _ip6(raw: bytes) -> str:
    return ":".join(raw[at : at + 2].hex() for at in range(0, 16, 2))


def _ip6plain(raw: bytes) -> str:
    return raw[:16].hex()


def _ip6c(raw: bytes) -> str:
    return str(ipaddress.IPv6Address(raw[:16])) if len(raw) >= 16 else raw.hex()


def _uuid(raw: bytes) -> str:
    return str(uuid.UUID(bytes=raw[:16])) if len(raw) >= 16 else raw.hex()


def _uuid_le(raw: bytes) -> str:
    return str(uuid.UUID(bytes_le=raw[:16])) if len(raw) >= 16 else raw.hex()
