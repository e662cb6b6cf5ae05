"""JSON lines: each of the documents on one line, as they come; a reader takes them one at a time, however many there are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from kinfo.report.formats import Shown
from kinfo.report.formats.plain import unicode_only


def parts(what: Shown) -> Iterator[str]:
    """A line for each document."""
    for one in [what.document()] if what.each is None else what.each():
        yield text(one)


def text(data: Any) -> str:
    """Plain data as a line of JSON; lists at its top may come item by item."""
    if isinstance(data, dict):
        data = {name: list(value) if isinstance(value, Iterator) else value for name, value in data.items()}
    return json.dumps(unicode_only(data), separators=(",", ":")) + "\n"
