"""Regions cut out of a full RAM dump, as the inspect table in it has them: a core of a minidump without a minidump."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO

from kinfo.arch.address import MASK
from kinfo.errors import KinfoError
from kinfo.inspect_table import table_of_ram
from kinfo.meminspect.entry import Entry
from kinfo.meminspect.ids import ELF, VMCOREINFO
from kinfo.memory import Memory
from kinfo.memory.vmcoreinfo import parse, value
from kinfo.minidump.addresses import RegionAddresses
from kinfo.minidump.assemble import LARGEST_VMCOREINFO, Hints, RegionSet
from kinfo.minidump.made import made
from kinfo.minidump.plan import CorePlan
from kinfo.minidump.region import DumpedRegion
from kinfo.sources import RawDump, open_all
from kinfo.sources.memory import close_all, joined

if TYPE_CHECKING:
    from kinfo.minidump.of_regions import CoreRequest


def plan_of_table(sources: Sequence[str], asked: CoreRequest, stdin: BinaryIO | None) -> CorePlan:
    """The plan. Raises KinfoError where there is no table, no memory with addresses, or no VMCOREINFO."""
    opened = open_all(sources, stdin)
    try:
        table = table_of_ram(opened, asked.series, asked.kinfo)
        memory = joined(opened)
        if isinstance(memory, RawDump):
            name = memory.dump.name
            raise KinfoError(f"{name}: its table has addresses, and the file has none", f"write {name}@0x80000000, say")
        entries = {entry.id: entry for entry in table.entries if entry.id is not None and entry.id != ELF and entry.size}
        regions = dict(_regions(memory, _with_pas(memory, entries)))
        known = RegionAddresses(memory.name, _with_pas(memory, entries))
        plan = made(RegionSet(memory.name, regions, {}, ()), Hints(known, table.series))
    except BaseException:
        close_all(opened)
        raise
    return plan._replace(held=tuple(opened))


def _with_pas(memory: Memory, entries: Mapping[int, Entry]) -> dict[int, Entry]:
    """Entries with their PAs; v1 and v2 leave those of static ones 0: the VA is the image's, at kimage_voffset."""
    info = entries.get(VMCOREINFO)
    held = info is not None and info.pa and memory.holds(info.pa, info.size)
    raw = memory.read(info.pa, min(info.size, LARGEST_VMCOREINFO)) if held and info and info.pa else memory.vmcoreinfo
    offset = value(parse(raw), "NUMBER(kimage_voffset)")
    if offset is None:
        raise KinfoError(f"{memory.name}: no VMCOREINFO in its table says where the image lies", "name a dump of all RAM")
    return {id_: one if one.pa else one._replace(pa=(one.va or 0) - offset & MASK) for id_, one in entries.items()}


def _regions(memory: Memory, entries: Mapping[int, Entry]) -> Iterator[tuple[int, DumpedRegion]]:
    """The regions that are in the memory, each as far as it is there."""
    for id_, one in entries.items():
        if one.pa is not None and memory.holds(one.pa):
            size = one.size
            while size and not memory.holds(one.pa, size):  # what follows a hole is not the region's first bytes
                size = memory.view_up_to(one.pa, size).nbytes if size == one.size else 0
            yield id_, DumpedRegion(f"region {id_}", id_, one.name, size, "", one.pa, memory.as_dump, one.pa, one.size)
