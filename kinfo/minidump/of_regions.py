"""The plan for regions that are known: with the kernel's header, or with one that is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kinfo.errors import KinfoError
from kinfo.meminspect.ids import ELF, VMCOREINFO, Series
from kinfo.minidump.addresses import RegionAddresses
from kinfo.minidump.assemble import Hints, RegionSet, assembled
from kinfo.minidump.plan import CorePlan
from kinfo.minidump.region import DumpedRegion

_CHUNK = 1 << 20


class CoreRequest(NamedTuple):
    """How a core is to be made: where addresses come from, the record, the series, whether RAM's own table is to tell."""

    regions: str | None = None
    kinfo: str | None = None
    series: Series | None = None
    from_table: bool = False


def of_regions(found: RegionSet, known: RegionAddresses | None, asked: CoreRequest) -> CorePlan:
    """The plan for regions, with the kernel's header, or with one that is made."""
    pas: dict[str, int] = {}
    if asked.kinfo:
        from kinfo.minidump.record import symbol_pas

        pas = symbol_pas(asked.kinfo)
    hints = Hints(known, asked.series, pas)
    if ELF in found.by_id and found.by_id[ELF].size:
        return assembled(found, hints)
    from kinfo.minidump.made import made

    return made(found, hints)


def region_set(source: str, regions: Iterable[DumpedRegion]) -> RegionSet:
    """The regions by id. Raises KinfoError for two headers."""
    by_id: dict[int, list[DumpedRegion]] = {}
    others: list[DumpedRegion] = []
    for one in regions:
        others.append(one) if one.id is None else by_id.setdefault(one.id, []).append(one)
    several = {id_: _differing(found) for id_, found in by_id.items()}
    if len(by_id.get(ELF, ())) > 1:
        names = " and ".join(one.path or one.name for one in by_id[ELF])
        raise KinfoError(f"{source}: has two md_KELF headers, {names}", "take away the one that is of another dump")
    twice = {id_: tuple(found) for id_, found in several.items() if len(found) > 1}
    if VMCOREINFO in twice:
        names = " and ".join(one.path or one.name for one in twice[VMCOREINFO])
        raise KinfoError(f"{source}: has two VMCOREINFO regions that differ, {names}", "take away that of another dump")
    return RegionSet(source, {id_: found[0] for id_, found in several.items() if len(found) == 1}, twice, tuple(others))


def _differing(found: Sequence[DumpedRegion]) -> list[DumpedRegion]:
    """Files of one id, without those that are the same as the first."""
    return [found[0], *(one for one in found[1:] if not _is_same(found[0], one))]


def _is_same(one: DumpedRegion, other: DumpedRegion) -> bool:
    if one.size != other.size:
        return False
    return all(one.read(_CHUNK, at) == other.read(_CHUNK, at) for at in range(0, one.size, _CHUNK))
