"""The header in region 1 held against VMCOREINFO in region 2: both say where symbols lie, and one boot has one answer."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from kinfo.arch.address import MASK
from kinfo.errors import KernelError
from kinfo.region_memory.held import HeldRegion, RegionMemory


def agreed(memory: RegionMemory, starts: AbstractSet[int]) -> RegionMemory:
    """The regions, where their header and VMCOREINFO are of one boot. `starts` are the VAs at which the header has regions.

    Raises KernelError where they contradict each other: no address of either is then sure. Nothing is held against a
    header that is not there, or a VMCOREINFO without addresses.
    """
    stated = memory.stated
    if starts and stated and starts.isdisjoint(stated.values()):
        name, va = min(stated.items())
        raise _other(memory, f"SYMBOL({name}) is {va:#x}, and none of its {len(stated)} symbols is where the header has one")
    for one in memory.regions:
        if starts and one.name in stated:
            _hold(memory, one, stated[one.name], starts)
    return memory


def _hold(memory: RegionMemory, region: HeldRegion, va: int, starts: AbstractSet[int]) -> None:
    """A region that has a SYMBOL() line: its VA against the header's, and its PA against kimage_voffset."""
    if va not in starts or va != region.va:
        where = f"it at VA {region.va:#x}" if region.va in starts else "no region there"
        raise _other(memory, f"SYMBOL({region.name}) is {va:#x}, the header has {where}")
    voffset = memory.voffset
    if voffset is not None and region.pa and va - voffset & MASK != region.pa:
        what = f"kimage_voffset {voffset:#x} puts {region.name} at PA {va - voffset & MASK:#x}, the header at {region.pa:#x}"
        raise _other(memory, what)


def _other(memory: RegionMemory, what: str) -> KernelError:
    return KernelError(
        f"{memory.source}: VMCOREINFO is not of the header's boot, or damaged: {what}", "take all files of one dump"
    )
