"""The kallsyms tables of a kernel, as its build leaves them in read-only data: names, tokens, markers, addresses, order."""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

MARKED = 256  # symbols between two markers
CODES = 256
IDLE_CODES = 5  # codes that stay without a token even when compressing, as in small kernels
GRAMS = (2, 3, 4, 6)  # lengths of the substrings that become tokens

_OLD = ("offsets", "relative_base", "num_syms", "names", "markers", "seqs", "token_table", "token_index")
_NEW = ("num_syms", "names", "markers", "token_table", "token_index", "offsets", "relative_base", "seqs")
ORDERS = {"old": _OLD, "new": _NEW, "7.0": tuple(table for table in _NEW if table != "relative_base")}
WITH_BASE = ("relative", "percpu")


class Symbol(NamedTuple):
    """A symbol as nm has it: `offset` counts from `_text`, or is the value itself where the symbol is absolute (per-cpu)."""

    name: str | bytes
    type: str
    offset: int
    absolute: bool = False

    @property
    def raw(self) -> bytes:
        """The name as bytes."""
        return self.name if isinstance(self.name, bytes) else self.name.encode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Shape:
    """How one kernel writes its tables.

    `counter` is the size of num_syms and of a marker, `big` allows lengths of two bytes, `seqs` adds the index by name,
    `compress` False writes one byte a character.
    """

    encoding: str = "relative"
    order: str = "new"
    word: int = 8
    counter: int = 4
    big: bool = True
    seqs: bool = True
    compress: bool = True

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that exist, in their order; absolute addresses have a table of another name."""
        gone = set() if self.seqs else {"seqs"}
        if self.encoding not in WITH_BASE:
            gone.add("relative_base")
        found = tuple(table for table in ORDERS[self.order] if table not in gone)
        return tuple("addresses" if table == "offsets" and self.encoding == "absolute" else table for table in found)

    @property
    def align(self) -> int:
        """What every label is aligned to."""
        return 4 if self.order == "7.0" else self.word


class Tables(NamedTuple):
    """The bytes of all tables and where in them each begins; `base_va` is the content of relative_base."""

    blob: bytes
    offsets: dict[str, int]
    base_va: int | None


def build(symbols: Sequence[Symbol], shape: Shape, *, text_va: int, at: int) -> Tables:
    """The tables of these symbols, sorted by address, of a kernel with `_text` at text_va; they lie at `_text` + at."""
    if shape.encoding not in ENCODINGS:
        raise ValueError(f"no such encoding: {shape.encoding}")
    coded = _code_names(tuple(symbol.type.encode() + symbol.raw for symbol in symbols), shape.compress, shape.big)
    base = next((text_va + symbol.offset for symbol in symbols if not symbol.absolute), text_va)
    pieces = {
        "num_syms": len(symbols).to_bytes(shape.counter, "little"),
        "names": coded.names,
        "markers": b"".join(marker.to_bytes(shape.counter, "little") for marker in coded.markers),
        "token_table": coded.token_table,
        "token_index": coded.token_index,
        "relative_base": base.to_bytes(shape.word, "little"),
        "seqs": _seqs(symbols),
    }
    addresses = ENCODINGS[shape.encoding]
    size = len(addresses(symbols, Place(text_va, base, at, shape.word)))  # the place moves values, not widths
    offsets = _lay_out(shape, {name: len(piece) for name, piece in pieces.items()} | {"offsets": size, "addresses": size})
    first = offsets.get("offsets", offsets.get("addresses", 0))
    pieces["offsets"] = pieces["addresses"] = addresses(symbols, Place(text_va, base, at + first, shape.word))
    blob = bytearray()
    for name in shape.tables:
        blob += bytes(offsets[name] - len(blob)) + pieces[name]
    blob += bytes(-len(blob) % shape.align)
    return Tables(bytes(blob), offsets, base if "relative_base" in offsets else None)


def _lay_out(shape: Shape, sizes: dict[str, int]) -> dict[str, int]:
    offsets: dict[str, int] = {}
    at = 0
    for name in shape.tables:
        at += -at % shape.align
        offsets[name] = at
        at += sizes[name]
    return offsets


def _seqs(symbols: Sequence[Symbol]) -> bytes:
    by_name = sorted(range(len(symbols)), key=lambda index: symbols[index].raw)
    return b"".join(index.to_bytes(3, "big") for index in by_name)


# Addresses


class Place(NamedTuple):
    """What an entry of the address table may count from: VAs, and `table`, the table's place from `_text`."""

    text_va: int
    base: int
    table: int
    word: int


def _relative(symbols: Sequence[Symbol], place: Place) -> bytes:
    if any(symbol.absolute for symbol in symbols):
        raise ValueError("an absolute symbol needs the percpu encoding")
    values = [place.text_va + symbol.offset - place.base for symbol in symbols]
    return struct.pack(f"<{len(values)}I", *values)


def _percpu(symbols: Sequence[Symbol], place: Place) -> bytes:
    values = [symbol.offset if symbol.absolute else -1 - (place.text_va + symbol.offset - place.base) for symbol in symbols]
    return struct.pack(f"<{len(values)}i", *values)


def _absolute(symbols: Sequence[Symbol], place: Place) -> bytes:
    values = [symbol.offset if symbol.absolute else place.text_va + symbol.offset for symbol in symbols]
    return struct.pack(f"<{len(values)}{'Q' if place.word == 8 else 'I'}", *values)


def _from_place(symbols: Sequence[Symbol], place: Place) -> bytes:
    if any(symbol.absolute for symbol in symbols):
        raise ValueError("the place encoding knows no absolute symbols")
    values = [symbol.offset - (place.table + 4 * index) for index, symbol in enumerate(symbols)]
    return struct.pack(f"<{len(values)}i", *values)


def _direct(symbols: Sequence[Symbol], place: Place) -> bytes:
    return _absolute(symbols, place._replace(word=4))


# By name: kallsyms' forms of the address table, each from symbols and what entries may count from to bytes.
ENCODINGS: dict[str, Callable[[Sequence[Symbol], Place], bytes]] = {
    "relative": _relative,
    "percpu": _percpu,
    "absolute": _absolute,
    "place": _from_place,
    "direct": _direct,
}


# Names


class _Coded(NamedTuple):
    names: bytes
    markers: tuple[int, ...]
    token_table: bytes
    token_index: bytes


@lru_cache(maxsize=64)
def _code_names(texts: tuple[bytes, ...], compress: bool, big: bool) -> _Coded:
    """The stream of names (type letter first) with its markers and the tokens that it uses."""
    tokens = _choose_tokens(texts, compress)
    codes = {token: bytes((code,)) for code, token in tokens.items()}
    longest_first = sorted(codes, key=lambda token: (-len(token), token))
    pattern = re.compile(b"|".join(map(re.escape, longest_first)) or b"(?!)", re.DOTALL)
    names = bytearray()
    markers = []
    for index, text in enumerate(texts):
        if index % MARKED == 0:
            markers.append(len(names))
        entry = pattern.sub(lambda found: codes[found[0]], text)
        names += length_bytes(len(entry), big) + entry
    strings = [tokens.get(code, b"") for code in range(CODES)]
    return _Coded(bytes(names), tuple(markers), b"".join(token + b"\0" for token in strings), _index(strings))


def _index(strings: list[bytes]) -> bytes:
    starts, at = [], 0
    for token in strings:
        starts.append(at)
        at += len(token) + 1
    return struct.pack(f"<{CODES}H", *starts)


def length_bytes(length: int, big: bool) -> bytes:
    """How long a name's code is: one byte of 0..255, or from 6.1 on ULEB128 of one or two bytes."""
    if not 0 < length <= (0x3FFF if big else 0xFF):
        raise ValueError(f"a name of {length} codes has no length")
    if big and length > 0x7F:
        return bytes(((length & 0x7F) | 0x80, length >> 7))
    return bytes((length,))


def _choose_tokens(texts: tuple[bytes, ...], compress: bool) -> dict[int, bytes]:
    """What each code stands for: every byte in use for itself, and of the others most for frequent pieces of names."""
    used = set(b"".join(texts))
    tokens = {code: bytes((code,)) for code in used}
    if not compress:
        return tokens
    spare = [code for code in range(CODES - 1, -1, -1) if code not in used]
    pieces: Counter[bytes] = Counter()
    for text in texts:
        for size in GRAMS:
            pieces.update(text[start : start + size] for start in range(len(text) - size + 1))
    worth = sorted((-(len(piece) - 1) * count, piece) for piece, count in pieces.items() if count > 1)
    return tokens | dict(zip(spare[IDLE_CODES:], (piece for _, piece in worth), strict=False))
