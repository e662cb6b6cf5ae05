"""A small reader of BTF, the types a kernel carries along: where a struct's members lie."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from tools.guests.machines import GuestError

_HEADER = struct.Struct("<HBBIIIII")  # magic, version, flags, header length, types at, their length, strings at, their length
_MAGIC = struct.pack("<HBBI", 0xEB9F, 1, 0, _HEADER.size)
_ARRAY, _STRUCT = 3, 4
# What follows the 12 bytes of each kind of type: so many bytes once, and so many for each of its `vlen` members.
_ONCE = {1: 4, _ARRAY: 12, 14: 4, 17: 4}
_EACH = {_STRUCT: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12}


class Member(NamedTuple):
    """One member of a struct: its offset in bytes, and how many elements it has if it is an array (else 0)."""

    offset: int
    elements: int


class Struct(NamedTuple):
    """A struct's size in bytes, and its members by name."""

    size: int
    members: dict[str, Member]


class Btf:
    """The types of a kernel image: the first BTF in it is the kernel's own."""

    def __init__(self, image: bytes) -> None:
        start = image.find(_MAGIC)
        if start < 0:
            raise GuestError("the kernel image carries no BTF")
        _, _, _, header, types, types_length, strings, strings_length = _HEADER.unpack_from(image, start)
        start += header
        self._strings = image[start + strings : start + strings + strings_length]
        self._types = image[start + types : start + types + types_length]
        self._places = list(self._walk())

    def struct(self, name: str) -> Struct:
        """The struct of this name."""
        for at in self._places:
            label, info, size = struct.unpack_from("<III", self._types, at)
            if info >> 24 & 0x1F == _STRUCT and label and self._name(label) == name:
                return Struct(size, dict(self._members(at, info)))
        raise GuestError(f"BTF knows no struct {name}")

    def _walk(self) -> Iterator[int]:
        """Where each type lies; type 1 is the first."""
        at = 0
        while at < len(self._types):
            yield at
            info = struct.unpack_from("<I", self._types, at + 4)[0]
            kind = info >> 24 & 0x1F
            at += 12 + _ONCE.get(kind, 0) + _EACH.get(kind, 0) * (info & 0xFFFF)

    def _members(self, at: int, info: int) -> Iterator[tuple[str, Member]]:
        for index in range(info & 0xFFFF):
            label, kind, bits = struct.unpack_from("<III", self._types, at + 12 + 12 * index)
            offset = (bits & 0xFFFFFF if info >> 31 else bits) // 8  # the flag: bit fields say their width in the top byte
            yield self._name(label), Member(offset, self._elements(kind))

    def _elements(self, kind: int) -> int:
        at = self._places[kind - 1] if kind else 0  # 0 is void, which has no entry
        _, info, _, _, _, elements = struct.unpack_from("<IIIIII", self._types, at)
        return int(elements) if info >> 24 & 0x1F == _ARRAY else 0

    def _name(self, label: int) -> str:
        return self._strings[label : self._strings.index(b"\0", label)].decode()
