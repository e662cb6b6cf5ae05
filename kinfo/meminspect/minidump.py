"""What the Qualcomm minidump driver and firmware leave: the region array, and files named md_K...NN.BIN."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from struct import Struct

from kinfo.errors import KinfoError
from kinfo.meminspect.entry import Entry, FoundEntries, TableForm
from kinfo.meminspect.ids import MAX, SERIES

REGION = Struct("<16sIIQQ")  # name, seq, valid, address (PA), size
VALID = 0x56414C49  # 'VALI'; in memory the bytes read ILAV
# Two names may be the same but for the number: what stands behind the last letter is the sequence number.
_FILE = re.compile(r"md_(K.{0,8}?)(\d{1,3})\.BIN", re.IGNORECASE)


def regions(name: str, data: bytes) -> FoundEntries:
    """The region array; entries behind the last valid one are left out. Raises KinfoError when none is valid."""
    entries = []
    for at in range(0, len(data) - REGION.size + 1, REGION.size):
        raw, seq, valid, pa, size = REGION.unpack_from(data, at)
        if valid == VALID:
            text = raw.split(b"\0")[0].decode("ascii", "backslashreplace")
            entries.append(Entry(seq, text, None, pa, size))
    if not entries:
        raise KinfoError(f"{name}: has no valid minidump region (40 bytes each, 'VALI')", "name the driver's region array")
    return FoundEntries(TableForm.MINIDUMP, tuple(entries))


def files(folder: str, named: Iterable[tuple[str, int]]) -> FoundEntries:
    """A folder of region files, as (name, size in bytes). Raises KinfoError when it has none."""
    entries = []
    for name, size in sorted(named):
        if is_region_file(name):
            id_, label = id_and_name(name)
            entries.append(Entry(id_, label, None, None, size))
    if not entries:
        raise KinfoError(f"{folder}: has no md_K*.BIN files", "name the folder that QDL or the firmware wrote")
    return FoundEntries(TableForm.FILES, tuple(sorted(entries, key=lambda entry: entry.id or 0)))


def is_region_file(name: str) -> bool:
    """Whether a file is called as the driver's regions are."""
    return _FILE.fullmatch(name) is not None


def id_and_name(file: str) -> tuple[int, str]:
    """The id and the driver's name in a region file's name. Raises KinfoError for another file."""
    found = _FILE.fullmatch(file)
    if not found:
        raise KinfoError(f"{file}: is no md_K*.BIN file with a number", "the number behind the name is the region's id")
    return int(found[2]), _names().get(found[1].lower(), found[1])


@cache
def _names() -> dict[str, str]:
    """The driver's names by their small letters: copies through other file systems change the case, which says nothing."""
    return {name.lower(): name for series in SERIES for id_ in range(MAX) for name in (series.region(id_),)}
