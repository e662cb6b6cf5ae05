"""What /sys/fs/pstore shows of a region: names as fs/pstore/inode.c, pstore_mkfile() makes them, without the ECC's line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from kinfo.regions.ramoops import dmesg, ftrace
from kinfo.regions.ramoops.read import Ramoops, Zone

_TOGETHER = 60  # seconds within which the parts of one crash are written


class File(NamedTuple):
    """A file's name and bytes, the clock's seconds at which they were stored, and whether it is a log of the kernel."""

    name: str
    data: bytes
    seconds: int | None = None
    is_log: bool = False


def no_names(_: int) -> None:
    """Names where there is no symbol table."""


def files(region: Ramoops, name: ftrace.Name = no_names) -> Iterator[File]:
    """The files of a region's zones; `name` puts names on the addresses of function traces."""
    for zone in region.zones:
        if zone.kind == "ftrace" or zone.fault or not (zone.record or zone.data):
            continue
        if zone.record:
            packed = ".enc.z" if zone.record.fault else ""
            yield File(f"dmesg-ramoops-{zone.number}{packed}", zone.record.text, zone.record.seconds, not packed)
        elif zone.kind:
            yield File(f"{zone.kind.replace(' ', '-')}-ramoops-{zone.number}", zone.data, is_log=zone.kind == "console")
    if found := traces(region):
        yield File("ftrace-ramoops-0", "".join([ftrace.line(call, name, is_64=is_64(region)) for call in found]).encode())


def _traced(region: Ramoops) -> list[bytes]:
    return [zone.data for zone in region.zones if zone.kind == "ftrace" and zone.data]


def is_64(region: Ramoops) -> bool:
    """Whether the traces are of a 64-bit kernel."""
    return ftrace.is_64(_traced(region))


def traces(region: Ramoops) -> list[ftrace.Call]:
    """The function calls of all CPUs."""
    zones, wide = _traced(region), is_64(region)
    return ftrace.merged([ftrace.by_boot(ftrace.calls(data, is_64=wide)) for data in zones])


def joined(regions: Iterable[Ramoops], change: Callable[[bytes], bytes] = bytes) -> Iterator[File]:
    """Each crash's parts put together, oldest line first: crash-0 is the newest. `change` is done to their texts."""
    zones = [zone for region in regions for zone in region.zones if zone.record and not zone.record.fault]
    crashes: list[list[Zone]] = []
    for zone in sorted(zones, key=_age, reverse=True):
        if not (crashes and _is_one_crash(crashes[-1], zone)):
            crashes.append([])
        crashes[-1].append(zone)
    for number, parts in enumerate(crashes):
        records = [zone.record for zone in parts if zone.record]
        records.sort(key=lambda record: -record.part)
        first = f"{records[0].reason}#{records[0].crash}\n".encode() if records[0].reason else b""
        text = first + b"".join(dmesg.without_part(record.text) for record in records)
        yield File(f"crash-{number}", change(text), records[0].seconds)


def _age(zone: Zone) -> tuple[int, int]:
    return (zone.record.seconds, zone.record.micros) if zone.record else (0, 0)


def _is_one_crash(parts: list[Zone], other: Zone) -> bool:
    """Whether it is a part of the same crash that is not there yet."""
    one, more = parts[0].record, other.record
    if one is None or more is None or not one.reason:
        return False
    is_same = (one.reason, one.crash) == (more.reason, more.crash) and abs(one.seconds - more.seconds) <= _TOGETHER
    return is_same and all(zone.record is None or zone.record.part != more.part for zone in parts)
