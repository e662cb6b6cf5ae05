"""The types of a kernel, by name.

>>> kernel.types["task_struct"].offset("thread.cpu_context.fp")
>>> kernel.types["task_struct"].member("comm").elements
"""

from __future__ import annotations

from itertools import islice

from kinfo.errors import KernelError
from kinfo.kernel.types.btf import (
    ARRAY,
    CONST,
    ENUM,
    ENUM64,
    FLOAT,
    FWD,
    INT,
    PTR,
    QUALIFIERS,
    RESTRICT,
    STRUCT,
    TYPEDEF,
    UNION,
    VOLATILE,
    Btf,
    Type,
    damaged,
)
from kinfo.kernel.types.model import Member, Struct
from kinfo.printable import brief

_DEEPEST = 16  # qualifiers in front of a type, dimensions of an array, structs without a name inside one another
_MOST_MEMBERS = 1 << 16  # of a struct, with those of structs without a name in it
_HUGE = 1 << 32  # bytes: no type of a kernel has as many
_KEYWORDS = {STRUCT: "struct ", UNION: "union ", ENUM: "enum ", ENUM64: "enum ", FWD: "struct "}
_PREFIXES = {CONST: "const ", VOLATILE: "volatile ", RESTRICT: ""}


class Types:
    """The types in a BTF, read as they are asked for. `word` is the bytes of a pointer, which BTF does not say.

    `source` says where the BTF is from. Every method raises KernelError where the BTF is damaged at the place in question.
    """

    def __init__(self, btf: Btf | bytes | memoryview, *, word: int = 8, source: str = "") -> None:
        self.btf = btf if isinstance(btf, Btf) else Btf(btf)
        self.word, self.source = word, source
        self._known: dict[str, Struct | None] = {}
        self._by_id: dict[int, Struct | None] = {}

    def __getitem__(self, name: str) -> Struct:
        return self.struct(name)

    def __contains__(self, name: str) -> bool:
        return self.find(name) is not None

    def struct(self, name: str) -> Struct:
        """The struct (else the union) of this name. Raises KernelError where there is none."""
        found = self.find(name)
        if found is None:
            raise KernelError(f"BTF knows no struct {name}")
        return found

    def find(self, name: str) -> Struct | None:
        """The same; None where there is none. The first of several: the kernel's own comes before those of its drivers."""
        if name not in self._known:
            self._known[name] = next((one for kind in (STRUCT, UNION) for one in self._named(name, kind)), None)
        return self._known[name]

    def _named(self, name: str, kind: int) -> list[Struct]:
        return [self._struct(one) for one in islice(self.btf.named(name, kind), 1)] if name else []

    def _struct(self, found: Type) -> Struct:
        return Struct(self, self.btf.name(found.label), found.value, found.at)

    def struct_of(self, number: int) -> Struct | None:
        """The struct or union that a type id stands for, typedefs and qualifiers looked through; None where it is another."""
        if number not in self._by_id:
            found = self._plain(number)
            self._by_id[number] = self._struct(found) if found and found.kind in (STRUCT, UNION) else None
        return self._by_id[number]

    def pointed_at(self, number: int) -> Struct | None:
        """The struct that a pointer type points at; None for any other type."""
        found = self._plain(number)
        return self.struct_of(found.value) if found and found.kind == PTR and found.value else None

    def _plain(self, number: int) -> Type | None:
        """The type behind typedefs and qualifiers; None for void."""
        for _ in range(_DEEPEST):
            if not number:
                return None
            found = self.btf.type(number)
            if found.kind not in QUALIFIERS:
                return found
            number = found.value
        raise damaged(f"type {number} is a name of itself")

    def members_at(self, at: int) -> dict[str, Member]:
        """The members of the struct that begins at a word of the types, those of structs without a name among them."""
        members: dict[str, Member] = {}
        self._collect(members, at, 0, _DEEPEST, [_MOST_MEMBERS])
        return members

    def _collect(self, members: dict[str, Member], at: int, base: int, depth: int, left: list[int]) -> None:
        words = self.btf.words
        info = words[at + 1]
        left[0] -= info & 0xFFFFFF
        if left[0] < 0 or not depth:
            raise damaged(f"a struct has more than {_MOST_MEMBERS} members, or is a part of itself")
        for place in range(at + 3, at + 3 + 3 * (info & 0xFFFFFF), 3):
            label, number, where = words[place], words[place + 1], words[place + 2]
            bits = where >> 24 if info >> 31 else 0  # the flag: bit fields say their width in the top byte
            bit = base + (where & 0xFFFFFF if info >> 31 else where)
            if label:
                members.setdefault(self.btf.name(label), self._member(number, bit, bits))
            elif (inner := self.struct_of(number)) is not None:
                self._collect(members, inner.at, bit, depth - 1, left)

    def _member(self, number: int, bit: int, bits: int) -> Member:
        if not bits and (narrow := self._narrow(number)):
            bit, bits = bit + narrow[0], narrow[1]
        if bits:
            shift = bit % 8
            return Member(bit // 8, (shift + bits + 7) // 8, 0, number, shift, bits, self._is_signed(number))
        size, elements = self._extent(number)
        return Member(bit // 8, size, elements, number, is_signed=self._is_signed(number))

    def _narrow(self, number: int) -> tuple[int, int] | None:
        """Offset and width in bits of an int that is narrower than its bytes: bit fields before there was the flag."""
        found = self._plain(number)
        if found is None or found.kind != INT:
            return None
        stated = self.btf.words[found.at + 3]
        bits = stated & 0xFF
        return (stated >> 16 & 0xFF, bits) if 0 < bits < 8 * found.value else None

    def _is_signed(self, number: int) -> bool:
        found = self._plain(number)
        if found is None or found.kind not in (INT, ENUM, ENUM64):
            return False
        return found.flag if found.kind != INT else bool(self.btf.words[found.at + 3] >> 24 & 1)

    def _extent(self, number: int) -> tuple[int, int]:
        """Bytes of a type, and its elements where it is an array."""
        found, times, elements = self._plain(number), 1, 0
        for _ in range(_DEEPEST):
            if found is None or found.kind != ARRAY:
                break
            count = self.btf.words[found.at + 5]
            elements = elements or count
            times *= count
            found = self._plain(self.btf.words[found.at + 3])
        else:
            raise damaged("an array is an element of itself")
        size = 0 if found is None else self.word if found.kind == PTR else found.value if found.kind in _SIZED else 0
        if size * times > _HUGE:
            raise damaged(f"a type has {size * times:#x} bytes")
        return size * times, elements

    def element(self, member: Member, index: int) -> Member | None:
        """One element of a member that is an array; None where it is none, or has not as many (one of 0 may have any)."""
        found = self._plain(member.type)
        if found is None or found.kind != ARRAY or (member.elements and index >= member.elements):
            return None
        number = self.btf.words[found.at + 3]
        size, elements = self._extent(number)
        return Member(member.offset + index * size, size, elements, number, is_signed=self._is_signed(number))

    def type_name(self, number: int, depth: int = _DEEPEST) -> str:
        """A type in C's words: `unsigned int`, `struct rq *`, `char [16]`."""
        if not number:
            return "void"
        found = self.btf.type(number)
        if not depth:
            return "..."
        if found.kind == PTR:
            return f"{self.type_name(found.value, depth - 1)} *".replace("* *", "**")
        if found.kind == ARRAY:
            inner, _, behind = self.type_name(self.btf.words[found.at + 3], depth - 1).partition(" [")
            return f"{inner} [{self.btf.words[found.at + 5]}]" + (f"[{behind}" if behind else "")
        if found.kind in QUALIFIERS and found.kind != TYPEDEF:
            return _PREFIXES.get(found.kind, "") + self.type_name(found.value, depth - 1)
        name = self.btf.name(found.label)
        return _KEYWORDS.get(found.kind, "") + name if name else f"{_KEYWORDS.get(found.kind, '')}(no name)"

    def __repr__(self) -> str:
        return brief(self, f"out of {self.source or 'a BTF'}")


_SIZED = (INT, STRUCT, UNION, ENUM, ENUM64, FLOAT)
