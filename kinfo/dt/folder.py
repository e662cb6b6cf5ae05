"""/proc/device-tree, or a copy of it: a folder a node, a file a property."""

from __future__ import annotations

import os
import stat

from kinfo.dt.blob import MAX_DEPTH, MAX_NODES
from kinfo.dt.candidates import is_tree
from kinfo.dt.tree import Node, Tree
from kinfo.errors import TreeError

_MAX_PROPERTY = 16 << 20
_MAX_TOTAL = 64 << 20
_COPY = "check its permissions, or copy it as root"


def read(path: str) -> Tree:
    """The tree in a folder. Links inside it are not followed. Raises TreeError, for folders of other things too."""
    if os.path.isdir(path) and not is_tree(path):
        raise TreeError(
            f"{path}: has neither nodes nor a compatible", "name a copy of /proc/device-tree, or files: FOLDER/*.dtb"
        )
    root = Node("")
    todo = [(os.path.realpath(path), root, 0)]
    nodes, total = 0, 0
    while todo:
        folder, node, depth = todo.pop()
        nodes += 1
        if nodes > MAX_NODES or depth > MAX_DEPTH or total > _MAX_TOTAL:
            raise TreeError(f"{path}: is too large for a devicetree", "name a copy of /proc/device-tree")
        for name, full, is_folder in _entries(path, folder):
            if is_folder:
                todo.append((full, node.add(Node(name)), depth + 1))
            elif name != "name":  # the kernel shows each node's name as a property
                node.properties[name] = _content(path, full)
                total += len(node.properties[name])
    return Tree(root, size=total)


def _entries(path: str, folder: str) -> list[tuple[str, str, bool]]:
    try:
        with os.scandir(folder) as entries:
            found = [
                (entry.name, entry.path, entry.is_dir(follow_symlinks=False)) for entry in entries if not entry.is_symlink()
            ]
    except OSError as error:
        raise TreeError(
            f"{path}: cannot read {folder}: {error.strerror}", "check its permissions, or copy it as root"
        ) from error
    return sorted(found)


def _content(path: str, full: str) -> bytes:
    try:
        if not stat.S_ISREG(os.stat(full, follow_symlinks=False).st_mode):
            raise TreeError(f"{path}: {full} is no plain file", "name a copy of /proc/device-tree")
        with open(full, "rb") as file:
            content = file.read(_MAX_PROPERTY + 1)
    except OSError as error:
        raise TreeError(
            f"{path}: cannot read {full}: {error.strerror}", "check its permissions, or copy it as root"
        ) from error
    if len(content) > _MAX_PROPERTY:
        raise TreeError(f"{path}: {full} is too large for a property", "name a copy of /proc/device-tree")
    return content
