"""LogRegion files as the minidump driver and the firmware name them: md_K, 8 letters at most, the region's id, .BIN."""

from __future__ import annotations

import os
from collections.abc import Sequence

from kinfo.errors import DumpError
from kinfo.kernel.printk import of_regions
from kinfo.kernel.printk.message import PrintkLog
from kinfo.kernel.printk.of_regions import LogRegion
from kinfo.meminspect import minidump
from kinfo.memory import open_dump

_LARGEST_REGION = 1 << 31  # of a log; other regions are smaller


def log_of(files: Sequence[str], paths: Sequence[str]) -> PrintkLog:
    """The log in region files; `paths` is what the user named. Raises KinfoError."""
    return of_regions.log_of(regions(files), paths[0] if len(paths) == 1 else f"{len(paths)} files")


def named(paths: Sequence[str]) -> list[str]:
    """The region files that were named, one by one or by their folder; none where something else was. Raises KinfoError."""
    if len(paths) == 1 and os.path.isdir(paths[0]):
        folder = paths[0]
        try:
            names = sorted(os.listdir(folder))
        except OSError as error:
            raise DumpError(f"{folder}: cannot be listed: {error.strerror}", "check its permissions") from error
        minidump.files(folder, [(name, 0) for name in names])  # raises where there is none
        return [path for name in names if _is_region(path := os.path.join(folder, name))]
    return list(paths) if len(paths) > 1 and all(map(_is_region, paths)) else []


def _is_region(path: str) -> bool:
    return minidump.is_region_file(os.path.basename(path)) and os.path.isfile(path)


def regions(paths: Sequence[str]) -> list[LogRegion]:
    """The regions in these files. Raises DumpError for one that cannot be read."""
    found = []
    for path in paths:
        name = os.path.basename(path)
        if not minidump.is_region_file(name) or not os.path.getsize(path):  # v3 registers a log of log_buf_len= with size 0
            continue
        with open_dump(path) as dump:
            found.append(LogRegion(*minidump.id_and_name(name), dump.read(0, _LARGEST_REGION)))
    return found
