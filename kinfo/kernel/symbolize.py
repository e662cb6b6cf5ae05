"""Raw addresses in text, with their names put behind them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from kinfo.errors import KinfoError
from kinfo.kernel.calls import returned_to
from kinfo.kernel.place import Namer

# A number of an address's length, on its own: 16 digits (8 on 32-bit kernels) with or without 0x, or 0x and 6 at the least.
# A terminal's escape sequences (CSI, and the choice of a character set) are no part of words, though they end in a letter.
_ESCAPE = rb"\x1b(?:\[[0-?]{0,32}[@-~]|[()][0-9AB])"
_START = rb"\b(?=[0-9a-fA-F])"
_NUMBER = rb"(0[xX][0-9a-fA-F]{6,16}|[0-9a-fA-F]{%d})\b"
# What stays between an address and its name: [<ADDR>], and the boot loaders' word for no name (LK, lib/linux_debug).
_TAIL = rb"(?:(?:%s)*>\]?)?(?:(?:%s)* UNKNOWN\+0x0(?![0-9a-f]))?" % (_ESCAPE, _ESCAPE)

# Names that the kernel, or an earlier run, has put behind an address: `ADDR name+0x8`, `[<ADDR>] ? name+0x8`, arm's
# `[<ADDR>] (name) from`, x86's `[<ADDR>]  [<ADDR>] name+0x8`; and before it, `name+0x8 <ADDR>`, as LK does.
_WORD = rb"[A-Za-z_.][\w.$]{0,511}"
_BEHIND = re.compile(
    rb"(?:%(esc)s)*[\]>)]{0,2}:?(?:%(esc)s| ){0,8}(?:\[<([0-9a-fA-F]{8,16})>\](?:%(esc)s| ){0,8})?(?:\? ?)?(?:%(esc)s)*"
    rb"(?:[<(\[]?%(word)s\+0x[0-9a-fA-F]|(?<=[>\]] )\((?![0-9a-fA-F]{8,16}\))%(word)s\)|(?<=\? )%(word)s)"
    % {b"esc": _ESCAPE, b"word": _WORD}
    % {b"esc": _ESCAPE, b"word": _WORD}
)
_BEFORE = re.compile(
    rb"(?<![\w.$])(%s)\+0x[0-9a-fA-F]{1,8}(?:/0x[0-9a-fA-F]{1,8})?(?: \[[^\]\s]{1,64}\])? ?[\[<(]{1,2}$" % _WORD
)
_REACH = 700  # bytes before an address in which such a name begins

# Where an address is one to return to: a link register, what arm's trace comes `from`, a line `[<ADDR>]` of a trace that is
# no program counter's.
_LINK = re.compile(
    rb"(?:(?<![a-z0-9])(?:lr|ra|x30|r14)(?: is at)?[ :=]{1,8}(?:UNKNOWN\+0x0 )?|\bfrom )[\[<(]{0,2}$", re.IGNORECASE
)
_COUNTER = re.compile(rb"(?:pc|elr|[re]?ip|nip)(?: is at)?\s{0,4}[:=]?\s{0,4}(?:[0-9a-f]{2,4}:)?\[<$", re.IGNORECASE)

_LONGEST_LINE = 1 << 20
_MOST_LABELS = 1 << 16


class _Label(NamedTuple):
    """What is put behind an address: as it is, and where it is one to return to."""

    plain: bytes
    returning: bytes


class Symbolizer:
    """Puts ` <name+0xoff/0xsize [module]>` behind every address that has a name; everything else stays as it is.

    Addresses are VAs of the image and of modules, and, written with 0x, PAs of the image. On arm64 the bits that pointer
    authentication changed are put right first. A return address (a link register, a trace's `[<ADDR>]`) at a function's
    first byte is named twice, `<panic+0x6c/0x6c or next+0x0/0x40>`: it may be the end of the function before. `count` is how
    many names have been put. `lines` puts what it knows behind names, those that stood there too.
    """

    def __init__(self, names: Namer, lines: Callable[[bytes], bytes] | None = None) -> None:
        self.names, self._lines = names, lines
        self.count = 0
        number = _NUMBER % (2 * names.word)
        self._plain = re.compile(_START + number + _TAIL)
        self._coloured = re.compile(b"(?:" + _START + b"|" + _ESCAPE + b")" + number + _TAIL)
        self._labels: dict[bytes, _Label | None] = {}

    def text(self, text: bytes) -> bytes:
        """The text with names."""
        named = (self._coloured if b"\x1b" in text else self._plain).sub(self._replacement, text)
        return self._lines(named) if self._lines else named

    def stream(self, read: Callable[[], bytes]) -> Iterator[bytes]:
        """The same for what `read` gives, piece by piece, whole lines at a time; `read` gives b"" at the end."""
        return map(self.text, whole_lines(read))

    def _replacement(self, found: re.Match[bytes]) -> bytes:
        label = self._known(found[1])
        if label is None or _is_named(found):
            return found[0]
        self.count += 1
        return found[0] + (label.returning if label.returning != label.plain and _is_return(found) else label.plain)

    def _known(self, word: bytes) -> _Label | None:
        """The label, kept for when the address comes again."""
        if word in self._labels:
            return self._labels[word]
        if len(self._labels) >= _MOST_LABELS:
            self._labels.clear()
        label = self._labels[word] = self._label(word)
        return label

    def _label(self, word: bytes) -> _Label | None:
        address = self._reading(int(word, 16), is_marked=word[1:2] in (b"x", b"X"))
        if address is None:
            return None
        try:
            place = self.names.at(address)
            before = returned_to(self.names, place, address) if place else None
        except KinfoError:
            return None
        if place is None:
            return None
        plain = f" <{place.label}>".encode()
        return _Label(plain, f" <{before.label} or {place.label}>".encode() if before else plain)

    def _reading(self, number: int, *, is_marked: bool) -> int | None:
        """The address that a number is."""
        if number in self.names.image and not self.names.is_virtual(number):
            return number if is_marked else None
        return self.names.unsigned(number)


def whole_lines(read: Callable[[], bytes]) -> Iterator[bytes]:
    """What `read` gives (b"" at the end) in pieces that end with a line; a line without an end is not kept."""
    rest = b""
    while piece := read():
        whole, newline, rest = (rest + piece).rpartition(b"\n")
        if newline or len(rest) > _LONGEST_LINE:
            yield whole + newline if newline else rest
            rest = rest if newline else b""
    if rest:
        yield rest


def _is_named(found: re.Match[bytes]) -> bool:
    """Whether a name stands at an address already, and not the boot loader's for none."""
    text, start = found.string, found.start(1)
    behind = _BEHIND.match(text, found.end())
    if behind and (behind[1] is None or behind[1].lower() == found[1].lower()):
        return True
    if text[start - 1 : start] not in (b"<", b"("):
        return False
    before = _BEFORE.search(text, max(0, start - _REACH, text.rfind(b"\n", 0, start) + 1), start)
    return before is not None and before[1] != b"UNKNOWN"


def _is_return(found: re.Match[bytes]) -> bool:
    text, start = found.string, found.start(1)
    line = text[max(0, start - 64, text.rfind(b"\n", 0, start) + 1) : start]
    return bool(_LINK.search(line)) or (line.endswith(b"[<") and not _COUNTER.search(line))
