"""From regions and the kernel's header to the core: each region at its program header's place, whatever is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from kinfo.elf.structs import Program
from kinfo.errors import KinfoError
from kinfo.findings import Finding, Findings
from kinfo.meminspect import core_rules as rules
from kinfo.meminspect.entry import Entry
from kinfo.meminspect.ids import ELF, VMCOREINFO, Series
from kinfo.memory.vmcoreinfo import parse, symbols
from kinfo.minidump import checks, note, order, pins, told
from kinfo.minidump.addresses import RegionAddresses
from kinfo.minidump.header import KernelHeader
from kinfo.minidump.header import parse as parse_header
from kinfo.minidump.order import Fit
from kinfo.minidump.plan import CorePiece, CorePlan
from kinfo.minidump.region import DumpedRegion
from kinfo.minidump.series import fitting

_LARGEST_HEADER = 1 << 20
LARGEST_VMCOREINFO = 1 << 16


class RegionSet(NamedTuple):
    """Regions by id; those of which an id has several that differ; those without an id. `source` is what was named."""

    source: str
    by_id: dict[int, DumpedRegion]
    twice: dict[int, tuple[DumpedRegion, ...]]
    others: tuple[DumpedRegion, ...]

    def held(self) -> dict[int, DumpedRegion]:
        """The regions that a program header can be of, by id; one that is empty, or there twice, has no bytes."""
        unknown = {id_: several[0]._replace(size=0) for id_, several in self.twice.items() if id_ > VMCOREINFO}
        return {id_: one for id_, one in self.by_id.items() if id_ > VMCOREINFO} | unknown


class Hints(NamedTuple):
    """What else says where regions lie: addresses, a series that was named, PAs of symbols by a record."""

    addresses: RegionAddresses | None = None
    series: Series | None = None
    pas: Mapping[str, int] = {}


def assembled(found: RegionSet, hints: Hints) -> CorePlan:
    """The core as region 1 lays it out. Raises KinfoError for a header or addresses that cannot be this dump's."""
    kelf = found.by_id[ELF]
    header = parse_header(kelf.name, kelf.read(_LARGEST_HEADER))
    regions = found.held()
    text = found.by_id[VMCOREINFO].read(LARGEST_VMCOREINFO) if VMCOREINFO in found.by_id else b""
    entries = known_entries(found, hints.addresses)
    series = (hints.series,) if hints.series else fitting(regions)
    fit = _fit(header.loads, regions, entries, series, symbols(parse(text)), hints)
    placed = {place: regions[id_] for place, id_ in fit.sure.items()}
    findings = [
        *told.of_first_two(header, found.by_id),
        *told.of_places(header.loads, placed, entries, series),
        *told.of_missing(header.loads, fit, found, series),
        *told.of_unsure(header.loads, fit, regions, series),
        *told.of_strays(fit, found),
        *checks.of_boot(header.loads, parse(text), partial(_read, placed)),
    ]
    head, mended = _head(header)
    pieces = [
        CorePiece(header.loads[place].offset, one, min(one.size, header.loads[place].in_file))
        for place, one in placed.items()
    ]
    if text:
        room = min(found.by_id[VMCOREINFO].size, header.vmcoreinfo_room)
        pieces.append(CorePiece(header.vmcoreinfo_at, found.by_id[VMCOREINFO], room))
    pieces.sort(key=lambda piece: piece.offset)
    return CorePlan(((0, head),), tuple(pieces), header.end, Findings((*mended, *findings)), text, header.machine)


def known_entries(found: RegionSet, addresses: RegionAddresses | None) -> dict[int, Entry]:
    """Where regions lie, by id: as the container of the regions says, else as `addresses` do."""
    entries = dict(addresses.entries) if addresses else {}
    for id_, one in found.by_id.items():
        if one.pa is not None:
            entries[id_] = Entry(id_, one.label, None, one.pa, one.size if one.stated is None else one.stated)
    return entries


def _fit(
    loads: Sequence[Program],
    regions: Mapping[int, DumpedRegion],
    entries: Mapping[int, Entry],
    series: Sequence[Series],
    vas: Mapping[str, int],
    hints: Hints,
) -> Fit:
    """Which region each place has: by addresses alone where all are known, else by what there is."""
    listed = {id_: one for id_, one in entries.items() if id_ > VMCOREINFO}
    by_address = pins.by_address(loads, listed)
    if listed and not by_address.places and loads:
        source = hints.addresses.source if hints.addresses else "the dump"
        raise KinfoError(
            f"{source}: none of its {len(listed)} addresses is in the header of md_KELF", "name the one that is of this dump"
        )
    if listed and regions.keys() <= listed.keys():
        return _by_address_alone(loads, regions, by_address)
    known = pins.joined(by_address, pins.by_symbols(loads, series, vas, hints.pas))
    fit = order.fit(loads, regions, series, known)
    return _with_lists(loads, regions, series, known, fit) if fit.unsure else fit


def _by_address_alone(loads: Sequence[Program], regions: Mapping[int, DumpedRegion], known: pins.Pins) -> Fit:
    sure = {place: id_ for id_, place in known.places.items() if id_ in regions and regions[id_].size}
    rest = {place: known.ids.get(place, frozenset()) for place in range(len(loads)) if place not in sure}
    return Fit(sure, {}, rest)


def _with_lists(
    loads: Sequence[Program], regions: Mapping[int, DumpedRegion], series: Sequence[Series], known: pins.Pins, fit: Fit
) -> Fit:
    """The same, with what the unsure regions hold."""
    unsure: dict[int, set[int]] = {}
    for place, ids in fit.unsure.items():
        for id_ in ids:
            unsure.setdefault(id_, set()).add(place)
    by_lists = pins.by_lists(loads, unsure, regions)
    return order.fit(loads, regions, series, pins.joined(known, by_lists)) if by_lists.places else fit


def _head(header: KernelHeader) -> tuple[bytes, list[Finding]]:
    """Region 1 as it goes into the core, its notes made again where they do not parse."""
    at, start = header.vmcoreinfo_at, header.note.offset
    raw = header.raw.ljust(at, b"\0")
    if note.is_sound(raw[start:at], header.vmcoreinfo_room):
        return raw, []
    made = note.rebuilt(header)
    if made is None:
        message = "the note does not parse as CORE, CORE, VMCOREINFO; it stays, for this machine's cannot be made again"
        return raw, [rules.NOTE_REBUILT.at("note", message)]
    message = "the note does not parse as CORE, CORE, VMCOREINFO; it was made again"
    return raw[:start] + made, [rules.NOTE_REBUILT.at("note", message)]


def _read(placed: Mapping[int, DumpedRegion], place: int, offset: int, size: int) -> bytes:
    return placed[place].read(size, offset) if place in placed else b""
