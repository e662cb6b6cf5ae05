"""Region files out of what a user named: a folder, or the files; whatever else lies beside them is passed over."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kinfo.errors import DumpError, KinfoError
from kinfo.meminspect.ids import ELF, VMCOREINFO
from kinfo.meminspect.minidump import id_and_name
from kinfo.minidump.region import DumpedRegion

_REGION = re.compile(r"md_(K.{0,20}?)\.BIN", re.IGNORECASE)
_DOWNSTREAM = re.compile(r"(?:[0-9a-f]{2}_)?md_KELF_(?:HDR|HEADER)\.BIN", re.IGNORECASE)
_UNNUMBERED = {"kelf": ELF, "kvmcorein": VMCOREINFO}  # as RFC v1 calls them: alone of their kind, so the name tells
_MOST_OTHERS = 64  # files beside the regions that are looked at for addresses
_OTHERS = re.compile(r"dump_info\.txt|.*\.(?:txt|log|bin|csv|json|yaml|yml)", re.IGNORECASE)


class FoundFiles(NamedTuple):
    """The regions, and the paths of files beside them that may say where they lie; `folder` is what the user named."""

    folder: str
    regions: tuple[DumpedRegion, ...]
    others: tuple[str, ...]
    downstream: str = ""


def is_named(path: str) -> bool:
    """Whether a path is a region file by its name."""
    return _REGION.fullmatch(os.path.basename(path)) is not None


def has_regions(folder: str) -> bool:
    """Whether a folder has region files in it."""
    try:
        with os.scandir(folder) as entries:
            return any(_REGION.fullmatch(entry.name) for entry in entries)
    except OSError:
        return False


def find(sources: Sequence[str]) -> FoundFiles | None:
    """The region files in folders and lists of files; None where something else was named. Raises KinfoError."""
    if not any(has_regions(one) if os.path.isdir(one) else is_named(one) for one in sources):
        return None
    paths = [path for one in sources for path in (_listed(one) if os.path.isdir(one) else [one])]
    regions = [region for path in paths if is_named(path) and (region := _region(path))]
    others = [path for path in paths if not is_named(path) and _OTHERS.fullmatch(os.path.basename(path))]
    downstream = next((path for path in paths if _DOWNSTREAM.fullmatch(os.path.basename(path))), "")
    where = sources[0] if len(sources) == 1 else f"{len(sources)} files"
    unique = {os.path.realpath(region.path): region for region in regions}  # named twice is there once
    ordered = sorted(unique.values(), key=lambda one: (one.id is None, one.id or 0, one.name))
    return FoundFiles(where, tuple(ordered), tuple(_first(others)), downstream)


def _listed(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if _REGION.fullmatch(entry.name) or _OTHERS.fullmatch(entry.name)]
    except OSError as error:
        raise DumpError(f"{folder}: cannot be listed: {error.strerror}", "check its permissions") from error
    return [os.path.join(folder, name) for name in sorted(names)]


def _first(paths: Iterable[str]) -> list[str]:
    """The likeliest sources of addresses among many files, by their names."""
    words = ("dump_info", "region", "qdl", "edl", "dmesg", "log")
    ranked = sorted(paths, key=lambda path: (not any(word in os.path.basename(path).lower() for word in words), path))
    return ranked[:_MOST_OTHERS]


def _region(path: str) -> DumpedRegion | None:
    """A region file; None for what is none in spite of its name."""
    name = os.path.basename(path)
    if _DOWNSTREAM.fullmatch(name):
        return None
    try:
        known = os.stat(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DumpError(f"{path}: {reason}", "check the path and its permissions") from error
    if stat.S_ISDIR(known.st_mode):
        return None
    if not stat.S_ISREG(known.st_mode):
        raise DumpError(f"{path}: is no regular file", "copy the regions to files, or take it away")
    number, label = numbered(name)
    return DumpedRegion(name, number, label, known.st_size, path)


def numbered(name: str) -> tuple[int | None, str]:
    """Id and driver's name out of a file's name; the id is None where it has no number and its name does not tell."""
    try:
        return id_and_name(name)
    except KinfoError:
        found = _REGION.fullmatch(name)
        label = found[1] if found else name
        return _UNNUMBERED.get(label.lower()), label
