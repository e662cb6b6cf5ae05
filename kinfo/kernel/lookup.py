"""A word to what it stands for: an address to its name, a name to its addresses."""

from __future__ import annotations

import re

from kinfo.errors import KinfoError
from kinfo.kernel.calls import returned_to
from kinfo.kernel.place import Namer, Place
from kinfo.named import NamedTuple
from kinfo.printable import brief
from kinfo.typed import Protocol

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


class Lookable(Namer, Protocol):
    """What a word can be looked up in: a kernel in memory, or regions of one."""

    def named(self, name: str) -> list[Place]:
        """Every symbol of a name, as `name` or `name+0x10`."""

    def places(self, address: int) -> list[Place]:
        """Every reading of an address."""

    def why_unnamed(self, address: int) -> str:
        """What is known of an address that has no name."""

    @property
    def why_no_such_name(self) -> str:
        """What is known of a name that is not here."""


def look_up(kernel: Lookable, word: str) -> Lookup:
    """An address (0x..., or 16 hex digits; VA or PA; on arm64 signed ones too) or a name, as `name` or `name+0x10`."""
    try:
        if not _ADDRESS.fullmatch(word):
            return _of_name(kernel, word, kernel.named(word))
        return _of_address(kernel, word, int(word, 16))
    except KinfoError as error:
        return Lookup(word, [], str(error))


def _of_name(kernel: Lookable, word: str, named: list[Place]) -> Lookup:
    """The symbols of a name that an offset is within: one past its end is a return address still, beyond is another's."""
    places = [place for place in named if not place.size or place.offset <= place.size]
    if places or not named:
        return Lookup(word, places, "" if places else kernel.why_no_such_name)
    first = named[0]
    address = first.pa if first.va is None else first.va
    there = None if address is None else kernel.at(address)
    what = f"{first.symbol} has {first.size:#x} bytes here, {first.offset:#x} is beyond them"
    where = "" if address is None else f": {address:#x} is {'in no symbol' if there is None else there.label}"
    return Lookup(word, [], f"{what}{where}; check that it is of this build")


def _of_address(kernel: Lookable, word: str, given: int) -> Lookup:
    if given >> 64:
        return Lookup(word, [], "it is not within 64 bits")
    address = kernel.unsigned(given) or given
    places = kernel.places(address)
    if not places:
        return Lookup(word, [], kernel.why_unnamed(address))
    return Lookup(word, places, before=returned_to(kernel, places[0], address))
