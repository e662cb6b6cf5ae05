"""From a file's bytes to the blobs in it, through whatever containers lie inside each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from kinfo.dt.blob import HEADER, MAGIC, header_of
from kinfo.dt.containers import appended, boot_image, dt_table, fit, packed
from kinfo.dt.containers.piece import Data
from kinfo.errors import KinfoError, TreeError

MAX_DEPTH = 4  # a boot image's kernel, packed, with a table behind it
MAX_BLOBS = 4096
MAX_BYTES = 256 << 20  # of all that is unpacked from one file
_FORMATS = (dt_table, boot_image, fit, packed)
_NOT_OURS = {
    b"\x3a\xff\x26\xed": ("an Android sparse image", "make it raw first: simg2img FILE OUT"),
    b"\x7fELF": ("an ELF file", "name the devicetree; `kinfo info` reads RAM dumps"),
}


class Leaf(NamedTuple):
    """A blob, and through which containers it was reached; `error` where one of them could not be read."""

    data: Data
    inside: tuple[str, ...]
    error: KinfoError | None = None


def leaves(data: Data) -> Iterator[Leaf]:
    """The blobs, in order. Raises TreeError for a file that holds none."""
    head = bytes(data[:8])
    for magic, (what, how) in _NOT_OURS.items():
        if head.startswith(magic):
            raise TreeError(f"is {what}", how)
    count, total, is_empty = 0, 0, True
    for leaf in _inside(data, ()):
        is_empty = False
        count, total = count + 1, total + len(leaf.data)
        if count > MAX_BLOBS or total > MAX_BYTES:
            raise TreeError(f"holds more than {MAX_BLOBS} blobs or {MAX_BYTES >> 20} MiB of them", "name a part of it")
        yield leaf
    if is_empty:
        raise TreeError(
            f"holds no devicetree: it begins with {head.hex(' ')}",
            "name a .dtb, .dts, dtbo.img, boot.img, vendor_boot.img, FIT image, or a folder like /proc/device-tree",
        )


def _inside(data: Data, inside: tuple[str, ...]) -> Iterator[Leaf]:
    kind = next((one for one in _FORMATS if one.matches(data)), None)
    if kind is None and int.from_bytes(data[:4], "big") == MAGIC and _is_one(data):
        yield Leaf(data, inside)
        return
    kind = kind or appended
    if len(inside) > MAX_DEPTH:
        yield Leaf(b"", inside, TreeError(f"more than {MAX_DEPTH} containers inside each other", "take it apart first"))
        return
    try:
        for piece in kind.pieces(data):
            within = (*inside, piece.called)
            if piece.error:
                yield Leaf(b"", within, piece.error)
            elif kind is appended:
                yield Leaf(piece.data, within)
            else:
                yield from _inside(piece.data, within)
    except TreeError as error:
        if not inside:
            raise
        yield Leaf(b"", inside, error)


def _is_one(data: Data) -> bool:
    """Whether the blob at the start is the only one: not so where another begins behind it."""
    header = header_of(data)
    if header is None or header.totalsize + HEADER.size > len(data):
        return True
    return len(list(islice(appended.pieces(data), 2))) < 2
