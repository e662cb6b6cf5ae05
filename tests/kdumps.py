"""Writes kdump-compressed dumps and flattened ones, as makedumpfile does (its IMPLEMENTATION file, diskdump_mod.h)."""

from __future__ import annotations

import struct
import zlib

BLOCK = 4096
_VERSION = 6
_ZLIB = 1


def kdump(
    pages: dict[int, bytes], vmcoreinfo: bytes = b"", *, machine: str = "aarch64", left_out: tuple[int, ...] = ()
) -> bytes:
    """A dump of `pages` by their PAs; those of `left_out` are RAM whose content makedumpfile left out."""
    most = max((*pages, *left_out)) // BLOCK + 1
    ram, held = _bitmap(most, (*pages, *left_out)), _bitmap(most, tuple(pages))
    bitmap_blocks = 2 * len(ram) // BLOCK
    names = ("Linux", "node", "6.12.1", "#1", machine, "")
    uts = b"".join(name.encode().ljust(65, b"\0") for name in names)
    header = struct.pack("<8si390s6xQQ", b"KDUMP   ", _VERSION, uts, 0, 0)
    header += struct.pack("<IiiIIIIIIi", 0, BLOCK, 1, bitmap_blocks, most, 0, 0, 0, 0, 1)
    note = struct.pack("<III", 11, len(vmcoreinfo), 0) + b"VMCOREINFO\0\0" + vmcoreinfo + bytes(-len(vmcoreinfo) % 4)
    note_at = BLOCK + 512
    info = (note_at + 24, len(vmcoreinfo), note_at, len(note)) if vmcoreinfo else (0, 0, 0, 0)
    sub = struct.pack("<QiiQQQQQQQQQQQ", 0, 0, 0, 0, 0, *info, 0, 0, 0, most, most)
    start = (header.ljust(BLOCK, b"\0") + sub.ljust(512, b"\0") + note).ljust(2 * BLOCK, b"\0") + ram + held
    at = len(start) + 24 * len(pages)
    descriptors, data = b"", b""
    for pa in sorted(pages):
        packed = zlib.compress(pages[pa])
        descriptors += struct.pack("<QIIQ", at + len(data), len(packed), _ZLIB, 0)
        data += packed
    return start + descriptors + data


def _bitmap(most: int, which: tuple[int, ...]) -> bytes:
    bitmap = bytearray(-(-most // (8 * BLOCK)) * BLOCK)
    for pa in which:
        bitmap[pa // BLOCK // 8] |= 1 << pa // BLOCK % 8
    return bytes(bitmap)


def flattened(data: bytes, piece: int = 1 << 14) -> bytes:
    """What `makedumpfile -F` writes of a dump, big endian: a header, then pieces with their offsets and sizes."""
    out = struct.pack(">16sQQ", b"makedumpfile", 1, 1).ljust(4096, b"\0")
    for at in reversed(range(0, len(data), piece)):
        out += struct.pack(">qq", at, len(data[at : at + piece])) + data[at : at + piece]
    return out + struct.pack(">qq", -1, -1)
