"""A word to what it stands for: an address to its name, a name to its addresses."""

from __future__ import annotations

import re
from typing import NamedTuple

from kinfo.errors import KinfoError
from kinfo.kernel.calls import returned_to, unsigned
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.place import Place
from kinfo.printable import brief

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]+|[0-9a-fA-F]{16}")


class Lookup(NamedTuple):
    """What a word stands for: places, and where there is none the reason.

    `before` is the place before, to which an address at a function's first byte belongs as a return address.
    """

    word: str
    places: list[Place]
    reason: str = ""
    before: Place | None = None

    def __repr__(self) -> str:
        return brief(self, f"{self.word}: {', '.join(place.label for place in self.places) or self.reason}")


def look_up(kernel: Kernel, word: str) -> Lookup:
    """An address (0x..., or 16 hex digits; VA or PA; on arm64 signed ones too) or a name, as `name` or `name+0x10`."""
    try:
        if not _ADDRESS.fullmatch(word):
            places = kernel.named(word)
            return Lookup(word, places, "" if places else _no_such_name(kernel))
        return _of_address(kernel, word, int(word, 16))
    except KinfoError as error:
        return Lookup(word, [], str(error))


def _of_address(kernel: Kernel, word: str, given: int) -> Lookup:
    if given >> 64:
        return Lookup(word, [], "it is not within 64 bits")
    address = unsigned(kernel, given) or given
    places = kernel.places(address)
    if not places:
        return Lookup(word, [], kernel.why_unnamed(address))
    return Lookup(word, places, before=returned_to(kernel, places[0], address))


def _no_such_name(kernel: Kernel) -> str:
    gap = kernel.modules_gap
    return f"no symbol of the image has that name; modules are not all known: {gap}" if gap else "no symbol has that name"
