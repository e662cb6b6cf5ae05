"""A struct and its members, as they lie in memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from kinfo.errors import KernelError, did_you_mean
from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.kernel.types.types import Types

_STEP = re.compile(r"(\w+)((?:\[\d+\])*)")


class Member(NamedTuple):
    """A member, or what a path leads to.

    `offset` is in bytes from the start of the struct and `size` in bytes, of the whole array where it is one; `elements` is
    how many elements an array has, else 0. A bit field has `bits` of them, from bit `shift` of the byte at `offset` on, and
    its `size` is that of the bytes that hold them. `type` is the id of its type; `is_signed` is of plain numbers.
    """

    offset: int
    size: int
    elements: int
    type: int = 0
    shift: int = 0
    bits: int = 0
    is_signed: bool = False

    def of(self, raw: bytes | bytearray | memoryview, base: int = 0) -> int:
        """The number that it is in a struct whose bytes are `raw` (from byte `base` on): little-endian, with its sign."""
        start = base + self.offset
        number = int.from_bytes(raw[start : start + self.size], "little")
        width = self.bits or 8 * self.size
        number = number >> self.shift & (1 << width) - 1
        return number - (1 << width) if self.is_signed and width and number >> width - 1 else number


class Struct:
    """A struct or union: its `name`, its `size` in bytes, and its members.

    Members of structs and unions without a name count as members of the one around them, as they do in C.
    """

    def __init__(self, types: Types, name: str, size: int, at: int) -> None:
        self.name, self.size, self.at = name, size, at
        self._types = types

    @cached_property
    def members(self) -> Mapping[str, Member]:
        """Its members by name, in their order. Raises KernelError where the BTF is damaged."""
        return self._types.members_at(self.at)

    def __contains__(self, path: str) -> bool:
        """Whether a path leads to a member."""
        return self.find(path) is not None

    def find(self, path: str) -> Member | None:
        """The member that a path leads to, `thread.cpu_context.fp` or `mem[2].base`; None where one of its steps is none.

        Raises KernelError where the BTF is damaged.
        """
        offset, here, found = 0, self.members, None
        for step in path.split("."):
            shape = _STEP.fullmatch(step)
            member = here.get(shape[1]) if shape else None
            if not shape or member is None:
                return None
            for index in re.findall(r"\d+", shape[2]):
                member = self._types.element(member, int(index))
                if member is None:
                    return None
            found = member._replace(offset=offset + member.offset)
            offset = found.offset
            inner = self._types.struct_of(member.type)
            here = inner.members if inner else {}
        return found

    def member(self, path: str) -> Member:
        """The same. Raises KernelError, with the nearest name, where there is no such member."""
        found = self.find(path)
        if found is None:
            near = did_you_mean(path, self.members, "")
            raise KernelError(f"struct {self.name} has no member {path}", near)
        return found

    def offset(self, path: str) -> int:
        """Where the member that a path leads to begins, in bytes. Raises KernelError as `member`."""
        return self.member(path).offset

    def first(self, *paths: str) -> Member | None:
        """The first of several paths that leads to a member: for what was renamed. None where none does."""
        return next((found for path in paths if (found := self.find(path))), None)

    def target(self, path: str) -> Struct | None:
        """The struct that a pointer points at; None where the member is none to a struct that is known."""
        return self._types.pointed_at(self.member(path).type)

    def type_name(self, path: str) -> str:
        """The type of a member in C's words, `struct list_head`, `char [16]`."""
        return self._types.type_name(self.member(path).type)

    def __repr__(self) -> str:
        return f"<struct {self.name or '(no name)'}, {self.size} bytes>"
