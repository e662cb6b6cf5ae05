"""JSON: the document, two spaces a level."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from kinfo.report.formats import Shown
from kinfo.report.formats.plain import is_streamed, unicode_only
from kinfo.typed import Any


def parts(what: Shown) -> Iterator[str]:
    """The document, in one piece, or item by item where its lists come so."""
    data = what.document()
    if is_streamed(data):
        yield from _streamed(data)
    else:
        yield text(data)


def text(data: Any) -> str:
    """Plain data as JSON."""
    return json.dumps(unicode_only(data), indent=2) + "\n"


def _streamed(data: dict[str, Any]) -> Iterator[str]:
    lead = "{"
    for name, value in data.items():
        yield f"{lead}\n  {json.dumps(name)}: "
        if isinstance(value, Iterator):
            yield from _items(value)
        else:
            yield _indented(value, "  ").lstrip()
        lead = ","
    yield "\n}\n"


def _items(items: Iterable[Any]) -> Iterator[str]:
    lead = "[\n"
    for item in items:
        yield lead + _indented(item, "    ")
        lead = ",\n"
    yield "[]" if lead == "[\n" else "\n  ]"


def _indented(value: Any, margin: str) -> str:
    return "".join(f"{margin}{line}" for line in text(value).rstrip("\n").splitlines(keepends=True))
