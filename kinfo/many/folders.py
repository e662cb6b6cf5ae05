"""A folder of its own for what comes of each of many files: below one that the user names, wherever the files lie."""

from __future__ import annotations

import os

STDIN = "%stdin"
_ROOT = "%root"


def folder_for(path: str) -> str:
    """The folder of what comes of a file, to be joined to the user's: its path from the current folder on.

    A file elsewhere has its whole path below `%root`, standard input `%stdin`; `%` in a name is written `%25`. So no two
    files have the same one, and none leads out of the user's folder.
    """
    if path == "-":
        return STDIN
    whole = os.path.abspath(path)
    below = os.path.relpath(whole)
    if below == os.curdir:
        return ""
    parts = below.split(os.sep)
    head = []
    if parts[0] == os.pardir:
        head, parts = [_ROOT], whole.strip(os.sep).split(os.sep)
    return os.path.join(*head, *(part.replace("%", "%25") for part in parts))
