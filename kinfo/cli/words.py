"""Words for people, on standard error, and names that are safe to print anywhere."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

from kinfo.printable import printable as safe

__all__ = ["safe", "say"]


def one_of(names: Sequence[str]) -> str:
    """Names as a choice: "a, b or c"."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def say(text: str) -> None:
    """One line to standard error, under the program's name; into the void where nobody listens there (closed, or full)."""
    if sys.stderr is None:  # 2>&-
        return
    try:
        print(f"kinfo: {safe(text)}", file=sys.stderr, flush=True)
    except OSError:  # else Python 3.13 tries again at its exit, and makes the exit code 120
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
