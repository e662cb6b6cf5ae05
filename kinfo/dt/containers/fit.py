"""FIT images (.itb): a devicetree whose nodes hold images, their data inside or behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kinfo.arch.address import align
from kinfo.dt.blob import MAGIC, Blob, BlobNode, parse
from kinfo.dt.containers.packed import unpack
from kinfo.dt.containers.piece import Data, Piece, cut
from kinfo.errors import BlobError, TreeError

_NODES = (b"\0\0\0\1images\0", b"\0\0\0\1configurations\0")


def matches(data: Data) -> bool:
    """Whether it is a blob with images and configurations under its root: deeper ones are a tree's own (binman's nodes)."""
    if int.from_bytes(data[:4], "big") != MAGIC or not all(_has(data, node) for node in _NODES):
        return False
    try:
        names = {node.name for node in parse(data).root.children}
    except BlobError:
        return False  # whoever reads it as a tree says what is wrong with it
    return names >= {"images", "configurations"}


def _has(data: Data, part: bytes) -> bool:
    """Without a copy of a view, which may be of a large file."""
    return part in data if isinstance(data, bytes) else re.search(re.escape(part), data) is not None


def pieces(data: Data) -> Iterator[Piece]:
    """The images of type flat_dt, and those that a configuration names as its fdt: U-Boot's SPL asks for no type."""
    blob = parse(data)
    named = {name for one in _below(blob, "configurations") for name in _text(one, "fdt").split("\0")}
    for image in _below(blob, "images"):
        if _text(image, "type") == "flat_dt" or image.name in named:
            yield _piece(data, blob.size, image)


def _below(blob: Blob, name: str) -> list[BlobNode]:
    return next((node.children for node in blob.root.children if node.name == name), [])


def _piece(data: Data, size: int, image: BlobNode) -> Piece:
    called = f"FIT image {image.name}"
    try:
        found = _data(data, size, image)
        name = _text(image, "compression")
        if name not in ("", "none"):
            found, called = unpack(found, name)[0], f"{called}, {name}"
    except TreeError as error:
        return Piece(b"", called, error)
    return Piece(found, called)


def _data(data: Data, size: int, image: BlobNode) -> Data:
    """Inside the tree; or behind it (mkimage -E), counted from its end (data-offset) or from the start (data-position)."""
    if "data" in image.properties:
        return image.properties["data"]
    length = _word(image, "data-size")
    if "data-position" in image.properties:
        return cut(data, _word(image, "data-position"), length, "its data")
    return cut(data, align(size, 4) + _word(image, "data-offset"), length, "its data")


def _word(image: BlobNode, name: str) -> int:
    raw = image.properties.get(name, b"")
    if len(raw) != 4:
        raise TreeError(f"its {name} has {len(raw)} bytes", "make the image again with mkimage")
    return int.from_bytes(raw, "big")


def _text(image: BlobNode, name: str) -> str:
    return image.properties.get(name, b"").rstrip(b"\0").decode("ascii", "backslashreplace")
