"""ramoops out of whatever holds it: RAM, a region's file, with or without the board's tree; and names for its addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import BinaryIO, NamedTuple

from kinfo.dt import ramoops as dt_ramoops
from kinfo.dt.board import Board, Options
from kinfo.dt.open import Broken, open_trees
from kinfo.errors import KinfoError
from kinfo.findings import Finding
from kinfo.kernel.boot.slide import slide
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.log import Log, Statement
from kinfo.memory import Dump, Memory
from kinfo.regions import rules
from kinfo.regions.ramoops import files, find, ftrace, judge, layout
from kinfo.regions.ramoops.read import Ramoops, fitting, read, read_planned
from kinfo.sources import open_memory

_SAMPLE = 2000  # traces that are looked at
_NAMED = 0.9  # of the function traces' addresses must be functions, or the kernel is another one


class NoRamoopsError(KinfoError):
    """What was read holds no ramoops."""


class FoundZones(NamedTuple):
    """The regions, the newest record's first; `unit` says what their addresses count: PA, or offset where none is known."""

    source: str
    unit: str
    regions: tuple[Ramoops, ...]
    findings: tuple[Finding, ...]

    @property
    def has_traces(self) -> bool:
        """Whether there are function traces."""
        return any(zone.kind == "ftrace" and zone.data for region in self.regions for zone in region.zones)


def open_ramoops(source: Sequence[str], dtb: str | None = None, stdin: BinaryIO | None = None) -> FoundZones:
    """Every ramoops region in what a user named. Raises KinfoError where there is none, or the tree has no node for it."""
    opened = open_memory(source, stdin)
    dump = opened.as_dump if isinstance(opened, Memory) else opened.dump
    with dump:
        planned = list(_nodes(dtb)) if dtb else []
        found, said = _read(dump, planned, is_raw=not isinstance(opened, Memory))
        if not found:
            hint = "dump the region that `kinfo verify-dt` shows; was it cleared, or did it lose power?"
            raise NoRamoopsError(f"{dump.name}: no ramoops zones are in it", hint)
        found.sort(key=_newest, reverse=True)
        faults = [finding for region in found for finding in judge.findings(region)]
        unit = "PA" if isinstance(opened, Memory) else "offset"
        return FoundZones(dump.name, unit, tuple(found), (*said, *faults))


def _nodes(dtb: str) -> Iterator[dt_ramoops.RamoopsNode]:
    found = 0
    for tree in open_trees(dtb):
        if isinstance(tree, Broken):
            raise tree.error
        for node in dt_ramoops.nodes(Board(tree.tree, Options())):
            found += 1
            yield node
    if not found:
        raise KinfoError(f"{dtb}: has no node with the compatible ramoops", "name the kernel's tree, or leave it out")


def _newest(region: Ramoops) -> int:
    return max((zone.record.seconds for zone in region.zones if zone.record), default=0)


def _read(dump: Dump, planned: Sequence[dt_ramoops.RamoopsNode], *, is_raw: bool) -> tuple[list[Ramoops], list[Finding]]:
    """The regions, by the tree's nodes where the zones lie as these say, else by the zones; and what is said of the nodes."""
    regions = [read(dump, region) for region in find.regions(dump)]
    said: list[Finding] = []
    for node in planned:
        starts = [region.at for region in regions] + [0] * is_raw + ([node.extent.base] if node.extent else [])
        by_tree, why = _by_node(dump, node, dict.fromkeys(starts))
        if by_tree is None:
            said.append(rules.TREE.at(node.node.path, why))
            continue
        last = by_tree.at + (node.region.length or 0)
        regions = [one for one in regions if one.at >= last or one.zones[-1].at < by_tree.at] + [by_tree]
    return regions, said


def _by_node(dump: Dump, node: dt_ramoops.RamoopsNode, starts: Iterable[int]) -> tuple[Ramoops | None, str]:
    """The region read as a node of the tree says; or why not."""
    size = node.region.length or 0
    plan = layout.plan(size, node.sizes)
    if plan.fault:
        return None, f'the driver makes nothing of it: "{plan.fault}"'
    at, fits = max(
        ((start, fitting(dump, start, size, node.sizes)) for start in starts), key=lambda one: one[1], default=(0, 0)
    )
    if 2 * fits < len(plan.zones):
        where = f"at {node.extent.base:#x}" if node.extent else "anywhere"
        return None, f"of its {len(plan.zones)} zones the dump has {fits or 'none'} {where}"
    return read_planned(dump, at, size, node.sizes, node.node.path), ""


class ZoneNames:
    """The names that the dump's kernel puts on what its own boot wrote.

    `other_boot` says of a record, or of the traces, that it is another boot's: those stay as they are.
    """

    def __init__(self, kernel: Kernel, regions: Sequence[Ramoops]) -> None:
        self.other_boot = ""
        self._kernel = kernel
        found = slide(kernel)
        self._slide = found.slide if found else 0
        calls = [call for region in regions for call in files.traces(region) if not call.is_old]
        known = sum(self._label(call.ip) is not None for call in calls[-_SAMPLE:])
        self._is_ours = not calls or known >= _NAMED * len(calls[-_SAMPLE:])
        if not self._is_ours:
            self.other_boot = "the function traces are another kernel's, or another boot's"

    def text(self, data: bytes) -> bytes:
        """A log with names, but for the boots that the log itself says are others."""
        log = Log(self._kernel, self._hear)
        log.survey(BytesIO(data).read1)
        return b"".join(log.named(BytesIO(data).read1))

    def call(self, address: int) -> str | None:
        """The name of a function trace's address."""
        return self._label(address) if self._is_ours else None

    def _hear(self, statement: Statement) -> None:
        self.other_boot = self.other_boot or f"a record says, {statement.words}"

    def _label(self, address: int) -> str | None:
        """As it is; or without the slide, or a module's without its top bit, as later kernels write them (adjust_ip())."""
        for one in (address, address + self._slide, address | ftrace.TOP):
            if one < 1 << 64 and (found := self._kernel.at(one)) and found.label:
                return found.label
        return None
