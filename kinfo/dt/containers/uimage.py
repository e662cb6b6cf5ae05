"""U-Boot's older image format (`mkimage -A arm -T kernel`): a header of 64 bytes, then one image or several.

include/image.h: struct legacy_img_hdr, big endian: magic, header CRC, time, size, load, entry, data CRC, OS, architecture,
type, compression, name.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.arch.address import align
from kinfo.dt.containers.packed import unpack
from kinfo.dt.containers.piece import Data, Piece, cut
from kinfo.errors import TreeError

_MAGIC = 0x27051956
_HEADER, _SIZE, _TYPE, _COMPRESSION = 64, 12, 30, 31
_MULTI = 4  # IH_TYPE_MULTI: a list of sizes ended by 0, then the images, each padded to 4 bytes
_MAX_IMAGES = 64
_NAMES = {0: "", 1: "gzip", 2: "bzip2", 3: "lzma", 5: "lz4", 6: "zstd"}  # IH_COMP_*; 4 is lzo


def matches(data: Data) -> bool:
    """Whether the data begins with its magic, and its length fits."""
    return int.from_bytes(data[:4], "big") == _MAGIC and len(data) >= _HEADER


def pieces(data: Data) -> Iterator[Piece]:
    """What the image holds; and what stands behind it, as a blob that was appended."""
    size = int.from_bytes(data[_SIZE : _SIZE + 4], "big")
    body = cut(data, _HEADER, size, "its image")
    if data[_TYPE] == _MULTI:
        yield from _several(body)
    else:
        yield _image(body, data[_COMPRESSION])
    behind = memoryview(data)[_HEADER + size :]
    if len(behind) >= 8:
        yield Piece(behind, "behind the uImage")


def _image(body: memoryview, compression: int) -> Piece:
    name = _NAMES.get(compression, f"number {compression}")
    if not name:
        return Piece(body, "uImage")
    try:
        return Piece(unpack(body, name)[0], f"uImage, {name}")
    except TreeError as error:
        return Piece(b"", f"uImage, {name}", error)


def _several(body: memoryview) -> Iterator[Piece]:
    sizes: list[int] = []
    while (size := int.from_bytes(cut(body, 4 * len(sizes), 4, "its list of images"), "big")) and len(sizes) < _MAX_IMAGES:
        sizes.append(size)
    at = 4 * (len(sizes) + 1)
    for number, size in enumerate(sizes, start=1):
        yield Piece(cut(body, at, size, f"its image {number}"), f"uImage, image {number}")
        at += align(size, 4)
