"""Words for people, on standard error, and names that are safe to print anywhere."""

from __future__ import annotations

import sys


def safe(text: str) -> str:
    """Text on one line, without what could act on a terminal: control characters and undecodable bytes as escapes."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter) & 0xFF:02x}" for letter in text)


def say(text: str) -> None:
    """One line to standard error, under the program's name."""
    print(f"kinfo: {safe(text)}", file=sys.stderr)
