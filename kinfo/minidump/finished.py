"""A core that is there already: what is wrong with it, and what of that can be mended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from kinfo.elf import MAGIC, notes
from kinfo.elf import read as tables
from kinfo.elf.structs import ELF64, PT_LOAD, PT_NOTE, ElfHeader, Program, form_of
from kinfo.errors import DumpError
from kinfo.findings import Finding, Findings
from kinfo.meminspect import core_rules as rules
from kinfo.meminspect.ids import VMCOREINFO
from kinfo.memory import Dump, Memory
from kinfo.memory.vmcoreinfo import parse
from kinfo.minidump import checks, note, pins, shift
from kinfo.minidump.addresses import RegionAddresses
from kinfo.minidump.header import STATUS_SIZES
from kinfo.minidump.plan import CorePiece, CorePlan
from kinfo.minidump.region import DumpedRegion, padded

_LARGEST_NOTE = 1 << 20
_START = b"OSRELEASE="


def checked(memory: Memory) -> list[Finding]:
    """What is wrong with the cores that a memory is made of; other dumps have no such faults."""
    found: list[Finding] = []
    for dump in {id(one.dump): one.dump for one in memory.segments}.values():
        form = form_of(dump.read(0, 16)) if dump.read(0, 4) == MAGIC else None
        head = tables.header(dump.view, form) if form and not form.is_big else None
        programs = tables.programs(dump.view, form, head) if form and head else None
        if programs:
            found += [*_of_places(dump.name, dump.size, programs), *_of_notes(dump, programs)]
    return found


class FinishedCore(NamedTuple):
    """A core of regions as it was found; `raw` is what lies before the first region.

    `shifts` has, for each of `loads`, how many bytes before its header's offset the region really begins: None where it was
    skipped, or where that cannot be told.
    """

    loads: tuple[Program, ...]
    shifts: tuple[int | None, ...]
    raw: bytes
    vmcoreinfo: bytes
    machine: int
    end: int
    findings: Findings


def examined(dump: Dump) -> FinishedCore:
    """A core of regions, checked: where its regions really are, a damaged note made again. Raises DumpError."""
    head = tables.header(dump.view, ELF64)
    programs = tables.programs(dump.view, ELF64, head) if head else None
    if head is None or not programs or programs[0].type != PT_NOTE:
        raise DumpError(f"{dump.name}: its program headers are damaged or cut off", "copy it again")
    loads = [one for one in programs if one.type == PT_LOAD]
    start = min((one.offset for one in loads), default=dump.size)
    if start > _LARGEST_NOTE or programs[0].offset + programs[0].in_file > start:
        raise DumpError(f"{dump.name}: its first region has the offset {start:#x}, which cannot be", "copy it again")
    raw = dump.read(0, start).ljust(start, b"\0")
    raw, of_note = _with_note(raw, head, programs[0])
    text = next((bytes(one.content) for one in _notes(raw, programs[0]) if one.name == notes.VMCOREINFO), b"")
    end = max((one.offset + one.in_file for one in loads), default=start)
    shifts = shift.shifts(dump, loads, end, parse(text))
    found = (*_of_places(dump.name, dump.size, programs), *shift.told(loads, shifts, end - dump.size), *of_note)
    return FinishedCore(tuple(loads), tuple(shifts), raw, text, head.machine, end, Findings(found))


def mended(dump: Dump, known: RegionAddresses | None) -> CorePlan:
    """The plan of a core of regions that is there: what was shifted is put back. Raises DumpError."""
    core = examined(dump)
    pieces = tuple(_pieces(dump, core.loads, core.shifts))
    at = {piece.offset: piece.region for piece in pieces}
    of_boot = checks.of_boot(core.loads, parse(core.vmcoreinfo), partial(_read, core.loads, at))
    told = Findings((*core.findings, *_of_table(core.loads, known), *of_boot))
    return CorePlan(((0, core.raw),), pieces, core.end, told, core.vmcoreinfo, core.machine)


def _pieces(dump: Dump, loads: Sequence[Program], shifts: Sequence[int | None]) -> Iterator[CorePiece]:
    """The regions from where they really are; nothing for those of which that is not known."""
    for load, by in zip(loads, shifts, strict=True):
        if by is not None:
            held = max(0, min(load.in_file, dump.size - (load.offset - by)))
            if held:
                region = DumpedRegion(f"PA {load.pa:#x}", None, "", held, "", load.offset - by, dump)
                yield CorePiece(load.offset, region, held)


def _read(loads: Sequence[Program], at: dict[int, DumpedRegion], place: int, offset: int, size: int) -> bytes:
    region = at.get(loads[place].offset)
    return region.read(size, offset) if region else b""


def _of_places(name: str, size: int, programs: Sequence[Program]) -> Iterator[Finding]:
    """Headers against the file: its end, and bytes that two regions share without being the same memory."""
    loads = sorted((one for one in programs if one.type == PT_LOAD and one.in_file), key=lambda one: one.offset)
    end = max((one.offset + one.in_file for one in loads), default=0)
    if end > size:
        count = sum(one.offset + one.in_file > size for one in loads)
        message = f"{name}: is cut off: {size} bytes of the {end} that its headers list; {count} regions end behind it"
        yield rules.TRUNCATED.at(name, message)
    for before, after in pairwise(loads):
        if after.offset < before.offset + before.in_file and after.offset - before.offset != after.pa - before.pa:
            message = (
                f"{name}: the regions at PA {before.pa:#x} and PA {after.pa:#x} share bytes from offset {after.offset:#x} on"
            )
            yield rules.OVERLAP.at(name, message)


def _of_notes(dump: Dump, programs: Sequence[Program]) -> Iterator[Finding]:
    """Notes that break off or have no name: they were written over."""
    for one in programs:
        raw = dump.read(one.offset, min(one.in_file, _LARGEST_NOTE)) if one.type == PT_NOTE else b""
        if raw and any(not each.is_whole for each in notes.each(raw)):
            yield rules.NOTE_REBUILT.at("note", f"{dump.name}: the notes at offset {one.offset:#x} do not parse")


def _notes(raw: bytes, program: Program) -> list[notes.ElfNote]:
    return list(notes.each(raw[program.offset : program.offset + program.in_file]))


def _with_note(raw: bytes, head: ElfHeader, program: Program) -> tuple[bytes, list[Finding]]:
    """The bytes before the first region, with a note that parses: made again where VMCOREINFO is still in it."""
    found = _notes(raw, program)
    if [one.name for one in found[:3]] == [b"CORE", b"CORE", notes.VMCOREINFO] and all(one.is_whole for one in found[:3]):
        return raw, []
    if any(one.name == notes.VMCOREINFO and one.is_whole for one in found):  # of kdump, or QEMU
        return raw, []
    end = program.offset + program.in_file
    at = raw.find(_START, program.offset, end)
    status = STATUS_SIZES.get(head.machine)
    made = note.fixed(status, end - at) if status and at >= 0 else b""
    if not made or at - program.offset < len(made):
        message = "the note does not parse, and VMCOREINFO is not in it any more: it stays as it is"
        return raw, [rules.NOTE_REBUILT.at("note", message, remedy="give the region files to kinfo core instead")]
    message = "the note does not parse as CORE, CORE, VMCOREINFO; it was made again"
    return raw[: program.offset] + made.rjust(at - program.offset, b"\0")[-(at - program.offset) :] + raw[at:], [
        rules.NOTE_REBUILT.at("note", message)
    ]


def _of_table(loads: Sequence[Program], known: RegionAddresses | None) -> Iterator[Finding]:
    """A table of addresses against the headers."""
    if known is None:
        return
    entries = {id_: one for id_, one in known.entries.items() if id_ > VMCOREINFO and one.size}
    places = pins.by_address(loads, entries).places
    for id_, entry in sorted(entries.items()):
        if id_ not in places:
            message = f"id {id_}: {known.source} has it at PA {entry.pa or 0:#x}, where the core has no region"
            yield rules.TABLE_DIFFERS.at(f"id {id_}", message)
        elif padded(entry.size) != loads[places[id_]].in_file:
            has = loads[places[id_]].in_file
            yield rules.TABLE_DIFFERS.at(f"id {id_}", f"id {id_}: the table says {entry.size} bytes, the core's header {has}")
