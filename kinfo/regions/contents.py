"""What a stretch of memory holds, where no magic says it: nothing, text, or bytes."""

from __future__ import annotations

from kinfo.elf import MAGIC
from kinfo.memory import Dump
from kinfo.named import NamedTuple

_PIECE = 1 << 20
_HEAD = 4096
_FDT_HEADER = 40
_TEXT = 0.95  # of the bytes are printable
_LARGEST_TREE = 16 << 20
_PRINTABLE = bytes([9, 10, 13, *range(32, 127)])


class FoundBlob(NamedTuple):
    """A devicetree blob's header: its size in bytes and its version."""

    size: int
    version: int


def tree_at(source: Dump, at: int) -> FoundBlob | None:
    """The header of a blob (Devicetree Specification, 5.2); None where the places in it make no sense."""
    raw = source.read(at, _FDT_HEADER)
    if len(raw) < _FDT_HEADER:
        return None
    total, structure, strings, reserve, version, last = (int.from_bytes(raw[4 * n : 4 * n + 4], "big") for n in range(1, 7))
    fits = _FDT_HEADER <= reserve < total and max(structure, strings) < total <= _LARGEST_TREE
    return FoundBlob(total, version) if fits and 16 <= version <= 17 and last <= version else None


def described(source: Dump, at: int, size: int) -> str:
    """In words: all 00, all ff, text, an ELF header, other bytes; or that the dump does not have it."""
    head = source.read(at, min(size, _HEAD))
    if not head:
        return "not in the dump"
    if byte := _uniform(source, at, size, head[:1]):
        return f"nothing: all {byte}"
    shown = head.rstrip(b"\0\xff")
    if head.startswith(MAGIC):
        return "an ELF header"
    if len(shown) >= 16 and len(shown.translate(None, _PRINTABLE)) <= len(shown) * (1 - _TEXT):
        return "text"
    return "bytes"


def _uniform(source: Dump, at: int, size: int, byte: bytes) -> str:
    """The one byte (00 or ff) that all of it is; "" where there are others, or a part is not in the dump."""
    if byte not in (b"\0", b"\xff"):
        return ""
    end = at + size
    while at < end:
        piece = source.read(at, min(_PIECE, end - at))
        if not piece or piece.strip(byte):
            return ""
        at += len(piece)
    return byte.hex()
