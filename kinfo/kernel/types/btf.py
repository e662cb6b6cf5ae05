"""BTF as bytes: its sections, where each type begins, and which types have a name.

Documentation/bpf/btf.rst and include/uapi/linux/btf.h have the format. A kernel has some 120,000 types: to step over all of
them takes a tenth of a second, so they are stepped over as far as somebody asked. A struct is found by the place of its name
among the strings, and what looks like it is believed once the steps arrive at just that byte.
"""

from __future__ import annotations

import re
import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterator

from kinfo.errors import KernelError
from kinfo.named import NamedTuple

_HEADER = struct.Struct("<HBBIIIII")  # magic, version, flags, header length, types at, their length, strings at, their length
_LAYOUT = struct.Struct("<II")  # since 7.2, behind that: where the sizes of each kind are, and their length
_MAGIC = struct.pack("<HBB", 0xEB9F, 1, 0)
_LONGEST_HEADER = 256

INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT = range(1, 12)
FUNC_PROTO, VAR, DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64 = range(13, 20)
QUALIFIERS = (TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG)  # nothing but another type's name
# What follows the 12 bytes of each kind of type: so many words once, and so many for each of its `vlen` members.
_ONCE = {INT: 1, ARRAY: 3, VAR: 1, DECL_TAG: 1}
_EACH = {STRUCT: 3, UNION: 3, ENUM: 2, FUNC_PROTO: 2, DATASEC: 3, ENUM64: 3}
_KNOWN_KINDS = range(1, 20)
KIND, VLEN = 0x7F, 0xFFFFFF  # of a type's second word; up to 7.1 five bits and 16, and those between them 0
_MOST_TYPES = 4 << 20
_NO_KIND = 1 << 30
_FEW = 4  # places of a name that are looked for one by one: that costs what stepping over some thousand types does
LIMIT = 1 << 28  # bytes of a BTF that are looked at: kernels have 5 MB


class Type(NamedTuple):
    """One type: the place of its name, its kind, how many members, the flag, and size or type id; `at` is its first word."""

    label: int
    kind: int
    vlen: int
    flag: bool
    value: int
    at: int


class Btf:
    """The BTF that `raw` begins with. Raises KernelError where that is none, or is cut off.

    `raw` is not copied; type ids count from 1, and 0 is void.
    """

    def __init__(self, raw: bytes | memoryview) -> None:
        raw = memoryview(raw)
        if len(raw) < _HEADER.size or raw[:4] != _MAGIC:
            raise KernelError("this is no BTF", "name a kernel's vmlinux, or a copy of its /sys/kernel/btf/vmlinux")
        _, _, _, header, types_at, types, strings_at, strings = _HEADER.unpack_from(raw)
        if header < _HEADER.size or header > _LONGEST_HEADER:
            raise damaged(f"its header has {header} bytes")
        self.size = header + max(types_at + types, strings_at + strings)
        if self.size > min(len(raw), LIMIT):
            raise damaged("it ends beyond the end of the image")
        body = raw[header:]
        self.strings = body[strings_at : strings_at + strings]
        self.types = body[types_at : types_at + (types & ~3)]
        self.words = self.types.cast("I")
        if types % 4 or not strings or self.strings[0] or self.strings[-1]:
            raise damaged("its strings or types are not whole")
        self._places = array("I", (0,))  # of type 0, which has none, and of those that were stepped over
        self._next = 0  # where the type behind them begins, in words
        self._once, self._each = _sizes(raw[:header], body)

    def type(self, number: int) -> Type:
        """A type by its id. Raises KernelError where there is none, or what lies before it is damaged."""
        if number >= len(self._places):
            self._step(number + 1, len(self.words))
        if not 0 < number < len(self._places):
            raise damaged(f"type {number} is not in it")
        return self._at(self._places[number])

    def _at(self, at: int) -> Type:
        label, info, value = self.words[at], self.words[at + 1], self.words[at + 2]
        return Type(label, info >> 24 & KIND, info & VLEN, bool(info >> 31), value, at)

    def named(self, name: str, kind: int) -> Iterator[Type]:
        """Every type of this name and kind, in their order. Raises KernelError where what lies before one is damaged."""
        labels = self._labels(name)
        if len(labels) > _FEW:
            yield from self._with_labels(frozenset(labels), kind)
            return
        places = sorted(place for label in labels for place in self._alike(struct.pack("<I", label), kind) if not place % 4)
        for place in places:
            at = place // 4
            if at >= self._next:
                self._step(_MOST_TYPES, at + 1)
            if self._places[bisect_right(self._places, at, 1) - 1] == at:
                yield self._at(at)

    def constant(self, name: str) -> int | None:
        """The value of an enumerator; None where there is none of this name, or several with other values.

        Raises KernelError where what lies before it is damaged.
        """
        values = set()
        for label in self._labels(name):
            for found in re.finditer(re.escape(struct.pack("<I", label)), self.types):
                if found.start() % 4 == 0 and (value := self._enumerator(found.start() // 4)) is not None:
                    values.add(value)
        return values.pop() if len(values) == 1 else None

    def _enumerator(self, at: int) -> int | None:
        """The value of the enumerator whose name is the word at a place; None where there is none."""
        if at >= self._next:
            self._step(_MOST_TYPES, at + 1)
        found = self._at(self._places[bisect_right(self._places, at, 1) - 1])
        width = {ENUM: 2, ENUM64: 3}.get(found.kind, 0)
        if not width or not 0 <= at - found.at - 3 < width * found.vlen or (at - found.at - 3) % width:
            return None
        raw = self.types[4 * at + 4 : 4 * (at + width)]
        return int.from_bytes(raw, "little", signed=found.flag)

    def _labels(self, name: str) -> list[int]:
        """Where a string is among the strings; one that is not there by itself may be the end of others."""
        found = [one.start() for one in re.finditer(re.escape(name.encode()) + b"\0", self.strings)]
        return [at for at in found if at and not self.strings[at - 1]] or found

    def _with_labels(self, labels: frozenset[int], kind: int) -> Iterator[Type]:
        self._step(_MOST_TYPES, len(self.words))
        for at in self._places[1:]:
            if self.words[at] in labels and self.words[at + 1] >> 24 & KIND == kind:
                yield self._at(at)

    def _alike(self, label: bytes, kind: int) -> Iterator[int]:
        """Bytes among the types that look like the beginning of one."""
        beginning = re.escape(label) + b"..." + b"[%s%s]" % (re.escape(bytes((kind,))), re.escape(bytes((kind | 0x80,))))
        for found in re.finditer(beginning, self.types, re.DOTALL):
            yield found.start()

    def _step(self, types: int, end: int) -> None:
        """Step over types up to so many of them, or up to a place."""
        words, places, once, each = self.words, self._places, self._once, self._each
        at, end = self._next, min(end, len(words) - 2)
        count = min(types, _MOST_TYPES) - len(places)
        while at < end and count > 0:
            info = words[at + 1]
            step = once[info >> 24 & KIND]
            if step >= _NO_KIND:
                raise damaged(f"type {len(places)} is of kind {info >> 24 & KIND}")
            places.append(at)
            at += step + each[info >> 24 & KIND] * (info & VLEN)
            count -= 1
            if at > len(words):
                places.pop()
                raise damaged("its last type is cut off")
            self._next = at

    def name(self, label: int) -> str:
        """A string by its place; "" for none. What is no ASCII in it is replaced."""
        found = re.compile(rb"[^\0]{0,512}").match(self.strings, label)
        return found[0].decode("ascii", "replace") if found and label < len(self.strings) else ""


def search(image: bytes | memoryview) -> Btf:
    """The first BTF in an image, which is the kernel's own. Raises KernelError where there is none that is sound."""
    problem = KernelError("the kernel image carries no BTF")
    for found in re.finditer(re.escape(_MAGIC), image):  # which needs no copy of the image
        try:
            btf = Btf(memoryview(image)[found.start() :])
            btf.type(1)
        except KernelError as error:
            if "no BTF" not in error.message:
                problem = error
        else:
            return btf
    raise problem


def damaged(how: str) -> KernelError:
    """The error for BTF that cannot be."""
    return KernelError(f"its BTF is damaged: {how}", "check that the image was copied whole")


def _sizes(header: memoryview, body: memoryview) -> tuple[list[int], list[int]]:
    """Words of each kind of type, once and for each member; where the BTF states them, of kinds to come as well."""
    once = [3 + _ONCE.get(kind, 0) if kind in _KNOWN_KINDS else _NO_KIND for kind in range(KIND + 1)]
    each = [_EACH.get(kind, 0) for kind in range(KIND + 1)]
    if len(header) < _HEADER.size + _LAYOUT.size:
        return once, each
    at, length = _LAYOUT.unpack_from(header, _HEADER.size)
    stated = body[at : at + min(length, 4 * len(once))]
    for kind in range(_KNOWN_KINDS.stop, len(stated) // 4):
        info, one = stated[4 * kind], stated[4 * kind + 1]
        if not info % 4 and not one % 4:
            once[kind], each[kind] = 3 + info // 4, one // 4
    return once, each
