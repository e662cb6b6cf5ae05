"""What is read of a struct, wherever its description comes from."""

from __future__ import annotations

from typing import NamedTuple


class DwarfMember(NamedTuple):
    """One member of a struct: its offset in bytes, and how many elements it has if it is an array (else 0)."""

    offset: int
    elements: int


class DwarfStruct(NamedTuple):
    """A struct's size in bytes, and its members by name."""

    size: int
    members: dict[str, DwarfMember]
