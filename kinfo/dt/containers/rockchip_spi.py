"""Rockchip's image for SPI flash (`mkimage -T rkspi`, u-boot-rockchip-spi.bin): a loader in the first 2 KiB of every 4 KiB.

tools/rkspi.c and rkcommon.c of U-Boot: the boot ROM reads no more of each. The header is scrambled by RC4 with a key that
never changes, so that all begin alike. What U-Boot loads next (u-boot.itb) lies behind that in one piece, from a sector on.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.blob import MAGIC
from kinfo.dt.containers.piece import Data, Piece

_BEGIN = bytes.fromhex("3b8cdcfc")  # 0x0ff0aa55, little endian, scrambled; those for SD cards begin so, too
_PAGE, _READ = 4096, 2048
_SECTOR = 1 << 16
_ASKED = 8  # pages whose second half is empty: that is no image for SD cards


def matches(data: Data) -> bool:
    """Whether the data begins as these do, and its first pages are half empty."""
    return bytes(data[:4]) == _BEGIN and len(data) >= _ASKED * _PAGE and _end(data) >= _ASKED * _PAGE


def pieces(data: Data) -> Iterator[Piece]:
    """The loader, put together; and what lies behind it."""
    end = _end(data)
    yield Piece(b"".join(bytes(data[at : at + _READ]) for at in range(0, end, _PAGE)), "Rockchip SPI loader")
    if end < len(data):
        yield Piece(memoryview(data)[end:], "behind the Rockchip SPI loader")


def _end(data: Data) -> int:
    """Where the pages end that are half empty; a blob that begins a sector lies behind them, and may be as short as that."""
    for at in range(0, len(data), _PAGE):
        if any(data[at + _READ : at + _PAGE]) or (at % _SECTOR == 0 and int.from_bytes(data[at : at + 4], "big") == MAGIC):
            return at
    return len(data)
