"""A folder against a folder: records by their names."""

from __future__ import annotations

import os
from typing import NamedTuple

from kinfo.compare import rules
from kinfo.errors import KinfoError
from kinfo.findings import Finding

_MOST = 100_000


class Matched(NamedTuple):
    """The names in both folders, and what the others give rise to: name and finding."""

    names: tuple[str, ...]
    alone: tuple[tuple[str, Finding], ...]


def matched(old: str, new: str) -> Matched:
    """Match two folders' files by their paths below them. Raises KinfoError: unreadable, too many files, none."""
    before, after = names_below(old), names_below(new)
    if not before and not after:
        raise KinfoError(f"{old}: has no files to compare, nor has {new}", "name folders of records")
    alone = [(name, rules.MISSING.at(name, f"{new} lacks it")) for name in sorted(before - after)]
    alone += [(name, rules.EXTRA.at(name, f"{old} lacks it")) for name in sorted(after - before)]
    return Matched(tuple(sorted(before & after)), tuple(alone))


def names_below(folder: str) -> set[str]:
    """The files below a folder, by their paths there; hidden ones are passed over. Raises KinfoError."""

    def refuse(error: OSError) -> None:
        raise KinfoError(f"{error.filename}: {error.strerror}", "check the folder and its permissions") from error

    found: set[str] = set()
    for where, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found |= {os.path.relpath(os.path.join(where, name), folder) for name in files if not name.startswith(".")}
        if len(found) > _MOST:
            raise KinfoError(f"{folder}: has more than {_MOST} files", "name a folder of records")
    return found
