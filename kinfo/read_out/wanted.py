"""What a person names to be read, as a word: which kind of thing it is must never be a guess."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from kinfo.arch.address import KERNEL_HALF
from kinfo.errors import KernelError
from kinfo.meminspect.ids import MAX
from kinfo.printable import quoted

HINT = "write pa:0x40000000, va:0xffff..., id:22, region:NAME or symbol:NAME"
_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]+|[0-9a-fA-F]{16}")
_ID = re.compile(r"[0-9]{1,3}")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+")


class WantedKind(Enum):
    """What a word names. NAME is a region or a symbol, ADDRESS a VA or a PA: what is opened tells."""

    ID = "id"
    REGION = "region"
    SYMBOL = "symbol"
    VA = "va"
    PA = "pa"
    NAME = "name"
    ADDRESS = "address"


class Wanted(NamedTuple):
    """A word taken apart: `name` of those that are called something, `number` of the others; `offset` into it."""

    word: str
    kind: WantedKind
    name: str = ""
    number: int = 0
    offset: int = 0


def wanted(word: str) -> Wanted:
    """What a word names.

    `pa:`, `va:`, `id:`, `region:` and `symbol:` say it. Else a number in decimal is a region's id, one with 0x or of 16 hex
    digits an address: a VA in the upper half of 64 bits, from 2^32 to there a PA. Raises KernelError for what is none of all.
    """
    prefix, colon, rest = word.partition(":")
    if colon and prefix in ("id", "pa", "va"):
        number = _number(word, rest)
        if prefix == "id" and not 0 < number < MAX:
            raise KernelError(f"{word}: ids are 1 to {MAX - 1}", "`kinfo table` lists them")
        return Wanted(word, WantedKind(prefix), number=number)
    if colon and prefix in ("region", "symbol"):
        return _named(word, WantedKind(prefix), rest)
    if _ID.fullmatch(word):
        return wanted(f"id:{word}")._replace(word=word)
    if _ADDRESS.fullmatch(word):
        return Wanted(word, _kind_of(number := _number(word, f"0x{word.lower().removeprefix('0x')}")), number=number)
    if not word or word[0].isdigit():
        raise KernelError(f"{word or 'an empty word'}: is neither a name, an address (0x...) nor an id", HINT)
    return _named(word, WantedKind.NAME, word)


def _kind_of(number: int) -> WantedKind:
    if number >= KERNEL_HALF:
        return WantedKind.VA
    return WantedKind.PA if number >> 32 else WantedKind.ADDRESS


def _named(word: str, kind: WantedKind, text: str) -> Wanted:
    name, plus, behind = text.partition("+")
    if not name:
        raise KernelError(f"{word}: has no name", HINT)
    return Wanted(word, kind, name=name, offset=_number(word, behind.partition("/")[0]) if plus else 0)


def _number(word: str, text: str) -> int:
    if not _NUMBER.fullmatch(text) or len(text) > 40 or int(text, 0) >> 64:
        raise KernelError(f"{word}: {quoted(text[:40] or 'nothing')} is no number within 64 bits", HINT)
    return int(text, 0)
