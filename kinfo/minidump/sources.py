"""From what a user names to the plan of a core: region files, images that hold regions, cores, RAM with a table."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import BinaryIO, NamedTuple

from kinfo.errors import KinfoError
from kinfo.meminspect.ids import ELF, VMCOREINFO, Series
from kinfo.minidump import addresses, files
from kinfo.minidump.addresses import Addresses
from kinfo.minidump.assemble import Hints, RegionSet, assembled
from kinfo.minidump.files import FoundFiles
from kinfo.minidump.plan import CorePlan
from kinfo.minidump.region import Region

_CHUNK = 1 << 20
_HEADERS = 1 << 16  # bytes that have the program headers of 201 regions


class CoreRequest(NamedTuple):
    """How a core is to be made: where addresses come from, the record, the series, whether RAM's own table is to tell."""

    regions: str | None = None
    kinfo: str | None = None
    series: Series | None = None
    from_table: bool = False


def plan_of(sources: Sequence[str], asked: CoreRequest, stdin: BinaryIO | None = None) -> CorePlan | None:
    """The plan for a core of regions; None where what was named is memory without regions of its own. Raises KinfoError."""
    if asked.from_table:
        from kinfo.minidump.from_table import plan_of_table

        return plan_of_table(sources, asked, stdin)
    found = files.find(sources)
    if found is not None:
        return _of_files(found, asked)
    return _of_one(sources[0], asked) if len(sources) == 1 and os.path.isfile(sources[0]) else None


def _of_one(path: str, asked: CoreRequest) -> CorePlan | None:
    """The plan for a raw dump that has regions, or for a core of regions."""
    from kinfo.meminspect.core import is_core
    from kinfo.sources import kinds, open_file

    file = open_file(path)
    plan: CorePlan | None = None
    try:
        kind = file.recognised.kind
        if kind is kinds.RAW_DMP:
            from kinfo.minidump.raw_dump import plan_of_raw_dump

            plan = plan_of_raw_dump(file, asked)
        elif kind is kinds.ELF_CORE and is_core(file.start(_HEADERS)):
            from kinfo.minidump.finished import mended

            known = addresses.named(asked.regions, asked.kinfo) if asked.regions else None
            plan = mended(file.content, known)
    finally:
        if plan is None:
            file.close()
    return plan._replace(held=(file,)) if plan else None


def _of_files(found: FoundFiles, asked: CoreRequest) -> CorePlan:
    known = addresses.named(asked.regions, asked.kinfo) if asked.regions else addresses.beside(found.others)
    regions = region_set(found.folder, found.regions)
    if found.downstream and ELF not in regions.by_id:
        raise KinfoError(
            f"{found.downstream}: is the header of Qualcomm's downstream kernels, another format",
            "assemble those files with linux-ramdump-parser-v2 (minidump_util.py)",
        )
    return of_regions(regions, known, asked)


def of_regions(found: RegionSet, known: Addresses | None, asked: CoreRequest) -> CorePlan:
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


def region_set(source: str, regions: Iterable[Region]) -> RegionSet:
    """The regions by id. Raises KinfoError for two headers."""
    by_id: dict[int, list[Region]] = {}
    others: list[Region] = []
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


def _differing(found: Sequence[Region]) -> list[Region]:
    """Files of one id, without those that are the same as the first."""
    return [found[0], *(one for one in found[1:] if not _is_same(found[0], one))]


def _is_same(one: Region, other: Region) -> bool:
    if one.size != other.size:
        return False
    return all(one.read(_CHUNK, at) == other.read(_CHUNK, at) for at in range(0, one.size, _CHUNK))
