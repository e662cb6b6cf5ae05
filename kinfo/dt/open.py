"""From what a user names to checked trees: blobs, containers of blobs, source, and folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from kinfo.dt import source
from kinfo.dt.blob import parse
from kinfo.dt.containers.walk import Leaf, leaves
from kinfo.dt.places import SourcePlace
from kinfo.dt.tree import Tree, tree_of
from kinfo.errors import KinfoError, TreeError
from kinfo.named import NamedTuple
from kinfo.sources import open_file
from kinfo.typed import BinaryIO

MAX_FILE = 256 << 20


class FoundTree(NamedTuple):
    """A tree: its name (`vendor_boot.img#2`), the file it came from, and through which containers.

    `kind` is dtb or overlay; `places` says where source has its nodes, None for what was no source.
    """

    name: str
    path: str
    kind: str
    inside: str
    tree: Tree
    places: Callable[[], dict[str, SourcePlace]] | None = None

    @property
    def label(self) -> str:
        """The name with the board's: `vendor_boot.img#2 (google,gs101)`."""
        board = self.tree.root.text("compatible")
        return f"{self.name} ({board})" if board else self.name


class Broken(NamedTuple):
    """A tree that cannot be read, beside others that can."""

    name: str
    path: str
    error: KinfoError


def open_trees(path: str, *, stdin: BinaryIO | None = None, include: Sequence[str] = ()) -> Iterator[FoundTree | Broken]:
    """The trees in a file or folder; `-` is `stdin`. `include`: where a .dts looks for what it includes.

    Raises KinfoError where there is no tree at all, and for the damage of a file that is one tree.
    """
    if os.path.isdir(path):
        from kinfo.dt import folder

        yield _found(path, path, folder.read(path), "")
        return
    with open_file(path, stdin) as file:
        dump = file.raw  # packed or not: what is in it may be packed too, and walk has limits for all of it
        if dump.size > MAX_FILE:
            raise TreeError(
                f"{dump.name}: has {dump.size} bytes, more than any image with trees", "name the partition or the tree"
            )
        data = dump.read(0, dump.size)
        name = dump.name
    places: Callable[[], dict[str, SourcePlace]] | None = None
    if source.is_source(name, data):
        places = partial(source.placed, name, data, include)
        data = source.compiled(name, data, include)
    base = os.path.basename(name)
    try:
        for number, leaf in enumerate(leaves(data), start=1):
            found = _read(f"{base}#{number}" if leaf.inside else base, name, leaf)
            yield found._replace(places=places) if isinstance(found, FoundTree) else found
    except TreeError as error:
        raise type(error)(f"{name}: {error.message}", error.hint) from error


def _read(name: str, path: str, leaf: Leaf) -> FoundTree | Broken:
    inside = " > ".join(leaf.inside)
    try:
        if leaf.error:
            raise leaf.error
        tree = tree_of(parse(leaf.data))
    except KinfoError as error:
        if not leaf.inside:
            raise
        return Broken(name, path, TreeError(f"{name} ({inside}): {error.message}", error.hint))
    return _found(name, path, tree, inside)


def _found(name: str, path: str, tree: Tree, inside: str) -> FoundTree:
    is_overlay = any(child.child("__overlay__") for child in tree.root.children)
    return FoundTree(name, path, "overlay" if is_overlay else "dtb", inside, tree)
