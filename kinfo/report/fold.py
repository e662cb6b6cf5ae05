"""Text in the width of a terminal: lines are broken between words, never within one, and go on below their last column."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ESCAPE = "\033\\[[0-9;]*m"
_WORD = r"( *)([^ ]+)"
_QUOTED = r"( *)((?:'[^']*'|[^ '])+)"  # as shlex quotes: a name with spaces is one word
_COMMAND = r"  (?:kinfo|trace-cmd) [a-z]"
_STEP = 2  # a line that goes on stands this much further right where it has no columns


def fold(text: str, width: int | None) -> str:
    """The lines of `text` in at most `width` columns, but for single words that are wider; None: as they are.

    A command to type is continued with a backslash, and what it is for stands above it: it can still be copied.
    """
    if width is None:
        return text
    return "\n".join(part for line in text.split("\n") for part in _lines(line, width))


def pieces(text: str, width: int) -> Iterator[str]:
    """A text in pieces of at most `width` columns, but for single words that are wider."""
    return _folded(text, width, 0, _WORD)


def _lines(line: str, width: int) -> Iterator[str]:
    if visible(line) <= width:
        yield line
    elif re.match(_COMMAND, line):
        command, _, why = line.partition("    # ")
        if why:
            yield from _folded(f"  # {why}", width, 4, _WORD)
        yield from _continued(command.rstrip(), width)
    else:
        yield from _folded(line, width, _hang(line, width), _WORD)


def _continued(command: str, width: int) -> Iterator[str]:
    if visible(command) <= width:
        yield command
        return
    *first, last = _folded(command, width - 2, 4, _QUOTED)
    yield from (f"{part} \\" for part in first)
    yield last


def _folded(line: str, width: int, hang: int, words: str) -> Iterator[str]:
    """The line in pieces; those behind the first begin at `hang`, or by the line's margin where a word needs the room."""
    piece, used = "", 0
    least = min(hang, len(line) - len(line.lstrip(" ")) + _STEP)
    for gap, word in re.findall(words, line):
        size = visible(word)
        if piece and used + len(gap) + size > width:
            yield piece
            used = hang if hang + size <= width else min(least, max(width - size, 0))
            piece = " " * used + word
        else:
            piece += gap + word
            used += len(gap)
        used += size
    yield piece


def _hang(line: str, width: int) -> int:
    """Where the last column begins that leaves the larger half of the terminal to what goes on below it."""
    starts: list[int] = []
    used = 0
    for gap, word in re.findall(_WORD, line):
        used += len(gap)
        if len(gap) > 1 or not starts:
            starts.append(used)
        used += visible(word)
    columns = [start for start in starts[1:] if start <= width // 2]
    return columns[-1] if columns else min(starts[0] + _STEP, width // 2)


def visible(text: str) -> int:
    """The columns that a text takes on a terminal: colours take none, letters of East Asia two."""
    plain = re.sub(_ESCAPE, "", text) if "\033" in text else text
    if plain.isascii():
        return len(plain)
    import unicodedata

    return sum(0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in "WF") for one in plain)
