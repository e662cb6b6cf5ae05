"""The regions of a table in RAM, with their bytes out of that RAM."""

from __future__ import annotations

from functools import partial

from kinfo.errors import KernelError, KinfoError
from kinfo.kernel.kernel import Kernel
from kinfo.meminspect.entry import Entry, Table
from kinfo.meminspect.ids import VMCOREINFO
from kinfo.memory.vmcoreinfo import parse
from kinfo.region_memory.held import HeldRegion, RegionMemory


def regions_in(kernel: Kernel, table: Table) -> RegionMemory:
    """The regions of the kernel's table. Their bytes raise KinfoError as they are asked for, where the dump lacks them."""
    regions = tuple(_region(kernel, entry) for entry in table.entries if entry.id is not None)
    info = next((one for one in regions if one.id == VMCOREINFO), None)
    try:
        values = parse(info.read(1 << 16)) if info else {}
    except KinfoError:
        values = {}
    return RegionMemory(table.source, regions, table.series, values)


def _region(kernel: Kernel, entry: Entry) -> HeldRegion:
    pa = entry.pa or None
    va = entry.va or None
    return HeldRegion(entry.id, entry.name, f"id {entry.id}", va, pa, entry.size, partial(_content, kernel, entry))


def _content(kernel: Kernel, entry: Entry, offset: int, size: int) -> bytes:
    size = min(size, max(entry.size - offset, 0))
    if entry.pa:
        return kernel.memory.read(entry.pa + offset, size)
    if not entry.va or kernel.space is None:
        raise KernelError(f"id {entry.id}: nothing says where it lies")
    return kernel.space.read(entry.va + offset, size)
