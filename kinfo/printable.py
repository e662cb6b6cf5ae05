"""Text that comes from outside, as it can be shown anywhere: on a terminal, in a log, in XML."""

from __future__ import annotations

import re

_COLOUR = r"(\033\[[0-9;]*m)"  # Select Graphic Rendition, ECMA-48 8.3.117: it can do no more than colour


def printable(text: str, keep: str = "") -> str:
    r"""Text that is safe to print anywhere: what is not printable as `\\xNN`, one for a byte of its UTF-8; `keep` stays.

    For file names, and for what others wrote. Bytes that are no UTF-8 (Python's surrogate escapes) are those bytes: a file
    called `a`, 0xfe reads `a\\xfe` on a terminal, in JSON and in XML alike.
    """
    if text.isprintable():
        return text
    return "".join([letter if letter.isprintable() or letter in keep else _as_bytes(letter) for letter in text])


def quoted(word: str) -> str:
    """A word that somebody gave, between quotes: as `repr` has it where it is text, else with its bytes."""
    return repr(word) if word.isprintable() else f"'{printable(word)}'"


def painted(text: str) -> str:
    """A line with colours in it, safe to print: other escape sequences, which others may have written, are written out."""
    if "\033" not in text:
        return printable(text)
    return "".join([piece if at % 2 else printable(piece) for at, piece in enumerate(re.split(_COLOUR, text))])


def size_words(size: int) -> str:
    """A size in the unit that people use for it, to a tenth: `12 bytes`, `52 KiB`, `31.4 MiB`, `2 GiB`."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{f'{size / unit:.1f}'.removesuffix('.0')} {name}"
    return f"{size} bytes"


def _as_bytes(letter: str) -> str:
    is_byte = "\udc80" <= letter <= "\udcff"  # what the file system's name had and no UTF-8 is
    raw = letter.encode("utf-8", "surrogateescape" if is_byte else "surrogatepass")
    return "".join([f"\\x{byte:02x}" for byte in raw])


_LONGEST = 150  # of what a line in a terminal may be


def brief(one: object, words: str) -> str:
    """What a REPL shows of an object: its class and what tells it from others, printable, on one line."""
    text = printable(words)
    return f"<{type(one).__name__} {text if len(text) <= _LONGEST else f'{text[: _LONGEST - 3]}...'}>"
