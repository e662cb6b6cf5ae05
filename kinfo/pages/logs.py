"""LogLines of logs, with the addresses and names in them that the page knows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kinfo.pages.model import LinePiece, LogLine, LogLines
from kinfo.pages.places import MapPlaces

NEWEST = 60  # lines that are shown at once
_MOST = 20_000
_LONGEST = 4096  # letters of a line
_KNOWN = re.compile(
    r"(?P<name>[A-Za-z_][\w.$]*\+0x[0-9a-f]+/0x[0-9a-f]+)(?P<module> \[\w+\])?|\b(?:0x)?(?P<address>[0-9a-fA-F]{7,16})\b"
)


def of_kernel(messages: Sequence[Mapping[str, Any]], places: MapPlaces, named: Sequence[str] = ()) -> LogLines:
    """The kernel's log out of its document; `named` are the messages' texts with names put in, where the kernel has them."""
    texts = [one.expandtabs() for one in named or [one["text"] for one in messages]]
    lines = [
        LogLine(one["level"] or "", tuple(_stamped(one["time_ns"], text, places)))
        for one, text in zip(messages[-_MOST:], texts[-_MOST:], strict=True)
    ]
    return _folded(lines, len(messages))


def of_text(texts: Sequence[str], places: MapPlaces) -> LogLines:
    """A log as text: a boot loader's, a console's."""
    return _folded([LogLine("", tuple(pieces(one.expandtabs(), places))) for one in texts[-_MOST:]], len(texts))


def _folded(lines: list[LogLine], of_all: int) -> LogLines:
    left = f"the {of_all - len(lines):,} lines before these are not on this page" if of_all > len(lines) else ""
    return LogLines(tuple(lines[-NEWEST:]), tuple(lines[:-NEWEST]), left)


def _stamped(time_ns: int, text: str, places: MapPlaces) -> Iterator[LinePiece]:
    yield LinePiece(f"[{time_ns // 10**9:5d}.{time_ns % 10**9 // 1000:06d}] ", "", "time")
    yield from pieces(text, places)


def pieces(text: str, places: MapPlaces) -> Iterator[LinePiece]:
    """The text in pieces: names are marked, addresses that are in a known place lead to it."""
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}..."
    end = 0
    for found in _KNOWN.finditer(text):
        piece = _known(found, places)
        if piece is not None:
            if found.start() > end:
                yield LinePiece(text[end : found.start()])
            yield piece
            end = found.end()
    if end < len(text):
        yield LinePiece(text[end:])


def _known(found: re.Match[str], places: MapPlaces) -> LinePiece | None:
    if found["name"]:
        return LinePiece(found[0], places.of_code((found["module"] or "").strip(" []")), "name")
    anchor = places.anchor(int(found["address"], 16))
    return LinePiece(found[0], anchor, "address") if anchor else None


def texts(lines: Iterable[bytes]) -> list[str]:
    """LogLines of a file as text; bytes that are no UTF-8 stay visible."""
    return [line.rstrip(b"\r\n").decode("utf-8", "surrogateescape") for line in lines]
