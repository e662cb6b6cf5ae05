"""Traces out of whatever holds them: persistent buffers in RAM or a region's file, a kernel's own; and their events."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple, Self

from kinfo.errors import KinfoError
from kinfo.findings import Finding
from kinfo.memory import Dump, Memory
from kinfo.regions import magics
from kinfo.regions.trace import find, judge, rules
from kinfo.regions.trace.find import TraceRegion
from kinfo.regions.trace.read import CpuTrace, read
from kinfo.regions.trace.scratch import NOT_IN_NS
from kinfo.sources import open_file, open_memory
from kinfo.trace_events import comms
from kinfo.trace_events import head as heads
from kinfo.trace_events.decode import Events, Raw, merged
from kinfo.trace_events.symbol_text import SymbolText

_INSTANCE = re.compile(r"\btrace_instance=([^\s@^]{1,100})(?:\^[^\s@]*)?@(0x[0-9a-fA-F]{1,16}|\d{1,20}):(\w{1,20})")
_MADE = "on the device, with the same kernel and modules: trace-cmd restore -c -o head.dat; then --head head.dat"
_LEAST_STEP = 1 << 12  # KASLR moves a kernel by a multiple of this


class TraceBuffer(NamedTuple):
    """A buffer: its name and where it begins, its CPUs, its clock ("" where it is not known), the words for its findings.

    `region` is the persistent buffer that it is; None for one of a kernel's own.
    """

    name: str
    at: int
    word: int
    cpus: tuple[CpuTrace, ...]
    clock: str = ""
    region: TraceRegion | None = None
    faults: tuple[str, ...] = ()

    @property
    def events(self) -> int:
        """How many there are."""
        return sum(cpu.events for cpu in self.cpus)

    @property
    def newest(self) -> int:
        """The time of the last event of all."""
        return max((cpu.parts[-1].last for cpu in self.cpus if cpu.parts), default=0)

    @property
    def in_ns(self) -> bool:
        """Whether its clock counts nanoseconds, as all but a few do."""
        return self.clock not in NOT_IN_NS

    def records(self, *, consumed: bool = False) -> Iterator[Raw]:
        """Every record of all CPUs, in the order of time."""
        return merged([cpu.records(consumed=consumed) for cpu in self.cpus])


class Traces:
    """What was found: `buffers`, those with the most events first; `unit` says what addresses count: PA, or offset.

    A context manager: the records are read as they are asked for.
    """

    def __init__(self, opened: Memory | object, dump: Dump, unit: str) -> None:
        self._opened, self.dump, self.unit = opened, dump, unit
        self.source = dump.name
        self.buffers: tuple[TraceBuffer, ...] = ()
        self.findings: tuple[Finding, ...] = ()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        self.dump.close()


def open_traces(
    source: Sequence[str], region: int | None = None, dtb: str | None = None, stdin: BinaryIO | None = None
) -> Traces:
    """Every trace buffer in what a user named; `region` is the PA (or offset) of the one that is wanted.

    `dtb` is the board's tree, whose kernel command line names buffers. Raises KinfoError where there is none.
    """
    opened = open_memory(source, stdin)
    dump = opened.as_dump if isinstance(opened, Memory) else opened.dump
    try:
        unit = "PA" if isinstance(opened, Memory) else "offset"
        traces = Traces(opened, dump, unit)
        places = [region] if region is not None else magics.search(dump)[magics.TRACE]
        named = list(_of_tree(dtb)) if dtb else []
        found = {one.at: one for one in find.regions(dump, places)}
        names = {pa: name for name, pa in named}
        traces.buffers = tuple(sorted((_persistent(dump, one, names.get(at, "")) for at, one in found.items()), key=_age))
        traces.findings = tuple(_findings(traces, [(name, pa) for name, pa in named if pa not in found]))
        if not found:
            raise _nothing(dump, region, unit)
    except BaseException:
        dump.close()
        raise
    return traces


def _age(buffer: TraceBuffer) -> tuple[bool, int]:
    return not buffer.events, -buffer.newest


def _nothing(dump: Dump, region: int | None, unit: str) -> KinfoError:
    where = "" if region is None else f" at {unit} {region:#x}"
    hint = "was it cleared, or is the kernel older than 6.12? `kinfo regions` says what else is in it"
    return KinfoError(f"{dump.name}: no persistent trace buffer is in it{where}", hint)


def _persistent(dump: Dump, region: TraceRegion, name: str) -> TraceBuffer:
    cpus = tuple(read(dump, region, cpu) for cpu in region.cpus)
    clock = region.scratch.clock if region.scratch else ""
    return TraceBuffer(name, region.at, region.form.word, cpus, clock, region, region.faults)


def _findings(traces: Traces, missing: Sequence[tuple[str, int]]) -> Iterator[Finding]:
    for buffer in traces.buffers:
        yield from judge.findings(f"{traces.unit} {buffer.at:#x}", buffer.faults, buffer.cpus)
    for name, pa in missing:
        yield rules.PLACE.at(f"PA {pa:#x}", f"the tree's command line puts the instance {name} there")


def _of_tree(path: str) -> Iterator[tuple[str, int]]:
    """Name and PA of every instance that /chosen's command line puts at an address."""
    from kinfo.dt.open import Broken, open_trees

    for tree in open_trees(path):
        if isinstance(tree, Broken):
            raise tree.error
        chosen = tree.tree.root.child("chosen")
        words = chosen.text("bootargs") if chosen else None
        for found in _INSTANCE.finditer(words or ""):
            yield found[1], int(found[2], 0)


class EventsOf(NamedTuple):
    """The events of a buffer: how its records are read, and what is found about that."""

    events: Events
    findings: tuple[Finding, ...]


def events_by_head(buffer: TraceBuffer, path: str | os.PathLike[str], *, consumed: bool = False) -> EventsOf:
    """The events of a buffer by a head.dat. Raises KinfoError for a file that is none."""
    with open_file(os.fspath(path)) as file:
        dump = file.content
        if dump.size > heads.LARGEST:
            raise KinfoError(f"{dump.name}: has {dump.size} bytes, more than any head.dat", _MADE)
        head = heads.read(dump.read(0, dump.size), dump.name)
    names = SymbolText(head.kallsyms, head.strings)
    findings = tuple(_moved(buffer, names, os.path.basename(path)))
    events = Events(head.formats, names, head.comms, head.long)
    events.know({**comms.learned(buffer.records(consumed=consumed), events), **head.comms})
    return EventsOf(events, findings)


def _moved(buffer: TraceBuffer, names: SymbolText, where: str) -> Iterator[Finding]:
    """How far the traced boot's kernel lies above the head.dat's, which `names` is told; and what that says of it."""
    region = buffer.region
    if region is None or not region.text:
        return
    symbol = "_text" if region.form.head else "rb_meta_init_text_addr"
    at = names.address(symbol)
    if at is None:
        return
    moved = region.text - at
    if moved % _LEAST_STEP:
        yield rules.HEAD.at(where, f"{symbol} lies at {at:#x} in it, and the traced kernel had it at {region.text:#x}")
        names.forget()
    elif moved:
        names.moved = moved
        yield rules.MOVED.at(where, f"its kernel lay at another address: {symbol} at {at:#x}, in the trace {region.text:#x}")


def said(events: Events) -> Iterator[Finding]:
    """What is found while records are read: known when all of them were."""
    for name, why in list(events.doubts.items()):
        yield rules.FORMAT.at(name, f"not understood: {why}")
    if events.missing:
        numbers = ", ".join(map(str, sorted(events.missing)[:4]))
        yield rules.UNKNOWN.at(
            "formats", f"{sum(events.missing.values())} records of event {numbers} that it has no format of"
        )
    if events.short:
        yield rules.UNKNOWN.at("formats", f"{events.short} records are shorter than their event")
