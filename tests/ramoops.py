"""A writer of ramoops regions: zones as the driver leaves them, written from its source and not from the reader.

The parity comes out of a shift register over the generator polynomial, as the kernel's encode_rs8() makes it; the reader
works with syndromes.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import lz4.block
import zstandard

SIGNATURE = 0x43474244
VERSION_6_12 = 6 << 16 | 12 << 8 | 117


def _times(one: int, other: int) -> int:
    product = 0
    while other:
        if other & 1:
            product ^= one
        one, other = one << 1 ^ (0x11D if one & 0x80 else 0), other >> 1
    return product


def _generator(parity: int) -> list[int]:
    """(x - 1)(x - a)(x - a**2)..., the highest power first."""
    polynomial, root = [1], 1
    for _ in range(parity):
        longer = [*polynomial, 0]
        for at, term in enumerate(polynomial):
            longer[at + 1] ^= _times(term, root)
        polynomial, root = longer, _times(root, 2)
    return polynomial[1:]


_GENERATORS: dict[int, list[list[int]]] = {}


def parity_of(data: bytes | bytearray, parity: int) -> bytes:
    """The check bytes of a block."""
    if parity not in _GENERATORS:
        _GENERATORS[parity] = [[_times(byte, term) for term in _generator(parity)] for byte in range(256)]
    rows = _GENERATORS[parity]
    register = [0] * parity
    for byte in data:
        row = rows[byte ^ register[0]]
        register = [left ^ right for left, right in zip([*register[1:], 0], row, strict=True)]
    return bytes(register)


def capacity_of(size: int, parity: int) -> int:
    """How many bytes a zone of `size` holds."""
    if not parity:
        return size - 12
    blocks = (size - 12 - parity + 128 + parity - 1) // (128 + parity)
    return size - 12 - (blocks + 1) * parity


def zone(size: int, written: bytes = b"", *, parity: int = 0, version: int = 0, noise: bytes = b"\xa5") -> bytes:
    """A zone to which `written` was appended, around its end where it is longer than that; noise where nothing was."""
    room = capacity_of(size, parity)
    held = min(len(written), room)
    start = len(written) % room if len(written) >= room else len(written)
    ring = bytearray((noise * room)[:room])
    for at in range(max(len(written) - room, 0), len(written)):
        ring[at % room] = written[at]
    header = b"".join(word.to_bytes(4, "little") for word in (SIGNATURE ^ version, start, held))
    if not parity:
        return header + ring
    blocks = (size - 12 - parity + 128 + parity - 1) // (128 + parity)
    checks = [
        parity_of(ring[at : at + 128], parity) if at < held else (noise * parity)[:parity]
        for at in range(0, blocks * 128, 128)
    ]
    return header + bytes(ring) + b"".join(checks) + parity_of(header, parity)


def log(reason: str = "Panic", crash: int = 1, part: int = 1, lines: int = 40) -> bytes:
    """A record's text."""
    body = "".join(f"<6>[{at:5}.{at:06}] line {at} of {reason} {crash}\n" for at in range(lines))
    return f"{reason}#{crash} Part{part}\n{body}".encode()


def _deflate(text: bytes, wbits: int) -> bytes:
    packer = zlib.compressobj(6, wbits=wbits)
    return packer.compress(text) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "deflate": lambda text: _deflate(text, -15),
    "zlib": lambda text: _deflate(text, 12),
    "zstd": zstandard.ZstdCompressor(level=3).compress,
    "lz4": lambda text: lz4.block.compress(text, store_size=False),
}


def lzo(text: bytes) -> bytes:
    """lzo1x that copies nothing: a run of 19 to 273 literals as the kernel writes it, and the end's mark."""
    assert 18 < len(text) <= 273
    return bytes([0, len(text) - 18]) + text + b"\x11\0\0"


def short_lzo(text: bytes) -> bytes:
    """The same for 1 to 238 literals."""
    return bytes([17 + len(text)]) + text + b"\x11\0\0"


def nx842(text: bytes) -> bytes:
    """842 that copies nothing: groups of template 0 (five bits) and eight bytes, and the end's template."""
    bits = "".join(
        f"{0:05b}" + "".join(f"{byte:08b}" for byte in text[at : at + 8]) for at in range(0, len(text) // 8 * 8, 8)
    )
    bits += f"{0x1E:05b}"
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


def record(text: bytes, packing: str = "", *, seconds: int = 1790000000, micros: int = 123456) -> bytes:
    """A record as the driver writes it: the header, and the text, packed or not."""
    body = PACKERS[packing](text) if packing else text
    return f"===={seconds}.{micros:06}-{'C' if packing else 'D'}\n".encode() + body


class Call(NamedTuple):
    """A function call of a ftrace zone."""

    ip: int
    parent: int
    cpu: int
    number: int


def trace(calls: Sequence[Call]) -> bytes:
    """Records of a 64-bit kernel."""
    words = [(call.ip, call.parent, call.number << 8 | call.cpu) for call in calls]
    return b"".join(word.to_bytes(8, "little") for three in words for word in three)


def logcat(message: str, *, tag: str = "kinfo", seconds: int = 1790000000, buffer: int = 0) -> bytes:
    """A record of Android's log as liblog writes it to /dev/pmsg0."""
    payload = bytes([4]) + tag.encode() + b"\0" + message.encode() + b"\0"
    head = bytes([buffer]) + (321).to_bytes(2, "little") + seconds.to_bytes(4, "little") + (5).to_bytes(4, "little")
    length = 7 + len(head) + len(payload)
    return b"l" + b"".join(number.to_bytes(2, "little") for number in (length, 1000, 300)) + head + payload


def region(size: int, records: Sequence[bytes], others: Sequence[bytes], *, count: int, parity: int = 0) -> bytes:
    """A region: `count` zones for records of which some are written, then the other zones as they are."""
    each = (size - sum(map(len, others))) // count // 2 * 2
    zones = [zone(each, records[at] if at < len(records) else b"", parity=parity) for at in range(count)]
    return b"".join([*zones, *others]).ljust(size, b"\0")
