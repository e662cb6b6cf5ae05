"""ELF notes: a name that says who defines them, a type, and contents. Name and contents are padded to 4 bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from kinfo.named import NamedTuple

NT_PRSTATUS = 1  # of CORE: registers of one CPU, struct elf_prstatus (include/linux/elfcore.h)
NT_GNU_BUILD_ID = 3  # of GNU
VMCOREINFO = b"VMCOREINFO"  # its type is 0 (kernel/vmcore_info.c)
_HEAD = struct.Struct("<III")  # bytes of name (its NUL counts) and contents, type
_LONGEST_NAME = 64


class ElfNote(NamedTuple):
    """One note: `raw` with its header, `padded` bytes long in the file; less where it is cut off (not `is_whole`)."""

    name: bytes
    kind: int
    content: memoryview
    raw: memoryview
    padded: int
    is_whole: bool


def each(raw: memoryview | bytes) -> Iterator[ElfNote]:
    """The notes one after the other; the last one may be cut off."""
    raw, at = memoryview(raw), 0
    while at + _HEAD.size <= len(raw):
        name_size, size, kind = _HEAD.unpack_from(raw, at)
        named = at + _HEAD.size
        data = named + (name_size + 3 & ~3)
        end = data + (size + 3 & ~3)
        name = bytes(raw[named : named + name_size]).rstrip(b"\0") if name_size <= _LONGEST_NAME else b""
        is_whole = data + size <= len(raw) and bool(name_size | size)
        yield ElfNote(name, kind, raw[data : data + size], raw[at:end], end - at, is_whole)
        at = end


def pack(name: bytes, data: bytes, kind: int = 0) -> bytes:
    """A note as bytes, padded."""
    return head(name, len(data), kind) + data + bytes(-len(data) % 4)


def head(name: bytes, size: int, kind: int = 0) -> bytes:
    """What stands before `size` bytes of a note's contents, padded."""
    start = _HEAD.pack(len(name) + 1, size, kind) + name + b"\0"
    return start + bytes(-len(start) % 4)


def build_id(raw: memoryview | bytes) -> bytes:
    """The build id among notes, usually 20 bytes; empty where there is none."""
    return next((bytes(one.content) for one in each(raw) if one.kind == NT_GNU_BUILD_ID and one.name == b"GNU"), b"")
