"""Where regions lie in physical memory: the driver's array, its debug lines, listings of QDL, edl and QPST, a table, RAM."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kinfo.errors import DumpError, KinfoError
from kinfo.meminspect import minidump
from kinfo.meminspect.entry import Entry
from kinfo.meminspect.ids import Series
from kinfo.meminspect.minidump import REGION, VALID

if TYPE_CHECKING:
    from kinfo.memory import Dump

_SMALL = 1 << 20  # bytes of a listing beside the regions
_MOST_REGIONS = 300  # of an array: old firmware has so many slots for all subsystems
_TEXT = re.compile(rb"region registered|md_K", re.IGNORECASE)


class RegionAddresses(NamedTuple):
    """Regions by id, as `source` has them: PA (0 or None: not said), VA where it is said, size."""

    source: str
    entries: dict[int, Entry]


def beside(paths: Iterable[str]) -> RegionAddresses | None:
    """What files beside the regions say; None where none of them says anything.

    Raises KinfoError where two of them put a region at different places.
    """
    found = [one for path in paths if (one := _of_small(path))]
    if not found:
        return None
    first = found[0]
    for other in found[1:]:
        for id_, entry in other.entries.items():
            known = first.entries.setdefault(id_, entry)
            if known.pa != entry.pa:
                raise KinfoError(
                    f"{first.source}: region {id_} lies at PA {known.pa:#x} by it, at {entry.pa:#x} by {other.source}",
                    "name the one that is of this dump with --regions",
                )
    return first


def _of_small(path: str) -> RegionAddresses | None:
    """What a small file says, if anything: other files are passed over in silence."""
    try:
        with open(path, "rb") as file:
            data = file.read(_SMALL + 1)
    except OSError:
        return None
    entries = of_bytes(path, data) if len(data) <= _SMALL else None
    return RegionAddresses(path, entries) if entries else None


def of_bytes(name: str, data: bytes) -> dict[int, Entry] | None:
    """The regions of an array or a text; None where it is neither."""
    try:
        if data[20:24] == VALID.to_bytes(4, "little"):
            return _by_id(minidump.regions(name, data).entries)
        if b"\0" not in data and _TEXT.search(data):
            from kinfo.meminspect import log

            return _by_id(log.read(name, data.decode("utf-8", "replace").splitlines()).entries)
    except KinfoError:
        pass
    return None


def _by_id(entries: Sequence[Entry]) -> dict[int, Entry]:
    return {entry.id: entry for entry in entries if entry.id is not None}


def named(path: str, kinfo: str | None = None, series: Series | None = None) -> RegionAddresses:
    """What the file says that a user named: any of these forms, any table that `kinfo table` reads, or a RAM dump.

    `kinfo` and `series` are for a table, as `read_table` takes them.

    Raises KinfoError where it says nothing of regions' addresses.
    """
    if not os.path.isdir(path):
        from kinfo.memory import open_dump

        with open_dump(path) as dump:
            if dump.size <= _SMALL and (entries := of_bytes(path, dump.read(0, dump.size))):
                return RegionAddresses(path, entries)
    if entries := _in_ram(path):
        return RegionAddresses(path, entries)
    return RegionAddresses(path, _in_table(path, kinfo, series))


def _in_table(path: str, kinfo: str | None, series: Series | None) -> dict[int, Entry]:
    from kinfo.inspect_table import read_table
    from kinfo.plain_data import plain

    parse: Any = plain
    table = read_table(path, series, parse=parse, kinfo=kinfo)
    entries = {entry.id: entry for entry in table.entries if entry.id is not None and (entry.pa or entry.va)}
    if not entries:
        raise KinfoError(
            f"{path}: says no region's address",
            "name the driver's region array, its debug lines, what qdl --debug or edl printed, or dump_info.txt",
        )
    return entries


def _in_ram(path: str) -> dict[int, Entry] | None:
    """The driver's array in a dump of RAM, by its look; None where it is in none, or the file is no dump."""
    from kinfo.sources import RawDump, open_memory

    try:
        memory = open_memory([path])
    except DumpError:
        return None
    with memory.dump if isinstance(memory, RawDump) else memory.as_dump as dump:
        arrays = list(_arrays(dump))
    if not arrays:
        return None
    arrays.sort(key=len, reverse=True)
    if len(arrays) > 1 and len(arrays[0]) == len(arrays[1]) and arrays[0] != arrays[1]:
        raise KinfoError(f"{path}: has two region arrays of {len(arrays[0])} regions", "cut the live one out, and name that")
    return arrays[0]


def _arrays(dump: Dump) -> Iterator[dict[int, Entry]]:
    """Runs of valid regions with names of the driver's. It is kernel memory, and aligned to 8."""
    end = 0
    for offset, window in dump.windows():
        for at in _valid(window):
            place = offset + at - 20
            if place < end or place % 8:
                continue
            data = dump.read(place, REGION.size * _MOST_REGIONS)
            entries = _run(data)
            if len(entries) > 1:
                end = place + REGION.size * len(entries)
                yield entries


def _valid(window: memoryview) -> list[int]:
    import numpy as np

    words = np.frombuffer(window, "<u4", len(window) // 4)
    return [4 * int(index) for index in np.flatnonzero(words == VALID)]


def _run(data: bytes) -> dict[int, Entry]:
    """The regions from the start of some bytes on, as long as they are regions of the series'."""
    found: dict[int, Entry] = {}
    for at in range(0, len(data) - REGION.size + 1, REGION.size):
        raw, seq, valid, _, _ = REGION.unpack_from(data, at)
        if valid != VALID or not raw.startswith(b"K") or not 0 < seq < 201 or seq in found:
            break
        found |= _by_id(minidump.regions("", data[at : at + REGION.size]).entries)
    return found
