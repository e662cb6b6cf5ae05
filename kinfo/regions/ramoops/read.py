"""The zones of a region read: what each holds, and the files that /sys/fs/pstore would show of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kinfo.memory import Dump
from kinfo.named import NamedTuple
from kinfo.regions.ramoops import dmesg, ecc, layout, pmsg
from kinfo.regions.ramoops.find import RamoopsRegion, ZonePlace
from kinfo.regions.ramoops.zone import LARGEST, ZoneHeader, header_of, in_order

_LINE = re.compile(rb"(?m)^(?:<\d{1,3}>)?\[ {0,5}\d{1,8}\.\d{6}\]")
_LOG = 4096  # bytes in which lines of a kernel's log are looked for
_ROOM = 1 << 20  # bytes that any record may unpack to; a larger zone's may have three times the zone (platform.c)


class Zone(NamedTuple):
    """One zone.

    `at` is its address, `size` None where it is not known. `kind` is dmesg, console, pmsg or ftrace, "" where nothing tells
    (an empty one), "console or pmsg" for bytes that can be either; `number` counts those of a kind. `data` are its bytes,
    oldest first, with `corrected` of them (and of the header and the parity) put right; in `lost` blocks, the header one of
    them, too many are wrong. `record` is what a dmesg zone holds. `fault` says why the driver would not read it.
    """

    at: int
    size: int | None
    kind: str
    number: int
    header: ZoneHeader | None
    data: bytes
    corrected: int
    lost: int
    record: dmesg.CrashRecord | None
    fault: str
    logcat: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing."""
        return not self.data and not self.fault


class Ramoops(NamedTuple):
    """A region: `source` says what its layout is from ("zones", or the tree's node).

    `parity` is how many bytes of ECC each block has.
    """

    at: int
    parity: int
    zones: tuple[Zone, ...]
    source: str

    @property
    def corrected(self) -> int:
        """How many bytes were put right."""
        return sum(zone.corrected for zone in self.zones)

    @property
    def lost(self) -> int:
        """How many blocks could not be."""
        return sum(zone.lost for zone in self.zones)


def read(source: Dump, region: RamoopsRegion) -> Ramoops:
    """A region that was found by its zones."""
    zones = [_zone(source, place, region.parity) for place in region.places]
    return Ramoops(region.at, region.parity, tuple(_named(zones)), "zones")


def read_planned(source: Dump, at: int, size: int, sizes: layout.Sizes, name: str) -> Ramoops:
    """A region of which the node or the parameters say what lies in it. Raises ValueError where the driver makes no zones.

    Which of ftrace and pmsg comes first is as the signatures have it: kernels differ.
    """
    planned = max(_plans(size, sizes), key=lambda zones: _fits(source, at, zones))
    zones = tuple(
        _zone(source, ZonePlace(at + one.offset, one.size), sizes.ecc, forced=True)._replace(kind=one.kind, number=one.number)
        for one in planned
    )
    return Ramoops(at, sizes.ecc, tuple(_checked(zone) for zone in zones), name)


def fitting(source: Dump, at: int, size: int, sizes: layout.Sizes) -> int:
    """How many of the planned zones have their signature where they should, if the region begins at `at`."""
    return max(_fits(source, at, zones) for zones in _plans(size, sizes))


def _plans(size: int, sizes: layout.Sizes) -> list[tuple[layout.Planned, ...]]:
    plans = [layout.plan(size, sizes, order) for order in layout.ORDERS]
    if plans[0].fault:
        raise ValueError(plans[0].fault)
    return [plan.zones for plan in plans]


def _fits(source: Dump, at: int, zones: Sequence[layout.Planned]) -> int:
    found = ((header_of(source.read(at + zone.offset, ecc.HEADER)), zone.kind == "ftrace") for zone in zones)
    return sum(header is not None and (header.version is not None) == is_trace for header, is_trace in found)


def _zone(source: Dump, place: ZonePlace, parity: int, *, forced: bool = False) -> Zone:
    size = place.size
    shape = ecc.geometry(size, parity) if size and size <= LARGEST else None
    raw = source.read(place.at, shape.size if shape and parity else ecc.HEADER)
    lost = corrected = 0
    if shape and parity:
        head = ecc.header(raw, shape)
        raw, corrected, lost = head.data + raw[ecc.HEADER :], head.corrected, head.lost
    header = header_of(raw)
    zone = Zone(place.at, size, "", 0, header, b"", corrected, lost, None, "")
    if header is None:
        return zone._replace(fault="its signature is gone" if forced else "its signature is damaged")
    capacity = shape.capacity if shape else LARGEST
    if fault := header.fault(capacity):
        return zone._replace(fault=fault)
    if not parity or shape is None:
        ring = ecc.Repaired(source.read(place.at + ecc.HEADER, header.size), 0, 0)
    else:
        ring = ecc.data(raw, shape, header.size)
    if len(ring.data) < header.size:
        return zone._replace(fault=f"the dump has {len(ring.data)} of its {header.size} bytes")
    data = in_order(ring.data, header)
    record = dmesg.read(data, max(_ROOM, 3 * capacity if shape else 0))
    return zone._replace(data=data, corrected=corrected + ring.corrected, lost=lost + ring.lost, record=record)


def _checked(zone: Zone) -> Zone:
    """With the driver's judgement of what a zone of that kind must hold."""
    if zone.kind == "dmesg" and zone.data and zone.record is None:
        return zone._replace(fault="it begins with no record's header")
    if zone.kind != "dmesg":
        zone = zone._replace(record=None)
    return zone._replace(logcat=pmsg.logcat_records(zone.data)) if zone.kind == "pmsg" else zone


def _named(zones: Sequence[Zone]) -> list[Zone]:
    """What each zone is, by its signature, by what it holds, and by the order in which the driver makes them."""
    records = [at for at, zone in enumerate(zones) if zone.record]
    first, last = (records[0], records[-1]) if records else (0, -1)
    sizes = {zones[at].size for at in records}
    while first > 0 and zones[first - 1].size in sizes and _is_plain(zones[first - 1]):
        first -= 1  # records that are empty, or damaged
    others = [at for at, zone in enumerate(zones) if at > last and zone.data and _is_plain(zone)]
    kinds = dict.fromkeys(range(first, last + 1), "dmesg") | dict(zip(others, _others(zones, others), strict=True))
    counts: dict[str, int] = {}
    named: list[Zone] = []
    for at, zone in enumerate(zones):
        kind = "ftrace" if zone.header and zone.header.version else kinds.get(at, "")
        named.append(_checked(zone._replace(kind=kind, number=counts.get(kind, 0))))
        counts[kind] = counts.get(kind, 0) + 1
    return named


def _is_plain(zone: Zone) -> bool:
    return zone.header is None or zone.header.version is None


def _others(zones: Sequence[Zone], at: Sequence[int]) -> list[str]:
    """What the zones behind the records are: the console comes before pmsg."""
    if len(at) == 2:
        return ["console", "pmsg"]
    if len(at) != 1:
        return ["" for _ in at]
    data = zones[at[0]].data
    if pmsg.logcat_records(data):
        return ["pmsg"]
    return ["console" if len(_LINE.findall(data, 0, _LOG)) > 2 else "console or pmsg"]
