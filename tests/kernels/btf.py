"""A writer of BTF: the types of a made kernel, from Documentation/bpf/btf.rst and not from the reader."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple


class Field(NamedTuple):
    """A member: name ("" for a struct without one), id of its type, where it begins in bits; width of a bit field."""

    name: str
    type: int
    bit: int
    bits: int = 0


class BtfWriter:
    """Collects types; each method gives the id of the type that it adds. 0 is void."""

    def __init__(self) -> None:
        self.strings = bytearray(b"\0")
        self.types = bytearray()
        self.count = 0

    def label(self, name: str) -> int:
        """Where a string is: written once."""
        if not name:
            return 0
        at = self.strings.find(b"\0" + name.encode() + b"\0")
        if at < 0:
            at = len(self.strings) - 1
            self.strings += name.encode() + b"\0"
        return at + 1

    def add(self, name: str, kind: int, value: int, words: Sequence[int] = (), *, vlen: int = 0, flag: bool = False) -> int:
        """Any type at all."""
        info = flag << 31 | kind << 24 | vlen
        self.types += struct.pack(f"<{3 + len(words)}I", self.label(name), info, value, *words)
        self.count += 1
        return self.count

    def number(self, name: str, size: int, *, signed: bool = False, bits: int | None = None, at: int = 0) -> int:
        """A number of `size` bytes; `bits` and `at` of those that are narrower, as compilers wrote bit fields at first."""
        return self.add(name, 1, size, [signed << 24 | at << 16 | (8 * size if bits is None else bits)])

    def pointer(self, to: int) -> int:
        return self.add("", 2, to)

    def array(self, of: int, elements: int) -> int:
        return self.add("", 3, 0, [of, 1, elements])

    def typedef(self, name: str, of: int) -> int:
        return self.add(name, 8, of)

    def const(self, of: int) -> int:
        return self.add("", 10, of)

    def struct(self, name: str, size: int, fields: Sequence[Field], *, kind: int = 4) -> int:
        """A struct, or with kind 5 a union. With a bit field in it, places say their width in the top byte."""
        flag = any(field.bits for field in fields)
        words: list[int] = []
        for field in fields:
            words += [self.label(field.name), field.type, field.bits << 24 | field.bit]
        return self.add(name, kind, size, words, vlen=len(fields), flag=flag)

    def union(self, name: str, size: int, fields: Sequence[Field]) -> int:
        return self.struct(name, size, fields, kind=5)

    def plain(self, name: str, size: int, members: dict[str, tuple[int, int]]) -> int:
        """A struct whose members are given as type id and offset in bytes."""
        return self.struct(name, size, [Field(member, kind, 8 * at) for member, (kind, at) in members.items()])

    def blob(self, *, header: int = 24, layout: bytes = b"") -> bytes:
        """All of it. `layout`: the sizes of kinds as kernels since 7.2 state them, in a header of 32 bytes."""
        if layout:
            header = 32
        strings_at = len(self.types)
        head = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, header, 0, len(self.types), strings_at, len(self.strings))
        padding = -len(self.strings) % 4
        if layout:
            head += struct.pack("<II", strings_at + len(self.strings) + padding, len(layout))
        body = bytes(self.types) + bytes(self.strings)
        return head.ljust(header, b"\0") + body + (bytes(padding) + layout if layout else b"")
