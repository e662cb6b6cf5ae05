"""A small reader of BTF, the types a kernel carries along: where a struct's members lie.

Documentation/bpf/btf.rst has the format. Only what a struct's layout needs is read.
"""

from __future__ import annotations

import re
import struct
from array import array

from kinfo.errors import KernelError
from kinfo.kernel_build.types import Member, Struct

_HEADER = struct.Struct("<HBBIIIII")  # magic, version, flags, header length, types at, their length, strings at, their length
_MAGIC = struct.pack("<HBBI", 0xEB9F, 1, 0, _HEADER.size)
_INT, _ARRAY, _STRUCT, _UNION, _TYPEDEF = 1, 3, 4, 5, 8
_QUALIFIERS = (_TYPEDEF, 9, 10, 11, 18)  # typedef, volatile, const, restrict, type tag: nothing but another type's name
# What follows the 12 bytes of each kind of type: so many bytes once, and so many for each of its `vlen` members.
_ONCE = {_INT: 4, _ARRAY: 12, 14: 4, 17: 4}
_EACH = {_STRUCT: 12, _UNION: 12, 6: 8, 13: 8, 15: 12, 19: 12}
_KINDS = 20
_MOST_TYPES = 4 << 20
_DEEPEST = 8  # structs without a name inside one another, and qualifiers in front of a type


class Btf:
    """The types in `image`: in the first BTF found there, which is the kernel's own.

    Raises KernelError where there is none, or where it is damaged.
    """

    def __init__(self, image: bytes | memoryview) -> None:
        found = re.search(re.escape(_MAGIC), image)  # which needs no copy of the image
        if not found or found.start() + _HEADER.size > len(image):
            raise KernelError("the kernel image carries no BTF")
        start = found.start()
        _, _, _, header, types, types_length, strings, strings_length = _HEADER.unpack_from(image, start)
        start += header
        self._strings = bytes(image[start + strings : start + strings + strings_length])
        self._types = bytes(image[start + types : start + types + types_length])
        if len(self._strings) < strings_length or len(self._types) < types_length:
            raise _damaged("it ends beyond the end of the image")
        self._places = self._walk()

    def struct(self, name: str) -> Struct:
        """The struct of this name. Raises KernelError where there is none."""
        found = self.find(name)
        if found is None:
            raise KernelError(f"BTF knows no struct {name}")
        return found

    def find(self, name: str) -> Struct | None:
        """The same; None where there is no such struct."""
        labels = self._labels(name)
        if not labels:
            return None
        for at in self._places:
            label, info = struct.unpack_from("<II", self._types, at)
            if label in labels and info >> 24 & 0x1F == _STRUCT:
                return self._struct(at, info, _DEEPEST)
        return None

    def _labels(self, name: str) -> set[int]:
        """Where a string begins among the strings, of which one may be the end of another."""
        wanted, found = name.encode() + b"\0", set()
        at = self._strings.find(wanted)
        while at >= 0:
            found.add(at)
            at = self._strings.find(wanted, at + 1)
        return found

    def _walk(self) -> array[int]:
        """Where each type lies; type 1 is the first."""
        places = array("I")
        once, each = [_ONCE.get(kind, 0) + 12 for kind in range(32)], [_EACH.get(kind, 0) for kind in range(32)]
        words = struct.Struct("<I").unpack_from
        at, end = 0, len(self._types)
        while at + 12 <= end:
            places.append(at)
            info = words(self._types, at + 4)[0]
            kind = info >> 24 & 0x1F
            if not 0 < kind < _KINDS or len(places) > _MOST_TYPES:
                raise _damaged(f"type {len(places)} is of kind {kind}")
            at += once[kind] + each[kind] * (info & 0xFFFF)
        if at != end:
            raise _damaged("its last type is cut off")
        return places

    def _struct(self, at: int, info: int, depth: int) -> Struct:
        members = {}
        for index in range(info & 0xFFFF):
            label, kind, bits = struct.unpack_from("<III", self._types, at + 12 + 12 * index)
            offset = (bits & 0xFFFFFF if info >> 31 else bits) // 8  # the flag: bit fields say their width in the top byte
            if label:
                members[self._name(label)] = Member(offset, self._elements(kind))
            elif (inner := self._anonymous(kind, depth - 1)) is not None:
                members |= {name: Member(offset + one.offset, one.elements) for name, one in inner.members.items()}
        return Struct(int(struct.unpack_from("<I", self._types, at + 8)[0]), members)

    def _anonymous(self, kind: int, depth: int) -> Struct | None:
        """A struct or union without a name, whose members count as those of the struct around it."""
        if not depth or not 0 < kind <= len(self._places):
            return None
        at = self._places[kind - 1]
        label, info = struct.unpack_from("<II", self._types, at)
        return self._struct(at, info, depth) if not label and info >> 24 & 0x1F in (_STRUCT, _UNION) else None

    def _elements(self, kind: int) -> int:
        for _ in range(_DEEPEST):
            if not 0 < kind <= len(self._places):  # 0 is void, which has no entry
                return 0
            at = self._places[kind - 1]
            info, other = struct.unpack_from("<II", self._types, at + 4)
            if info >> 24 & 0x1F == _ARRAY:
                return int(struct.unpack_from("<I", self._types, at + 20)[0])
            if info >> 24 & 0x1F not in _QUALIFIERS:
                return 0
            kind = other
        return 0

    def _name(self, label: int) -> str:
        end = self._strings.find(b"\0", label)
        return self._strings[label:end].decode("ascii", "replace")


def _damaged(how: str) -> KernelError:
    return KernelError(f"its BTF is damaged: {how}", "check that the image was copied whole")
