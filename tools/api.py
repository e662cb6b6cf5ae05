"""The reference of docs/api.md: every public name with its signature and its docstring."""

from __future__ import annotations

import enum
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import kinfo
from kinfo.frozen import Frozen


def functions() -> str:
    """The functions, by subject."""
    homes: dict[str, list[str]] = {}
    for name in kinfo.__all__:
        value = getattr(kinfo, name)
        if inspect.isfunction(value):
            homes.setdefault(value.__module__, []).append(name)
    return "\n".join(line for home, names in homes.items() for line in _subject(home, names))


def classes() -> str:
    """The classes, by name."""
    found = [getattr(kinfo, name) for name in kinfo.__all__]
    return "\n".join(line for one in found if inspect.isclass(one) for line in _class(one))


def _subject(home: str, names: list[str]) -> Iterator[str]:
    yield from (f"**{_first_line(sys.modules[home])}**", "")
    for name in names:
        function = getattr(kinfo, name)
        yield from (f"### kinfo.{name}", "", "```python", f"{name}{_signature(function)}", "```", "", _text(function), "")


def _class(one: type) -> Iterator[str]:
    yield from (f"### kinfo.{one.__name__}", "", _text(one), "")
    members = list(_members(one))
    yield from (*members, "") if members else ()


def _members(one: type) -> Iterator[str]:
    if issubclass(one, enum.Enum):
        yield from (f"* `{member.name}` (`{member.value!r}`)" for member in one)
    for name, kind in _fields(one).items():
        yield f"* `{name}: {kind}`"
    for name, member in _own(one):
        if isinstance(member, (property, cached_property)):
            getter: Any = member.fget if isinstance(member, property) else member.func
            yield f"* `{name}: {inspect.get_annotations(getter).get('return', 'Any')}`: {_first_line(getter)}"
        else:
            yield f"* `{name}{_signature(member)}`: {_first_line(member)}"


def _fields(one: type) -> dict[str, str]:
    """The fields of a named tuple, a Frozen or a dataclass."""
    if not any(hasattr(one, name) for name in ("_fields", "field_names", "__dataclass_fields__")):
        return {}
    classes = [each for each in reversed(one.__mro__) if each.__module__.startswith("kinfo.") and each is not Frozen]
    notes = {name: str(kind) for each in classes for name, kind in inspect.get_annotations(each).items()}
    return {name: _unquoted(kind) for name, kind in notes.items() if not name.startswith("_")}


def _own(one: type) -> Iterator[tuple[str, Any]]:
    """The public members that kinfo's own classes define."""
    seen: dict[str, Any] = {}
    for each in reversed(one.__mro__):
        if each.__module__.startswith("kinfo."):
            seen |= {name: member for name, member in vars(each).items() if not name.startswith("_")}
    for name, member in seen.items():
        plain = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
        if isinstance(plain, (property, cached_property)) or (inspect.isfunction(plain) and plain.__doc__):
            yield name, plain


def _signature(function: Callable[..., Any]) -> str:
    signature = inspect.signature(function)
    parts: list[str] = []
    is_named = False
    for parameter in signature.parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not is_named:
            parts.append("*")
        is_named = is_named or parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        parts.append(f"{star}{parameter.name}: {_unquoted(parameter.annotation)}{default}")
    return f"({', '.join(parts)}) -> {_unquoted(signature.return_annotation)}"


def _unquoted(kind: object) -> str:
    return kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))


def _text(one: object) -> str:
    found = inspect.getdoc(one)
    if not found:
        raise LookupError(f"{one} has no docstring")
    return found


def _first_line(one: object) -> str:
    return _text(one).partition("\n")[0]
