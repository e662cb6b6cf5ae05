"""dtbo.img and dtb partitions: AOSP's DT table, versions 0 and 1 (libufdt dt_table.h, mkdtboimg)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from kinfo.dt.containers.packed import unpack
from kinfo.dt.containers.piece import Data, Piece, cut
from kinfo.errors import TreeError

_MAGIC, _ACPI = 0xD7B7AB1E, 0x41435049
_HEADER = Struct(">8I")  # magic, total_size, header_size, entry_size, entry_count, entries_offset, page_size, version
_ENTRY = Struct(">8I")  # dt_size, dt_offset, id, rev, flags (version 1; custom in 0), custom
_COMPRESSION = {0: "", 1: "zlib", 2: "gzip", 3: "lz4"}  # the low four bits of a version 1 entry's flags
MAX_ENTRIES = 4096


def matches(data: Data) -> bool:
    """Whether the data begins with the table's magic, or that of ACPI tables in the same form."""
    return int.from_bytes(data[:4], "big") in (_MAGIC, _ACPI)


def pieces(data: Data) -> Iterator[Piece]:
    """The entries; several that share one blob come once. Bytes behind total_size (an AVB footer) are none of ours."""
    if int.from_bytes(data[:4], "big") == _ACPI:
        raise TreeError("it is a table of ACPI overlays, not of devicetrees", "name a dtbo.img with devicetree overlays")
    _, total, _, entry_size, count, offset, _, version = _HEADER.unpack(cut(data, 0, _HEADER.size, "the DT table's header"))
    table = cut(data, 0, total, "the DT table")
    if count > MAX_ENTRIES or entry_size < _ENTRY.size or version > 1:
        raise TreeError(f"its DT table (v{version}) has {count} entries of {entry_size} bytes", "it is damaged: get it again")
    cut(table, offset, count * entry_size, "the list of its DT table's entries")
    blobs: dict[tuple[int, int, int], list[str]] = {}
    for index in range(count):
        size, place, id_, rev, flags = _ENTRY.unpack_from(table, offset + index * entry_size)[:5]
        packing = flags & 0xF if version else 0
        blobs.setdefault((place, size, packing), []).append(f"{index + 1} (id {id_:#x}, rev {rev:#x})")
    for (place, size, packing), entries in blobs.items():
        yield _piece(table, place, size, packing, f"DT table v{version} entry {', '.join(entries)}")


def _piece(table: memoryview, place: int, size: int, packing: int, called: str) -> Piece:
    try:
        data: Data = cut(table, place, size, "its blob")
        name = _COMPRESSION.get(packing, f"{packing}")
        if name:
            data, called = unpack(data, name)[0], f"{called}, {name}"
    except TreeError as error:
        return Piece(b"", called, error)
    return Piece(data, called)
