"""Words for people, on standard error, and names that are safe to print anywhere."""

from __future__ import annotations

import contextlib
import sys

from kinfo.printable import printable as safe

__all__ = ["safe", "say"]


def say(text: str) -> None:
    """One line to standard error, under the program's name; into the void where nobody listens there (closed, or full)."""
    if sys.stderr is not None:  # 2>&-
        with contextlib.suppress(OSError):
            print(f"kinfo: {safe(text)}", file=sys.stderr)
