"""What the formats of documents share."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.printable import printable
from kinfo.typed import Any


def is_streamed(data: Any) -> bool:
    """Whether lists at the document's top come item by item."""
    return isinstance(data, dict) and any(isinstance(value, Iterator) for value in data.values())


def unicode_only(data: Any) -> Any:
    r"""The same data with valid Unicode only: a file name's byte that is no UTF-8 is written as `\xNN`."""
    if isinstance(data, str):
        return data if data.isascii() or data.isprintable() else printable(data, keep="\n\t")
    if isinstance(data, dict):
        return {unicode_only(key): unicode_only(value) for key, value in data.items()}
    return [unicode_only(one) for one in data] if isinstance(data, (list, tuple)) else data
