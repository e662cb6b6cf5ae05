"""A header for regions that came without one: of their addresses, with VAs as VMCOREINFO says (no CMA: no md_KELF)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from kinfo.arch import arm64, x86_64
from kinfo.arch.address import MASK
from kinfo.elf import core
from kinfo.elf.core import Load
from kinfo.elf.structs import PT_LOAD, Program
from kinfo.errors import KinfoError
from kinfo.findings import Finding, Findings
from kinfo.meminspect import core_rules as rules
from kinfo.meminspect.entry import Entry
from kinfo.meminspect.ids import CONFIG, ELF, VMCOREINFO, Series
from kinfo.memory.vmcoreinfo import parse, value
from kinfo.minidump import checks, note, told
from kinfo.minidump.assemble import LARGEST_VMCOREINFO, Hints, RegionSet, known_entries
from kinfo.minidump.header import STATUS_SIZES
from kinfo.minidump.plan import CorePiece, CorePlan
from kinfo.minidump.region import DumpedRegion, padded
from kinfo.minidump.series import fitting

_WITHOUT = "say where the regions lie with --regions (the driver's array, qdl --debug, edl, dump_info.txt)"


class _Placed(NamedTuple):
    """A region with its addresses, and the bytes that it has in the core."""

    region: DumpedRegion
    va: int
    pa: int
    size: int


class _Maps(NamedTuple):
    """A kernel's two maps: VA less PA of the image, and of the linear map (None: not known)."""

    machine: int
    image: int
    linear: int | None


def made(found: RegionSet, hints: Hints) -> CorePlan:
    """The core, with a header of its own. Raises KinfoError without addresses, or where nothing says what VAs they have."""
    text = found.by_id[VMCOREINFO].read(LARGEST_VMCOREINFO) if VMCOREINFO in found.by_id else b""
    entries = {id_: one for id_, one in known_entries(found, hints.addresses).items() if id_ > VMCOREINFO}
    if not entries:
        raise KinfoError(
            f"{found.source}: has no md_KELF, the header, and nothing says where its regions lie",
            f"{_WITHOUT}; `kinfo dmesg {found.source}` reads the log as it is",
        )
    regions = found.held()
    series = (hints.series,) if hints.series else fitting(regions)
    values = parse(text)
    maps = _maps(found.source, values)
    placed = list(_placed(regions, entries, series, maps))
    notes = note.fixed(STATUS_SIZES[maps.machine], padded(len(text))) + text + bytes(-len(text) % 4)
    loads = list(_loads(placed, core.head_size(len(placed), notes)))
    head = core.head(maps.machine, notes, loads)
    pieces = [CorePiece(at.offset, one.region, min(one.region.size, one.size)) for at, one in zip(loads, placed, strict=True)]
    programs = [Program(PT_LOAD, 0, one.offset, one.va, one.pa, one.size, one.size, 0) for one in loads]
    state = "is empty" if ELF in found.by_id else "is missing"
    findings = [
        rules.HEADER_MADE.at("id 1", f"id 1 (ELF): the header md_KELF {state}; one was made of {len(placed)} addresses"),
        *_of_regions(regions, entries, placed, series),
        *told.without_bytes(found),
        *told.of_unnumbered(found),
        *checks.of_boot(programs, values, partial(_read, placed)),
    ]
    end = loads[-1].offset + loads[-1].size if loads else len(head)
    return CorePlan(((0, head),), tuple(pieces), end, Findings(findings), text, maps.machine)


def _maps(source: str, values: Mapping[str, str]) -> _Maps:
    """The maps by VMCOREINFO. Raises KinfoError where it says nothing of them."""
    image = value(values, "NUMBER(kimage_voffset)")
    if image is not None:
        bits, offset = value(values, "NUMBER(VA_BITS)", 10), value(values, "NUMBER(PHYS_OFFSET)")
        is_known = bits is not None and offset is not None and 36 <= bits <= 52
        return _Maps(arm64.MACHINE, image, arm64.page_offset(bits or 48) - (offset or 0) & MASK if is_known else None)
    base = value(values, "NUMBER(phys_base)", 10)
    if base is not None:
        return _Maps(x86_64.MACHINE, x86_64.voffset(base), None)
    raise KinfoError(
        f"{source}: has no md_KELF, the header, and no VMCOREINFO (md_Kvmcorein2.BIN) that says what VAs its regions have",
        "fetch one of the two from the device again",
    )


def _placed(
    regions: Mapping[int, DumpedRegion], entries: Mapping[int, Entry], series: Sequence[Series], maps: _Maps
) -> Iterator[_Placed]:
    """Every region that has bytes and an address, by id."""
    for id_, one in sorted(regions.items()):
        entry = entries.get(id_)
        if entry is None or not one.size or not (entry.pa or entry.va):
            continue
        offset = _offset(id_, series, maps)
        pa = entry.pa or (entry.va or 0) - offset & MASK
        yield _Placed(one, entry.va or pa + offset & MASK, pa, padded(entry.size or one.size))


def _offset(id_: int, series: Sequence[Series], maps: _Maps) -> int:
    """VA less PA of a region: static ones are named by their VA in the image, all others by their PA."""
    symbol = series[0].symbol(id_)
    is_static = bool(symbol) and id_ > CONFIG and symbol != series[0].late
    return maps.image if is_static else maps.linear or 0  # without a linear map at its PA, as QEMU has it


def _loads(placed: Sequence[_Placed], at: int) -> Iterator[Load]:
    for one in placed:
        yield Load(at, one.va, one.pa, one.size)
        at += one.size


def _read(placed: Sequence[_Placed], place: int, offset: int, size: int) -> bytes:
    return placed[place].region.read(size, offset)


def _of_regions(
    regions: Mapping[int, DumpedRegion], entries: Mapping[int, Entry], placed: Sequence[_Placed], series: Sequence[Series]
) -> Iterator[Finding]:
    """Addresses without a file, files without an address, sizes that disagree."""
    for id_, entry in sorted(entries.items()):
        if id_ not in regions and entry.size:
            words = f"{told.called(frozenset((id_,)), series)}: its file is missing{told.file_of(id_, series)}"
            yield rules.REGION_MISSING.at(f"id {id_}", f"{words}; PA {entry.pa or 0:#x} is left out of the header")
    for id_, one in sorted(regions.items()):
        if id_ not in entries and one.size:
            yield rules.REGION_UNLISTED.at(f"id {id_}", f"nothing says where {one} lies; left out")
    for each in placed:
        if not told.is_whole(each.region, each.size, series):
            yield told.size(each.region.id or 0, each.region, each.size, "the table")
