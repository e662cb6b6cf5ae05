"""From a file's bytes to the blobs in it, through whatever containers lie inside each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from kinfo.dt.blob import HEADER, MAGIC, header_of
from kinfo.dt.containers import appended, boot_image, dt_table, fit, packed, rockchip_spi, uimage
from kinfo.dt.containers.packed import LIMIT
from kinfo.dt.containers.piece import Data, Piece
from kinfo.errors import BombError, KinfoError, TreeError
from kinfo.named import NamedTuple
from kinfo.sources.kinds import Role
from kinfo.sources.recognise import HEAD, recognise

MAX_DEPTH = 4  # a boot image's kernel, packed, with a table behind it
MAX_BLOBS = 4096
MAX_BYTES = 160 << 20  # of all that is unpacked from one file
_FORMATS = (dt_table, boot_image, fit, uimage, rockchip_spi, packed)


class Leaf(NamedTuple):
    """A blob, and through which containers it was reached; `error` where one of them could not be read."""

    data: Data
    inside: tuple[str, ...]
    error: KinfoError | None = None


class _TooMuchError(Exception):
    """More than any image has: the whole file is given up, not just the part."""


def leaves(data: Data) -> Iterator[Leaf]:
    """The blobs, in order. Raises TreeError for a file that holds none, or too much."""
    kind = recognise(bytes(data[:HEAD])).kind
    if how := kind.instead.get(Role.TREE):
        raise TreeError(f"is {kind.what}", how)
    count = 0
    try:
        for leaf in _Walk().inside(data, ()):
            count += 1
            if count > MAX_BLOBS:
                raise _TooMuchError
            yield leaf
    except _TooMuchError:
        limits = f"{MAX_BLOBS} blobs or {MAX_BYTES >> 20} MiB of packed data"
        raise TreeError(f"holds more than {limits}", "name a part of it, if it is no bomb") from None
    if not count:
        raise TreeError(
            f"holds no devicetree: it begins with {bytes(data[:8]).hex(' ')}",
            "name a .dtb, .dts, dtbo.img, boot.img, vendor_boot.img, FIT image, or a folder like /proc/device-tree",
        )


class _Walk:
    """One file's walk, and how much was unpacked on it."""

    def __init__(self) -> None:
        self._unpacked = 0

    def inside(self, data: Data, inside: tuple[str, ...]) -> Iterator[Leaf]:
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
                self._count(piece)
                if piece.error:
                    yield Leaf(b"", within, piece.error)
                elif kind is appended:
                    yield Leaf(piece.data, within)
                else:
                    yield from self.inside(piece.data, within)
        except TreeError as error:
            if not inside:
                raise
            yield Leaf(b"", inside, error)

    def _count(self, piece: Piece) -> None:
        """Unpacked data is bytes, a part of the file is a view of it; a piece that unpacked to too much was unpacked too."""
        self._unpacked += len(piece.data) if isinstance(piece.data, bytes) else 0
        self._unpacked += LIMIT if isinstance(piece.error, BombError) else 0
        if self._unpacked > MAX_BYTES:
            raise _TooMuchError


def _is_one(data: Data) -> bool:
    """Whether the blob at the start is the only one: not so where another begins behind it."""
    header = header_of(data)
    if header is None or header.totalsize + HEADER.size > len(data):
        return True
    return len(list(islice(appended.pieces(data), 2))) < 2
