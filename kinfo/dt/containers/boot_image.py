"""Android's boot.img and vendor_boot.img (bootimg.h; little endian)."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.arch.address import align
from kinfo.dt.containers.piece import Data, Piece, cut
from kinfo.errors import TreeError

_BOOT, _VENDOR = b"ANDROID!", b"VNDRBOOT"
# Where boot.img v0 to v2 keep the sizes of what follows the header's page, in order: kernel, ramdisk, second.
_SIZES = (8, 16, 24)
_PAGE, _VERSION = 36, 0x28
_RECOVERY_DTBO, _DTB = 1632, 1648
_PAGES = range(9, 17)  # 512 bytes to 64 KiB
_VENDOR_HEADERS = (2108, 2112, 2128)  # 2108: old mkbootimg forgot the padding before dtb_addr
_VENDOR_RAMDISK, _VENDOR_HEADER_SIZE, _VENDOR_DTB = 24, 2096, 2100


def matches(data: Data) -> bool:
    """Whether the data begins with one of their magics."""
    return bytes(data[:8]) in (_BOOT, _VENDOR)


def pieces(data: Data) -> Iterator[Piece]:
    """The devicetree parts: dtb and recovery_dtbo, each a container itself."""
    return _vendor_boot(data) if bytes(data[:8]) == _VENDOR else _boot(data)


def _boot(data: Data) -> Iterator[Piece]:
    version = _word(data, _VERSION)
    if version > 4:
        version = 0  # before versions the word was the size of a device's own tree
    if version >= 3:
        raise TreeError(f"a boot.img of version {version} has no devicetree", "name vendor_boot.img or the dtb partition")
    page = _page(_word(data, _PAGE))
    at = page + sum(align(_word(data, offset), page) for offset in _SIZES)
    kernel = _word(data, _SIZES[0])
    yield Piece(cut(data, page, kernel, "its kernel"), f"boot.img v{version} kernel")
    if version >= 1 and (size := _word(data, _RECOVERY_DTBO)):
        yield Piece(cut(data, at, size, "its recovery_dtbo"), f"boot.img v{version} recovery_dtbo")
        at += align(size, page)
    if version == 2 and (size := _word(data, _DTB)):
        yield Piece(cut(data, at, size, "its dtb"), "boot.img v2 dtb")


def _vendor_boot(data: Data) -> Iterator[Piece]:
    version, page = _word(data, 8), _page(_word(data, 12))
    header = _word(data, _VENDOR_HEADER_SIZE)
    if version not in (3, 4) or header not in _VENDOR_HEADERS:
        raise TreeError(f"its vendor_boot header has version {version} and {header} bytes", "versions 3 and 4 are known")
    size = _word(data, _VENDOR_DTB)
    if not size:
        raise TreeError(
            f"a vendor_boot.img of version {version} without a dtb part", "name the dtb partition or the tree itself"
        )
    at = align(header, page) + align(_word(data, _VENDOR_RAMDISK), page)
    yield Piece(cut(data, at, size, "its dtb"), f"vendor_boot v{version} dtb")


def _page(size: int) -> int:
    if size not in (1 << bits for bits in _PAGES):
        raise TreeError(f"its header has pages of {size} bytes", "it is damaged: get it again")
    return size


def _word(data: Data, offset: int) -> int:
    return int.from_bytes(cut(data, offset, 4, "its header"), "little")
