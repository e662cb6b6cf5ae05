"""How a driver fills one field: the kernel's expression, the facts that it takes, and its value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from kinfo.arch.address import MASK
from kinfo.record.limits import UTS_LEN

Facts = Mapping[str, int | str]
Value = int | bytes


class Filling(NamedTuple):
    """A field's content: `expression` as the driver has it ("" where it stores nothing), and `why`, where that needs saying.

    `value` is called with facts that hold all of `facts`.
    """

    expression: str
    facts: tuple[str, ...]
    value: Callable[[Facts], Value]
    why: str = ""


def number_of(facts: Facts, name: str) -> int:
    """A fact that is a number or an address."""
    return int(facts[name])


def zero(why: str) -> Filling:
    """A field that stays 0."""
    return Filling("", (), lambda _: 0, why)


def constant(value: Value, expression: str, why: str = "") -> Filling:
    """A field that is the same on every kernel."""
    return Filling(expression, (), lambda _: value, why)


def option(name: str, why: str = "") -> Filling:
    """IS_ENABLED() of a configuration option."""
    return Filling(f"IS_ENABLED({name})", (name,), lambda facts: number_of(facts, name), why)


def number(fact: str, expression: str = "") -> Filling:
    """A fact as it is."""
    return Filling(expression or fact, (fact,), lambda facts: number_of(facts, fact))


def pa_of(facts: Facts, va: int) -> int:
    """PA of an address of the image, which lies in one piece in physical memory."""
    return va - number_of(facts, "_text") + number_of(facts, "text_pa") & MASK


def pa(symbol: str, how: str = "__pa_symbol", why: str = "") -> Filling:
    """PA of a symbol of the image, or of what `relative_base` holds."""
    expression = f"{how}({_C_NAMES.get(symbol, symbol)})"
    return Filling(expression, _placed(symbol), lambda facts: pa_of(facts, number_of(facts, symbol)), why)


def va(symbol: str) -> Filling:
    """Run-time VA of a symbol."""

    def value(facts: Facts) -> int:
        return pa_of(facts, number_of(facts, symbol)) + number_of(facts, "kimage_voffset") & MASK

    return Filling(f"(u64){_C_NAMES.get(symbol, symbol)}", (*_placed(symbol), "kimage_voffset"), value)


def _placed(symbol: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((symbol, "_text", "text_pa")))


_C_NAMES = {"relative_base": "kallsyms_relative_base"}


def text(fact: str, expression: str) -> Filling:
    """strscpy() into a field of __NEW_UTS_LEN: 63 characters and a NUL."""
    return Filling(expression, (fact,), lambda facts: str(facts[fact]).encode()[: UTS_LEN - 1])


def release() -> Filling:
    """The kernel's release, as every driver takes it."""
    return text("release", "init_utsname()->release")
