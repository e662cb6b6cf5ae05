"""The module parameter build_info: what successive writes leave in the field.

Every driver copies min(255, strlen) bytes and no NUL, so a shorter write leaves the tail of a longer one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kinfo.errors import FieldError

LENGTH = 256


class Kept(NamedTuple):
    """The field's bytes, and what the writer was told where that was an error."""

    data: bytes
    notes: tuple[str, ...]


def stored(writes: Sequence[str]) -> Kept:
    """In Android's drivers and kmemdump a text of more than 256 characters is cut, stored, and refused all the same."""
    return _written(writes, keeps_refused=True)


def copied(writes: Sequence[str]) -> Kept:
    """In meminspect v1 and v2 a text of more than 256 characters is refused; the rest is copied once, at probe."""
    return _written(writes, keeps_refused=False)


def _written(writes: Sequence[str], *, keeps_refused: bool) -> Kept:
    buffer, notes = bytearray(LENGTH), []
    for text in writes:
        raw = _raw(text)
        if len(raw) > LENGTH:
            fate = "stored its first 255 all the same" if keeps_refused else "stored nothing of it"
            notes.append(f"a build_info of {len(raw)} characters: the driver returned an error and {fate}")
            if not keeps_refused:
                continue
        elif len(raw) == LENGTH:
            notes.append("a build_info of 256 characters: the driver stored 255 without an error")
        part = raw[: LENGTH - 1]
        buffer[: len(part)] = part
    return Kept(bytes(buffer).rstrip(b"\0"), tuple(notes))


def _raw(text: str) -> bytes:
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = b""
    if not raw or b"\0" in raw:
        raise FieldError(
            f"build_info: {text[:60]!r} is no text that can be written", "give one character at least, and no NUL"
        )
    return raw
