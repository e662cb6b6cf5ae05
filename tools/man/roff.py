"""Text as man(7) takes it."""

from __future__ import annotations

import re
import textwrap

_SPECIAL = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"}
_BOLD = re.compile(r"`([^`]+)`|(?<![\w-])(--?[a-z][\w-]*)")


def escaped(text: str) -> str:
    """Text that is no request and no escape."""
    return rf"\&{_letters(text)}" if text.startswith(".") else _letters(text)


def _letters(text: str) -> str:
    return "".join(_SPECIAL.get(letter, letter if letter.isascii() else f"\\[u{ord(letter):04X}]") for letter in text)


def bold(text: str) -> str:
    """In bold, as what is typed as it stands."""
    return rf"\fB{escaped(text)}\fR"


def italic(text: str) -> str:
    """In italics, as what stands for something."""
    return rf"\fI{escaped(text)}\fR"


def sentence(text: str) -> str:
    """Prose, with options and what stands between backticks in bold; no line is longer than 80 bytes where words allow."""
    joined, made, at = " ".join(text.split()), "", 0
    for found in _BOLD.finditer(joined):
        made += _letters(joined[at : found.start()]) + bold(found[1] or found[2])
        at = found.end()
    made += _letters(joined[at:])
    lines = textwrap.wrap(made, 78, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"\\&{line}" if line.startswith(".") else line for line in lines)


def verbatim(lines: list[str]) -> list[str]:
    """Lines as they stand, moved in."""
    return [".RS 4", ".nf", *(escaped(line) for line in lines), ".fi", ".RE"]
