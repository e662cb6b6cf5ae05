"""The tree behind the rules, made from a checked blob. Properties stay raw; written.py makes blobs and source of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

from kinfo.dt.blob import Blob, BlobNode


class Node:
    """A node: its name ("" for the root), its parent, its properties (raw, in order) and its children."""

    name: str
    parent: Node | None

    def __init__(self, name: str, properties: dict[str, bytes] | None = None) -> None:
        self.name, self.parent = name, None
        self.properties = properties if properties is not None else {}
        self.children: list[Node] = []

    def add(self, child: Node) -> Node:
        """Put a node below this one, and give it back."""
        child.parent = self
        self.children.append(child)
        return child

    @property
    def path(self) -> str:
        """`/reserved-memory/debug-kinfo@4e000000`; `/` for the root."""
        names: list[str] = []
        node: Node | None = self
        while node is not None and node.parent is not None:
            names.append(node.name)
            node = node.parent
        return "/" + "/".join(reversed(names))

    @property
    def unit_address(self) -> str | None:
        """What stands behind the @ of the name."""
        _, mark, address = self.name.partition("@")
        return address if mark else None

    def child(self, name: str) -> Node | None:
        """The child of this name."""
        return next((one for one in self.children if one.name == name), None)

    def cells(self, name: str) -> tuple[int, ...] | None:
        """A property as 32-bit cells (whole ones only); None when there is no such property."""
        raw = self.properties.get(name)
        if raw is None:
            return None
        return tuple(int.from_bytes(raw[at : at + 4], "big") for at in range(0, len(raw) - 3, 4))

    def texts(self, name: str) -> tuple[str, ...]:
        """A property as strings, what is not printable ASCII as escapes; empty when there is no such property."""
        raw = self.properties.get(name)
        if not raw:
            return ()
        return tuple(map(_printable, raw.removesuffix(b"\0").decode("ascii", "backslashreplace").split("\0")))

    def text(self, name: str) -> str | None:
        """The first of them; None when there is no such property."""
        if name not in self.properties:
            return None
        return (self.texts(name) or ("",))[0]

    def walk(self) -> Iterator[Node]:
        """This node and every node below it, in the tree's order."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            if node.children:  # most have none
                stack += node.children[::-1]


class Tree:
    """A whole tree.

    `reservations` is the blob's /memreserve/ (address, size), `size` its bytes, `oddities` see Blob; `partial`: an overlay
    read without its base.
    """

    def __init__(
        self,
        root: Node,
        reservations: Iterable[tuple[int, int]] = (),
        *,
        size: int = 0,
        oddities: Iterable[tuple[str, str]] = (),
        partial: bool = False,
    ) -> None:
        self.root, self.size, self.partial = root, size, partial
        self.reservations, self.oddities = tuple(reservations), tuple(oddities)

    def at(self, path: str) -> Node | None:
        """The node of this path."""
        node: Node | None = self.root
        for name in path.strip("/").split("/") if path.strip("/") else ():
            node = node.child(name) if node else None
        return node

    def phandle(self, value: int) -> tuple[Node, ...]:
        """Every node with this phandle: one, in a sound tree."""
        return self._phandles.get(value, ())

    @cached_property
    def _phandles(self) -> dict[int, tuple[Node, ...]]:
        found: dict[int, tuple[Node, ...]] = {}
        for node in self.root.walk():
            for handle in {handle_of(node, "phandle"), handle_of(node, "linux,phandle")} - {None}:
                assert handle is not None
                found[handle] = (*found.get(handle, ()), node)
        return found


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)


def handle_of(node: Node, name: str = "phandle") -> int | None:
    """The node's phandle; None where it has none of 4 bytes."""
    raw = node.properties.get(name)
    return int.from_bytes(raw, "big") if raw is not None and len(raw) == 4 else None


def tree_of(blob: Blob) -> Tree:
    """The tree of a checked blob."""
    root = _node(blob.root)
    todo = [(root, blob.root)]
    while todo:
        node, source = todo.pop()
        todo += [(node.add(_node(child)), child) for child in source.children]
    return Tree(root, blob.reservations, size=blob.size, oddities=blob.oddities)


def _node(source: BlobNode) -> Node:
    return Node(source.name, source.properties)
