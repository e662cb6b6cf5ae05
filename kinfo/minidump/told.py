"""What is wrong with the regions of a dump, in words: every region that is missing, empty, short, long, unsure or a stray."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from kinfo.elf.structs import Program
from kinfo.findings import Finding
from kinfo.meminspect import core_rules as rules
from kinfo.meminspect.entry import Entry
from kinfo.meminspect.ids import ELF, VMCOREINFO, Series
from kinfo.minidump.header import KernelHeader
from kinfo.minidump.order import Fit
from kinfo.minidump.region import DumpedRegion, padded

if TYPE_CHECKING:
    from kinfo.minidump.assemble import RegionSet

_SHOWN = 4
_TEXTS = ("linux_banner", "CONFIG", "VMCOREINFO")  # static ids whose size is any; all others are whole words


def of_first_two(header: KernelHeader, by_id: Mapping[int, DumpedRegion]) -> Iterator[Finding]:
    """Region 1, the header itself, and region 2, VMCOREINFO."""
    kelf, info = by_id[ELF], by_id.get(VMCOREINFO)
    if kelf.padded != padded(header.vmcoreinfo_at):
        yield size(ELF, kelf, header.vmcoreinfo_at)
    if info is None:
        room = header.vmcoreinfo_room
        yield rules.REGION_MISSING.at(
            "id 2", f"id 2 (VMCOREINFO): its file is missing, md_Kvmcorein2.BIN; {room} bytes of the note read as zeros"
        )
    elif not info.size:
        yield _empty(VMCOREINFO, info)
    elif info.padded != header.vmcoreinfo_room:
        yield size(VMCOREINFO, info, header.vmcoreinfo_room)


def of_places(
    loads: Sequence[Program], placed: Mapping[int, DumpedRegion], entries: Mapping[int, Entry], series: Sequence[Series]
) -> Iterator[Finding]:
    """Regions at their places: sizes that disagree."""
    for place, one in sorted(placed.items()):
        load, entry = loads[place], entries.get(one.id or 0)
        if entry is not None and entry.size and padded(entry.size) != load.in_file:
            message = f"id {one.id}: the table says {entry.size} bytes, the header {load.in_file} at PA {load.pa:#x}"
            yield rules.TABLE_DIFFERS.at(f"id {one.id}", message)
        if not is_whole(one, load.in_file, series):
            yield size(one.id or 0, one, load.in_file)


def is_whole(one: DumpedRegion, wanted: int, series: Sequence[Series]) -> bool:
    """Whether a file has its region's bytes; those of a text may lack the last few, which the driver rounds up."""
    symbol = series[0].symbol(one.id or 0)
    return (padded(one.size) if not symbol or symbol in _TEXTS else one.size) == wanted


def of_missing(loads: Sequence[Program], fit: Fit, found: RegionSet, series: Sequence[Series]) -> Iterator[Finding]:
    """Places without a region: its file is not there, is empty, or is there twice."""
    for place, ids in sorted(fit.missing.items()):
        load = loads[place]
        where = f"{load.in_file} bytes at PA {load.pa:#x}"
        if not load.in_file:
            yield rules.REGION_NO_BYTES.at(_where(ids), f"{called(ids, series)}: the header lists 0 bytes at PA {load.pa:#x}")
        elif not any(id_ in found.twice or id_ in found.by_id for id_ in ids):
            name = file_of(next(iter(ids)), series) if len(ids) == 1 else ""
            yield rules.REGION_MISSING.at(
                _where(ids), f"{called(ids, series)}: its file is missing{name}; {where} read as zeros"
            )
    yield from without_bytes(found)


def without_bytes(found: RegionSet) -> Iterator[Finding]:
    """Files that are there and say nothing."""
    for id_, one in sorted(found.by_id.items()):
        if not one.size and id_ > VMCOREINFO:
            yield _empty(id_, one)
    for id_, several in sorted(found.twice.items()):
        names = " and ".join(one.path or one.name for one in several)
        yield rules.REGION_TWICE.at(f"id {id_}", f"id {id_}: {names} differ, and neither is taken")


def of_unsure(
    loads: Sequence[Program], fit: Fit, regions: Mapping[int, DumpedRegion], series: Sequence[Series]
) -> Iterator[Finding]:
    """Files that fit several places, or places that several files fit: all are named, and so are those that lack one."""
    places: dict[int, list[int]] = {}
    for place, ids in sorted(fit.unsure.items()):
        for id_ in ids:
            places.setdefault(id_, []).append(place)
    if (lacking := len(fit.unsure) - len(places)) > 0:
        which = f"such as {called(fit.absent, series)}" if fit.absent else "of unknown ids"
        message = f"{lacking} files are missing for the {len(fit.unsure)} places that are unsure, {which}"
        yield rules.REGION_MISSING.at(_where(fit.absent), message)
    for id_, at in sorted(places.items()):
        rivals = sorted({other for place in at for other in fit.unsure[place]} - {id_})
        words = _some([f"PA {loads[place].pa:#x}" for place in at])
        also = f", and so may {_some([str(regions[other]) for other in rivals])}" if rivals else ", or be missing there"
        yield rules.REGION_UNSURE.at(f"id {id_}", f"{regions[id_]} may lie at {words}{also}; left out")


def of_strays(fit: Fit, found: RegionSet) -> Iterator[Finding]:
    """Files that no program header is of."""
    placed = {*fit.sure.values(), *(id_ for ids in fit.unsure.values() for id_ in ids)}
    for id_, one in sorted(found.by_id.items()):
        if id_ > VMCOREINFO and one.size and id_ not in placed:
            yield rules.REGION_UNLISTED.at(f"id {id_}", f"no header is there for {one}, {one.size} bytes; left out")
    yield from of_unnumbered(found)


def of_unnumbered(found: RegionSet) -> Iterator[Finding]:
    """Files whose names have no number."""
    for one in found.others:
        message = f"no header can be told for {one.name}: its name has no number, the region's id; left out"
        yield rules.REGION_UNLISTED.at(one.name, message)


def called(ids: frozenset[int], series: Sequence[Series]) -> str:
    """Ids with the symbols that the series has for them."""
    words = [f"id {id_}{f' ({symbol})' if (symbol := series[0].symbol(id_)) else ''}" for id_ in sorted(ids)]
    return " or ".join(words[:_SHOWN]) if words else "a region of unknown id"


def file_of(id_: int, series: Sequence[Series]) -> str:
    """The name that the driver gives an id's file."""
    return f", md_{series[0].region(id_)}{id_}.BIN"


def _where(ids: frozenset[int]) -> str:
    return f"id {min(ids)}" if ids else "header"


def _some(words: Sequence[str]) -> str:
    more = len(words) - _SHOWN
    return " or ".join(words) if more <= 0 else f"{', '.join(words[:_SHOWN])} or {more} more"


def size(id_: int, one: DumpedRegion, wanted: int, who: str = "the header") -> Finding:
    """A file of another size than is stated."""
    what = "the rest is left out" if one.size > wanted else "the rest reads as zeros"
    return rules.REGION_SIZE.at(f"id {id_}", f"id {id_}: {one.name} has {one.size} bytes, {who} {wanted}; {what}")


def _empty(id_: int, one: DumpedRegion) -> Finding:
    return rules.REGION_EMPTY.at(f"id {id_}", f"id {id_}: {one.name} is empty")
