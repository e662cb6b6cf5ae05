"""A tree written: as a blob, and a property as source, both by pyfdt. Nothing else in kinfo knows pyfdt.

Its own parser recurses, and looks through all siblings for each new node; so trees are read without it, and it is imported
only where something is written.
"""

from __future__ import annotations

import re

from pyfdt.pyfdt import Fdt, FdtNode, FdtProperty

from kinfo.dt.tree import Node, Tree

_SHOWN = 100  # letters of a property's source


class _RawProperty(FdtProperty):  # type: ignore[misc]  # pyfdt has no types
    """A property as its bytes."""

    def __init__(self, name: str, raw: bytes) -> None:
        self.name, self.raw = name, raw

    def dtb_represent(self, string_store: str, pos: int = 0, version: int = 17) -> tuple[bytes, str, int]:
        """See pyfdt."""
        del version
        place = string_store.find(self.name + "\0")
        if place < 0:
            place = len(string_store)
            string_store += self.name + "\0"
        padded = self.raw + bytes(-len(self.raw) % 4)
        words = b"".join(value.to_bytes(4, "big") for value in (3, len(self.raw), place))
        return words + padded, string_store, pos + 12 + len(padded)


class _RawNode(FdtNode):  # type: ignore[misc]  # pyfdt has no types
    """A node as pyfdt walks it: properties, then the nodes below."""

    def __init__(self, node: Node) -> None:
        self.name, self.parent = node.name, None
        self.subdata = [*(_RawProperty(*one) for one in node.properties.items()), *map(_RawNode, node.children)]


def to_blob(tree: Tree) -> bytes:
    """The tree as a blob (version 17)."""
    fdt = Fdt()
    fdt.add_rootnode(_RawNode(tree.root))
    fdt.add_reserve_entries([{"address": address, "size": size} for address, size in tree.reservations])
    blob: bytes = fdt.to_dtb()
    return blob


def property_source(node: Node, name: str) -> str:
    """A property of the node as one line of devicetree source, cut where it is long."""
    raw = node.properties[name]
    shown = str(FdtProperty.new_raw_property(name, raw[: 4 * _SHOWN]).dts_represent())
    shown = re.sub(r"\b0x0+(?=[0-9a-f])", "0x", shown)
    shown = shown.encode("unicode_escape").decode("ascii")
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
