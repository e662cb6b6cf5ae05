"""What of the files and folders that one comes by can be a devicetree, or hold some."""

from __future__ import annotations

import os

_SUFFIXES = (".dtb", ".dtbo", ".dts", ".itb", "-dtb")
_MAGICS = (b"\xd0\x0d\xfe\xed", b"\xd7\xb7\xab\x1e", b"ANDROID!", b"VNDRBOOT")  # a blob or FIT, dtbo.img, boot images
_PROPERTIES = ("compatible", "#address-cells", "#size-cells", "model")  # of a root, as files
_NODES = ("reserved-memory", "chosen", "cpus", "memory")


def may_hold_trees(path: str) -> bool:
    """Whether a file is worth opening: by its name, or by how it begins. One that cannot be read is: that is to be said."""
    if path.endswith(_SUFFIXES):
        return True
    try:
        with open(path, "rb") as file:
            return file.read(8).startswith(_MAGICS)
    except OSError:
        return True


def is_tree(folder: str) -> bool:
    """Whether a folder is a tree itself, like /proc/device-tree: it has a root's properties as files, or its nodes."""
    return any(os.path.isfile(os.path.join(folder, name)) for name in _PROPERTIES) or any(
        os.path.isdir(os.path.join(folder, name)) for name in _NODES
    )
