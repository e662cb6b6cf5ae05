"""Raw addresses in text, with their names put behind them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import compress

from kinfo.kernel.address_words import AddressWords
from kinfo.kernel.labels import ALONE, OPENING, AddressLabel, Labels
from kinfo.kernel.place import Namer

# A number of an address's length, on its own: 16 digits (8 on 32-bit kernels) with or without 0x, or 0x and 6 at the least.
# A terminal's escape sequences (CSI, and the choice of a character set) are no part of words, though they end in a letter.
_ESCAPE = rb"\x1b(?:\[[0-?]{0,32}[@-~]|[()][0-9AB])"
_START = rb"\b(?=[0-9a-fA-F])"
_NUMBER = rb"(0[xX][0-9a-fA-F]{6,16}|[0-9a-fA-F]{%d})\b"
# What stays between an address and its name: [<ADDR>], and the boot loaders' word for no name (LK, lib/linux_debug).
_TAIL = rb"(?:(?:%s)*>\]?)?(?:(?:%s)* UNKNOWN\+0x0(?![0-9a-f]))?" % (_ESCAPE, _ESCAPE)
_BARE_TAIL = re.compile(rb"(?:>\]?)?(?: UNKNOWN\+0x0(?![0-9a-f]))?")

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
# Registers that hold no address, though their numbers can be PAs of the image: the syndrome of an exception, and the CPU's
# MIDR, which arm64 prints behind its MPIDR (smp_setup_processor_id() and secondary_start_kernel() of arch/arm64/kernel).
_NO_ADDRESS = re.compile(
    rb"(?:(?:(?<![a-z0-9])|\x1b\[[0-?]{0,32}m)esr(?:_el[123])?(?: is)?[ :=]{1,8}"
    rb"|(?:physical CPU|secondary processor) 0x[0-9a-f]{1,16} \[)$",
    re.IGNORECASE,
)

_LONGEST_LINE = 1 << 20


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
        self._words = AddressWords(names.word)
        self._coloured = re.compile(b"(?:" + _START + b"|" + _ESCAPE + b")" + _NUMBER % (2 * names.word) + _TAIL)
        self._labels = Labels(names)

    def text(self, text: bytes) -> bytes:
        """The text with names."""
        if b"\x1b" not in text:
            named = self._plain(text)
        else:
            named = self._coloured.sub(self._replacement, text) if self._words.any(text) else text
        return self._lines(named) if self._lines else named

    def stream(self, read: Callable[[], bytes]) -> Iterator[bytes]:
        """The same for what `read` gives, piece by piece, whole lines at a time; `read` gives b"" at the end."""
        return map(self.text, whole_lines(read))

    def _plain(self, text: bytes) -> bytes:
        """The same for text without escape sequences: all labels first, and one join."""
        starts, ends = self._words.find(text)
        known, padded = self._labels, b"\n%b\n" % text
        labels = [known[padded[start : stop + 2]] for start, stop in zip(starts, ends, strict=True)]
        if None in labels:
            for at in [at for at, label in enumerate(labels) if label is None]:
                ends[at], labels[at] = self._fitting(text, starts[at], ends[at])
        if b"" in labels:
            ends, labels = list(compress(ends, labels)), list(compress(labels, labels))
        if not labels:
            return text
        self.count += len(labels)
        parts: list[bytes | None] = [b""] * (2 * len(labels) + 1)
        parts[::2] = [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
        parts[1::2] = labels
        return b"".join(parts)  # type: ignore[arg-type]  # none of them is None any more

    def _fitting(self, text: bytes, start: int, stop: int) -> tuple[int, bytes]:
        """Where the label of an address is put, and what it is where this depends on what else stands there."""
        tail = _BARE_TAIL.match(text, stop)
        end = tail.end() if tail else stop
        label = self._labels.of(text[start:stop])
        return end, _put(label, text, (start, stop, end)) if label else b""

    def _replacement(self, found: re.Match[bytes]) -> bytes:
        label = self._labels.of(found[1])
        put = _put(label, found.string, (*found.span(1), found.end())) if label else b""
        self.count += bool(put)
        return found[0] + put


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


def _put(label: AddressLabel, text: bytes, place: tuple[int, int, int]) -> bytes:
    """What comes behind an address, nothing where a name stands there; `place` is its start, its end, and its tail's."""
    if _is_named(text, *place) or _NO_ADDRESS.search(_before(text, place[0])):
        return b""
    return label.returning if not label.is_one and _is_return(text, place[0]) else label.plain


def _is_named(text: bytes, start: int, stop: int, end: int) -> bool:
    """Whether a name stands at an address already, and not the boot loader's for none."""
    if text[end : end + 1] not in ALONE:
        behind = _BEHIND.match(text, end)
        if behind and (behind[1] is None or behind[1].lower() == text[start:stop].lower()):
            return True
    if text[start - 1 : start] not in OPENING:
        return False
    line = max(0, start - _REACH, text.rfind(b"\n", 0, start) + 1)
    before = _BEFORE.search(text, line, start) if text.rfind(b"+0x", line, start) >= 0 else None
    return before is not None and before[1] != b"UNKNOWN"


def _before(text: bytes, start: int) -> bytes:
    """What stands before an address in its line, the last 64 bytes of it."""
    return text[max(0, start - 64, text.rfind(b"\n", 0, start) + 1) : start]


def _is_return(text: bytes, start: int) -> bool:
    line = _before(text, start)
    return bool(_LINK.search(line)) or (line.endswith(b"[<") and not _COUNTER.search(line))
