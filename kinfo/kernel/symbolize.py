"""Raw addresses in text, with their names put behind them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from kinfo.errors import KinfoError
from kinfo.kernel.kernel import Kernel

# A number of an address's length, on its own: 16 digits (8 on 32-bit kernels) with or without 0x, or 0x and 6 at the least.
_NUMBER = rb"(?<![0-9A-Za-z_])(?:0[xX][0-9a-fA-F]{6,16}|[0-9a-fA-F]{%d})(?![0-9A-Za-z_])"
_NAMED = rb"(?![\]>)]{0,2}:? ?[<(\[]?[A-Za-z_.][\w.$]*\+0x[0-9a-f])"  # the kernel, or an earlier run, has named it already
_LONGEST_LINE = 1 << 20


class Symbolizer:
    """Puts ` <name+0xoff/0xsize [module]>` behind every address that has a name; everything else stays as it is.

    Addresses are VAs of the image and of modules, and, written with 0x, PAs of the image. On arm64 the bits that pointer
    authentication changed are put right first.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._pattern = re.compile(_NUMBER % (2 * kernel.pointers.word) + _NAMED)
        self._labels: dict[bytes, bytes] = {}
        space, borders = kernel.space, kernel.kallsyms.borders
        self._image = range(borders.text, borders.end)
        self._half = space.form.half if space and space.form else 1 << 63

    def text(self, text: bytes) -> bytes:
        """The text with names."""
        return self._pattern.sub(self._replacement, text)

    def stream(self, read: Callable[[], bytes]) -> Iterator[bytes]:
        """The same for what `read` gives, piece by piece, whole lines at a time; `read` gives b"" at the end."""
        rest = b""
        while piece := read():
            whole, newline, rest = (rest + piece).rpartition(b"\n")
            if newline or len(rest) > _LONGEST_LINE:
                yield self.text(whole + newline if newline else rest)
                rest = rest if newline else b""
        if rest:
            yield self.text(rest)

    def _replacement(self, found: re.Match[bytes]) -> bytes:
        word = found[0]
        label = self._labels.get(word)
        if label is None:
            label = self._labels[word] = self._label(word)
            if len(self._labels) > 1 << 16:
                self._labels.clear()
        return word + label

    def _label(self, word: bytes) -> bytes:
        for address in self._readings(int(word, 16), is_marked=word[1:2] in (b"x", b"X")):
            try:
                place = self.kernel.at(address)
            except KinfoError:
                continue
            if place:
                return f" <{place.label}>".encode()
        return b""

    def _readings(self, number: int, *, is_marked: bool) -> Iterable[int]:
        """The addresses that a number can be."""
        if number in self._image and not self.kernel.is_virtual(number):
            return (number,) if is_marked else ()
        if self.kernel.pointers.word == 4 or number >= self._half:
            return (number,)
        return (number | self._half,) if number >> 55 & 1 else ()  # bit 55 chooses the half; above it are PAC and tag
