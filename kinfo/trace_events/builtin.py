"""Events of ftrace itself, as the kernel's trace file shows them: kernel/trace/trace_output.c. They have no name in front."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kinfo.trace_events.formats import EventFormat
from kinfo.trace_events.lookups import Lookups
from kinfo.trace_events.pointers import named
from kinfo.trace_events.printf import Show
from kinfo.trace_events.values import text_of

_MOST_CALLERS = 1024


def shown(format_: EventFormat, lookups: Lookups, long: int) -> Show | None:
    """The function that shows one of ftrace's own events; None for those that are shown by their print format."""
    build = _BUILD.get(format_.name) if format_.system == "ftrace" else None
    return build(format_, lookups, long) if build else None


def _number(raw: Any, at: int, size: int) -> int:
    return int.from_bytes(raw[at : at + size], "little")


def _place(format_: EventFormat, name: str) -> int:
    field = format_.field(name)
    return field.offset if field else -1


def _function(format_: EventFormat, lookups: Lookups, long: int) -> Show | None:
    ip, parent = _place(format_, "ip"), _place(format_, "parent_ip")
    if min(ip, parent) < 0:
        return None

    def show(raw: Any) -> str:
        callee, caller = (named(_number(raw, at, long), lookups, long, with_offset=False) for at in (ip, parent))
        return f"{callee} <-{caller}"

    return show


def _stack(title: str) -> Callable[[EventFormat, Lookups, int], Show | None]:
    def build(format_: EventFormat, lookups: Lookups, long: int) -> Show | None:
        start = _place(format_, "caller")
        if start < 0:
            return None

        def show(raw: Any) -> str:
            lines = [title]
            for at in range(start, min(len(raw) - long + 1, start + long * _MOST_CALLERS), long):
                address = _number(raw, at, long)
                if address in (0, (1 << 8 * long) - 1):
                    break
                lines.append(f" => {named(address, lookups, long, with_offset=False)}")
            return "\n".join(lines)

        return show

    return build


def _said(field: str, words: Callable[[Any, int, Lookups, int], str]) -> Callable[[EventFormat, Lookups, int], Show | None]:
    """Events of a place in the code that says something: `words` are those of a record, by where the field lies."""

    def build(format_: EventFormat, lookups: Lookups, long: int) -> Show | None:
        ip, start = _place(format_, "ip"), _place(format_, field)
        if min(ip, start) < 0:
            return None

        def show(raw: Any) -> str:
            place = named(_number(raw, ip, long), lookups, long, with_offset=False)
            return f"{place}: {words(raw, start, lookups, long)}".removesuffix("\n")

        return show

    return build


def _own_text(raw: Any, start: int, _: Lookups, __: int) -> str:
    return text_of(bytes(raw[start:]))


def _text_at(raw: Any, start: int, lookups: Lookups, long: int) -> str:
    address = _number(raw, start, long)
    return lookups.text(address) or f"0x{address:x}"


def _raw(format_: EventFormat, _: Lookups, __: int) -> Show | None:
    number, start = _place(format_, "id"), _place(format_, "buf")
    if min(number, start) < 0:
        return None
    return lambda raw: f"# {_number(raw, number, 4):x} buf: {bytes(raw[start:]).hex(' ')}"


_BUILD: dict[str, Callable[[EventFormat, Lookups, int], Show | None]] = {
    "function": _function,
    "kernel_stack": _stack("<stack trace>"),
    "print": _said("buf", _own_text),
    "bputs": _said("str", _text_at),
    "raw_data": _raw,
}
