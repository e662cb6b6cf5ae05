"""A folder against a folder: records by their names."""

from __future__ import annotations

import os

from kinfo.diff import rules
from kinfo.errors import KinfoError
from kinfo.findings import Finding
from kinfo.named import NamedTuple
from kinfo.printable import brief, printable

_MOST = 100_000
_PACKED = (".gz", ".xz", ".zst")
_FIELDS = (".yaml", ".yml", ".json")
FIRST_BASELINE = "the first baseline is made with `kinfo compare --update-baseline OLD NEW`"


class Alone(NamedTuple):
    """A record that one folder has: its name, the path of the file that is there, and what that gives rise to."""

    name: str
    path: str
    finding: Finding

    def __repr__(self) -> str:
        return brief(self, f"{self.name}: {self.finding.code}")


class Matched(NamedTuple):
    """The pairs of files with one name, and the others."""

    pairs: tuple[tuple[str, str], ...]
    alone: tuple[Alone, ...]


def matched(old: str, new: str) -> Matched:
    """Match two folders' files by their records' names. Raises KinfoError: unreadable, too many files, an empty old one."""
    before, after = files_below(old), files_below(new)
    if not before:
        raise KinfoError(f"{old}: has no files to compare with", f"name a folder of records; {FIRST_BASELINE}")
    alone = [
        Alone(name, before[name], rules.MISSING.at(printable(name), f"{printable(new)} lacks it"))
        for name in sorted(before.keys() - after.keys())
    ]
    alone += [
        Alone(name, after[name], rules.EXTRA.at(printable(name), f"{printable(old)} lacks it"))
        for name in sorted(after.keys() - before.keys())
    ]
    pairs = tuple((before[name], after[name]) for name in sorted(before.keys() & after.keys()))
    return Matched(pairs, tuple(alone))


def record_name(path: str) -> str:
    """What a file's record is called in a baseline: as the file, but without compression, and .bin for a file of fields."""
    stem, suffix = os.path.splitext(path)
    if suffix in _PACKED:
        return record_name(stem)
    return f"{stem}.bin" if suffix in _FIELDS else path


def files_below(folder: str) -> dict[str, str]:
    """The files below a folder by their records' names; hidden ones are passed over.

    Raises KinfoError: an unreadable folder, too many files, two files for one record.
    """

    def refuse(error: OSError) -> None:
        raise KinfoError(f"{error.filename}: {error.strerror}", "check the folder and its permissions") from error

    found: dict[str, str] = {}
    for where, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file in sorted(name for name in files if not name.startswith(".")):
            path = os.path.join(where, file)
            other = found.setdefault(name := record_name(os.path.relpath(path, folder)), path)
            if other != path:
                raise KinfoError(f"{path}: {other} is the record {name} too", "keep one of them")
        if len(found) > _MOST:
            raise KinfoError(f"{folder}: has more than {_MOST} files", "name a folder of records")
    return found
