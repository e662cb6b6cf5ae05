r"""Text fields: strings that come from hostile memory.

A field's bytes are kept raw; what is shown is the part up to the first NUL, in ASCII, with every other byte as `\\xNN` and a
backslash doubled, so that nothing can act on a terminal, in HTML, XML or JSON, and the bytes can be had back exactly.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kinfo.errors import FieldError
from kinfo.typed import Any

_ESCAPE = r"\\(?:x([0-9a-fA-F]{2})|(\\))"
_SHOWN = {code: chr(code) for code in range(0x20, 0x7F)} | {0x5C: "\\\\"}
_PRINTABLE = bytes(range(0x20, 0x7F))
_PLAIN = _PRINTABLE.replace(b"\\", b"")  # bytes that are shown as they are
_TABLE = [_SHOWN.get(code, f"\\x{code:02x}") for code in range(256)]


def look(function: Callable[..., Any], *texts: Any) -> Any:
    """What a function says of texts' bytes; those that write down what is asked of them (`record.asked`) are asked."""
    first = texts[0]
    return function(*texts) if isinstance(first, bytes) else first.looked_at(function, texts)


def escape(raw: bytes) -> str:
    """Bytes as printable ASCII; `unescape` gives the same bytes back."""
    if not raw.translate(None, _PLAIN):
        return raw.decode("ascii")
    return "".join([_TABLE[code] for code in raw])


def unescape(text: str) -> bytes:
    r"""Bytes of an escaped text. Raises FieldError for non-ASCII text and for a lone backslash."""
    if not text.isascii():
        raise FieldError(f"{text[:60]!r} is not ASCII", r"write other bytes as \xNN")
    if "\\" in re.sub(_ESCAPE, "", text):
        raise FieldError(f"{text[:60]!r} has a lone backslash", r"write it as \\ and other bytes as \xNN")
    return re.sub(_ESCAPE, lambda found: found[2] or chr(int(found[1], 16)), text).encode("latin-1")


def plain(raw: bytes) -> str | bytes:
    """The text up to the first NUL: a str where `escape` leaves it as it is (so `unescape` takes it too), else bytes."""
    string = before_nul(raw)
    shown = escape(string)
    return shown if len(shown) == len(string) else string


def odd_bytes(raw: bytes) -> int:
    """How many bytes are not printable ASCII."""
    return len(raw.translate(None, _PRINTABLE))


def is_blank(raw: bytes) -> bool:
    """Whether all bytes are zero."""
    return not any(raw)


def before_nul(raw: bytes) -> bytes:
    """The string: everything up to the first NUL."""
    return raw.partition(b"\0")[0]


def after_nul(raw: bytes) -> bytes:
    """What stands behind the first NUL, without the zeros at its end; empty in a clean field."""
    return raw.partition(b"\0")[2].rstrip(b"\0")


def is_printable(raw: bytes) -> bool:
    """Whether every byte is printable ASCII (a trailing newline is allowed: `echo` leaves one)."""
    text = raw.removesuffix(b"\n")
    return text.isascii() and (not text or text.decode("ascii").isprintable())
