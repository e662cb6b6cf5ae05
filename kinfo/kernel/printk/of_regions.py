"""The log out of region files, md_K*.BIN: no header says where they lie in memory, so pointers in them tell.

VMCOREINFO says where prb and the static ring are; their contents, where everything else is. The static ring's tables have ids
of their own; those that log_buf_len= made are dynamic ones, known by their sizes and by what is in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinfo.errors import KernelError, KinfoError
from kinfo.kernel.printk import layout as layouts
from kinfo.kernel.printk.layout import RingLayout
from kinfo.kernel.printk.message import PrintkLog
from kinfo.kernel.printk.reach import Regions
from kinfo.kernel.printk.read import read
from kinfo.kernel.printk.ring import Ring, head
from kinfo.kernel.printk.slots import Head
from kinfo.kernel.printk.where import Where
from kinfo.memory.vmcoreinfo import parse, value
from kinfo.named import NamedTuple
from kinfo.record.kernels import parse_release

_STATIC = ("Kprb_desc", "Kprb_info", "Kprb_data")
_PRB = 8  # where prb is put without VMCOREINFO: no region can be there


class LogRegion(NamedTuple):
    """A region file: its id, the name that the minidump driver gave it, and its bytes."""

    id: int
    name: str
    data: bytes


def log_of(regions: Sequence[LogRegion], source: str) -> PrintkLog:
    """The log. Raises KernelError with the files that are missing."""
    by_name = {region.name: region for region in sorted(regions, key=lambda one: -one.id)}  # the lower id stays
    rings = sorted((one for one in regions if one.name == "Kprintk_r"), key=lambda one: one.id)
    missing = [name for name in ("Kprb", *_STATIC) if name not in by_name or not by_name[name].data]
    if "Kprb" in missing or not rings:
        names = ", ".join(f"md_{name}*.BIN" for name in missing) or "md_Kprintk_r*.BIN"
        raise KernelError(f"{source}: has no log: {names} missing", "copy all md_K*.BIN files of one dump into one folder")
    values = parse(by_name["Kvmcorein"].data) if "Kvmcorein" in by_name else {}
    prb = value(values, "SYMBOL(prb)") or _PRB
    reach = Regions(_word(by_name["Kprb"].data))
    reach.add(prb, by_name["Kprb"].data)
    live = int.from_bytes(by_name["Kprb"].data[: reach.word], "little")
    static = value(values, "SYMBOL(printk_rb_static)")
    used = _Placed(reach, regions, values)
    if len(rings) > 1 and static != live and (static is not None or any(rings[1].data)):
        used.dynamic(live, rings[1])
    else:
        static = live
    if static is not None:
        used.static(static, rings[0], by_name)
    addresses = {"prb": prb, "printk_rb_static": static}
    release = values.get("OSRELEASE", "")
    parsed = parse_release(release)
    version = parsed.version if parsed else None
    return read(Where(reach, addresses.get, values, f"the region files of {source}", release, version))


def _word(prb: bytes) -> int:
    """The size of a pointer: that of the variable prb."""
    return 4 if len(prb) == 4 else 8


class _Placed:
    """Puts region files at the VAs that the rings give them."""

    def __init__(self, reach: Regions, regions: Sequence[LogRegion], values: dict[str, str]) -> None:
        self.reach, self.regions = reach, regions
        stated = layouts.stated(values)
        self.layouts = [*([stated] if stated else ()), *layouts.known(reach.word)]

    def static(self, va: int, ring: LogRegion, by_name: dict[str, LogRegion]) -> None:
        """The static ring, whose tables have ids of their own."""
        self.reach.add(va, ring.data)
        for found, _ in self._heads(va):
            pointers = (found.descs, found.infos, found.text)
            for pointer, name in zip(pointers, _STATIC, strict=True):
                if name in by_name:
                    self.reach.add(pointer, by_name[name].data)
            return

    def dynamic(self, va: int, ring: LogRegion) -> None:
        """The ring that took over: its tables are regions of just their size; of several, the one that fits in."""
        self.reach.add(va, ring.data)
        for found, shape in self._heads(va):
            sizes = (found.slots * shape.desc.size, found.slots * shape.info.size, 1 << found.size_bits)
            choices = [self._sized(size) for size in sizes]
            for at, pointer in enumerate((found.descs, found.infos, found.text)):
                if len(choices[at]) == 1:
                    self.reach.add(pointer, choices[at][0].data)
                elif choices[at] and (chosen := self._chosen(va, shape, pointer, choices[at])):
                    self.reach.add(pointer, chosen.data)
            return

    def _heads(self, va: int) -> Iterator[tuple[Head, RingLayout]]:
        for shape in self.layouts:
            try:
                yield head(self.reach, shape, va), shape
            except KinfoError:
                continue

    def _sized(self, size: int) -> list[LogRegion]:
        """Regions of a size; the driver rounds it up to 4."""
        return [one for one in self.regions if len(one.data) == size + -size % 4 and one.data]

    def _chosen(self, va: int, shape: RingLayout, pointer: int, choices: list[LogRegion]) -> LogRegion | None:
        """The one region among several of a size with which the ring has most messages; None for a draw."""
        counts = []
        for choice in choices:
            trial = self.reach.copy()
            trial.add(pointer, choice.data)
            ring = Ring(trial, shape, va)
            counts.append(len(ring.messages()) or int(ring.fits()))
        best = max(counts)
        return choices[counts.index(best)] if best and counts.count(best) == 1 else None
