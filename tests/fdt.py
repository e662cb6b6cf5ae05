"""An independent writer of devicetree blobs and of the images that hold them, each with a way to lie."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

BEGIN, END_NODE, PROP, NOP, END = 1, 2, 3, 4, 9


class N(NamedTuple):
    """A node to be written: properties as bytes, in order."""

    name: str
    properties: Mapping[str, bytes] = MappingProxyType({})
    children: Sequence[N] = ()


def cells(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "big") for value in values)


def texts(*values: str) -> bytes:
    return b"".join(value.encode() + b"\0" for value in values)


def pad(data: bytes, to: int) -> bytes:
    return data + bytes(-len(data) % to)


def structure(node: N, strings: bytearray) -> bytes:
    """The structure block of a node, without the END."""
    out = [cells(BEGIN), pad(node.name.encode("latin-1") + b"\0", 4)]
    for name, value in node.properties.items():
        place = strings.find(name.encode() + b"\0")
        if place < 0:
            place = len(strings)
            strings += name.encode() + b"\0"
        out += [cells(PROP, len(value), place), pad(value, 4)]
    out += [structure(child, strings) for child in node.children]
    return b"".join([*out, cells(END_NODE)])


def blob(
    root: N | None = None,
    *,
    reserve: Sequence[tuple[int, int]] = (),
    body: bytes | None = None,
    strings: bytes = b"",
    version: int = 17,
    **lies: int,
) -> bytes:
    """A blob of a tree, or of a raw structure block (`body`); `lies` are header words that are not as they should be."""
    table = bytearray(strings)
    made = (structure(root, table) + cells(END)) if root is not None else (body or b"")
    rsv = b"".join(struct.pack(">QQ", *pair) for pair in (*reserve, (0, 0)))
    header = {
        "magic": 0xD00DFEED,
        "totalsize": 40 + len(rsv) + len(made) + len(table),
        "off_struct": 40 + len(rsv),
        "off_strings": 40 + len(rsv) + len(made),
        "off_reserve": 40,
        "version": version,
        "last_comp_version": 16,
        "boot_cpu": 0,
        "size_strings": len(table),
        "size_struct": len(made),
    }
    assert set(lies) <= set(header)
    return struct.pack(">10I", *(header | lies).values()) + rsv + made + bytes(table)


def board(name: str = "example,board", *more: N, kinfo: bool = True) -> N:
    """A sound board; with `kinfo` in Android's shape, with a Pixel mapper."""
    region = N("debug-kinfo@4e000000", {"reg": cells(0, 0x4E000000, 0x10000), "no-map": b"", "phandle": cells(1)})
    nodes = [
        N("memory@40000000", {"device_type": texts("memory"), "reg": cells(0, 0x40000000, 0x40000000)}),
        N("reserved-memory", {"#address-cells": cells(2), "#size-cells": cells(1), "ranges": b""}, [region] if kinfo else []),
    ]
    if kinfo:
        nodes.append(N("debug-kinfo", {"compatible": texts("google,debug-kinfo"), "memory-region": cells(1)}))
        nodes.append(N("dss", {"compatible": texts("google,debug-snapshot-debug-kinfo"), "memory-region": cells(1)}))
    return N("", {"compatible": texts(name), "#address-cells": cells(2), "#size-cells": cells(1)}, [*nodes, *more])


class Entry(NamedTuple):
    """An entry of a DT table: the blob as it is stored, id, rev, flags (version 1)."""

    data: bytes
    id: int = 0
    rev: int = 0
    flags: int = 0


def dt_table(
    entries: Sequence[Entry], *, version: int = 0, magic: int = 0xD7B7AB1E, footer: bytes = b"", **lies: int
) -> bytes:
    """AOSP's DT table; equal blobs are stored once."""
    start = 32 + 32 * len(entries)
    stored: dict[bytes, int] = {}
    body = b""
    rows = []
    for entry in entries:
        if entry.data not in stored:
            stored[entry.data] = start + len(body)
            body += pad(entry.data, 4)
        rows.append(struct.pack(">8I", len(entry.data), stored[entry.data], entry.id, entry.rev, entry.flags, 0, 0, 0))
    header = {
        "magic": magic,
        "total": start + len(body),
        "header": 32,
        "entry_size": 32,
        "count": len(entries),
        "offset": 32,
        "page": 2048,
        "version": version,
    }
    assert set(lies) <= set(header)
    return struct.pack(">8I", *(header | lies).values()) + b"".join(rows) + body + footer


def boot_image(
    version: int, *, kernel: bytes = b"k", ramdisk: bytes = b"r", dtbo: bytes = b"", dtb: bytes = b"", page: int = 2048
) -> bytes:
    """boot.img v0 to v2, or the head of v3 and v4."""
    head = bytearray(page)
    head[:8] = b"ANDROID!"
    struct.pack_into("<8I", head, 8, len(kernel), 0x8000, len(ramdisk), 0, 0, 0, 0, page)
    struct.pack_into("<I", head, 0x28, version)
    offset = page + sum(len(pad(part, page)) for part in (kernel, ramdisk))
    struct.pack_into("<IQI", head, 1632, len(dtbo), offset if dtbo else 0, 1660)
    struct.pack_into("<IQ", head, 1648, len(dtb), 0)
    return bytes(head) + b"".join(pad(part, page) for part in (kernel, ramdisk, dtbo, dtb))


def vendor_boot(version: int, dtb: bytes, *, header: int = 2112, ramdisk: bytes = b"ramdisk", page: int = 4096) -> bytes:
    head = bytearray(pad(bytes(header), page))
    head[:8] = b"VNDRBOOT"
    struct.pack_into("<5I", head, 8, version, page, 0, 0, len(ramdisk))
    struct.pack_into("<2I", head, 2096, header, len(dtb))
    return bytes(head) + pad(ramdisk, page) + pad(dtb, page)


def uimage(data: bytes, *, kind: int = 2, compression: int = 0, size: int | None = None) -> bytes:
    """U-Boot's older image: kind 2 is a kernel, 4 several images."""
    length = len(data) if size is None else size
    return struct.pack(">7I4B32s", 0x27051956, 0, 0, length, 0, 0, 0, 5, 22, kind, compression, b"x") + data


def rockchip_spi(loader: bytes, behind: bytes = b"", *, half: int = 2048) -> bytes:
    """Rockchip's image for SPI flash: its header and a loader in the first half of each 4 KiB (`half` 4096: for SD cards)."""
    data = bytes.fromhex("3b8cdcfc") + bytes(2044) + loader
    pages = [data[at : at + half].ljust(4096, b"\0") for at in range(0, len(data), half)]
    return pad(b"".join(pages), 1 << 16) + behind


def several(*images: bytes) -> bytes:
    """The body of a uImage of kind 4."""
    return cells(*map(len, images), 0) + b"".join(pad(image, 4) for image in images)


def fit(images: Sequence[N], *, behind: bytes = b"") -> bytes:
    """A FIT image; `behind` is the data that its nodes point at (mkimage -E)."""
    made = blob(N("", {}, [N("images", {}, images), N("configurations", {"default": texts("conf")})]))
    return pad(made, 4) + behind
