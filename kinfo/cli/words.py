"""Words for people, on standard error, and names that are safe to print anywhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence


def safe(text: str) -> str:
    """See `printable`, which few texts need."""
    if text.isprintable():
        return text
    from kinfo.record.text import printable

    return printable(text)


def one_of(names: Sequence[str]) -> str:
    """Names as a choice: "a, b or c"."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def say(text: str) -> None:
    """One line to standard error, under the program's name; into the void where nobody listens there (closed, or full)."""
    if sys.stderr is not None:  # 2>&-
        with contextlib.suppress(OSError):
            print(f"kinfo: {safe(text)}", file=sys.stderr)
