"""From what a user names to the trace buffers in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

from kinfo.errors import KernelError, KinfoError
from kinfo.findings import Finding
from kinfo.memory import Dump, Memory
from kinfo.regions.trace import find, judge, rules
from kinfo.regions.trace.find import TraceRegion
from kinfo.regions.trace.read import read
from kinfo.sources import RawDump, open_memory
from kinfo.trace_source.model import GLOBAL, TraceBuffer, Traces

if TYPE_CHECKING:
    from kinfo.kernel.kernel import Kernel

_INSTANCE = re.compile(r"\btrace_instance=([^\s@^]{1,100})(?:\^[^\s@]*)?@(0x[0-9a-fA-F]{1,16}|\d{1,20}):(\w{1,20})")
_LEAST_KERNEL = 4 << 20  # bytes: what is smaller is no memory with a kernel in it


def open_traces(
    source: Sequence[str],
    region: int | None = None,
    dtb: str | None = None,
    kinfo: str | None = None,
    stdin: BinaryIO | None = None,
) -> Traces:
    """Every trace buffer in what a user named; `region` is the PA (or offset) of the one that is wanted.

    `dtb` is the board's tree, whose kernel command line names buffers; `kinfo` says where the kernel's record is. Raises
    KinfoError where there is no buffer.
    """
    opened = open_memory(source, stdin)
    dump = opened.as_dump if isinstance(opened, Memory) else opened.dump
    try:
        return _open(opened, dump, region, dtb, kinfo)
    except BaseException:
        dump.close()
        raise


def _open(opened: Memory | RawDump, dump: Dump, region: int | None, dtb: str | None, kinfo: str | None) -> Traces:
    traces = Traces(dump, "PA" if isinstance(opened, Memory) else "offset")
    places = [region] if region is not None else find.places(dump)
    named = list(_of_tree(dtb)) if dtb else []
    names = {pa: name for name, pa in named}
    found = {one.at: one for one in find.regions(dump, places)}
    persistent = [_persistent(dump, one, names.get(at, "")) for at, one in found.items()]
    own, told = _of_kernel(traces, opened, persistent, kinfo)
    kept = [*persistent, *own] if region is None else persistent
    traces.buffers = tuple(sorted(kept, key=_age))
    missing = [(name, pa) for name, pa in named if pa not in found]
    traces.findings = tuple(_findings(traces, missing, told))
    if not traces.buffers:
        raise _nothing(traces, region)
    return traces


def _age(buffer: TraceBuffer) -> tuple[bool, bool, bool, int]:
    return not buffer.events, buffer.region is None, not buffer.is_current, -buffer.newest


def _nothing(traces: Traces, region: int | None) -> KinfoError:
    where = "" if region is None else f" at {traces.unit} {region:#x}"
    hint = "was it cleared, or is the kernel older than 6.12? `kinfo regions` says what else is in it"
    what = f"{traces.source}: no persistent trace buffer is in it{where}"
    if traces.no_kernel and region is None and traces.dump.held >= _LEAST_KERNEL:
        return KinfoError(f"{what}; a kernel's own cannot be read: {traces.no_kernel.message}", traces.no_kernel.hint or hint)
    return KinfoError(what, hint)


def _persistent(dump: Dump, region: TraceRegion, name: str) -> TraceBuffer:
    cpus = tuple(read(dump, region, cpu) for cpu in region.cpus)
    clock = region.scratch.clock if region.scratch else ""
    return TraceBuffer(name, region.at, region.form.word, cpus, clock, region, region.faults)


def _findings(traces: Traces, missing: Sequence[tuple[str, int]], told: Sequence[Finding]) -> Iterator[Finding]:
    for buffer in traces.buffers:
        yield from judge.findings(traces.where(buffer), buffer.faults, buffer.cpus)
    for name, pa in missing:
        yield rules.PLACE.at(f"PA {pa:#x}", f"the tree's command line puts the instance {name} there")
    yield from told


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


def _of_kernel(
    traces: Traces, opened: Memory | RawDump, persistent: list[TraceBuffer], kinfo: str | None
) -> tuple[list[TraceBuffer], list[Finding]]:
    """The dump's kernel's own buffers; its persistent ones get their names. `traces` is told of the kernel."""
    if traces.dump.held < _LEAST_KERNEL and kinfo is None:
        traces.no_kernel = KernelError(f"{traces.source}: is too small to hold a kernel")
        return [], []
    from kinfo.kernel.open import kernel_in  # which most of the start-up would go to

    try:
        traces.kernel = kernel_in(opened, kinfo)
        return _instances(traces.kernel, persistent)
    except KinfoError as error:
        if kinfo is not None:
            raise
        traces.no_kernel = error
        return [], []


def _instances(kernel: Kernel, persistent: list[TraceBuffer]) -> tuple[list[TraceBuffer], list[Finding]]:
    from kinfo.kernel.paging.reader import Reader
    from kinfo.kernel.trace.buffers import KernelBuffers

    if kernel.space is None:
        raise kernel.no_space
    if kernel.word != 8:
        raise KernelError(f"{kernel.memory.name}: trace buffers of 32-bit kernels are read where they are persistent alone")
    buffers = KernelBuffers(kernel, Reader(kernel.space))
    told = [rules.INSTANCE.at("ftrace_trace_arrays", buffers.problem)] if buffers.problem else []
    own: list[TraceBuffer] = []
    for one in buffers.instances:
        name = one.name or GLOBAL
        pa = kernel.space.pa(one.range) if one.range else None
        same = next((at for at, buffer in enumerate(persistent) if pa is not None and buffer.at == pa), None)
        if same is not None:
            persistent[same] = persistent[same]._replace(
                name=name, clock=persistent[same].clock or one.clock, is_current=True
            )
            continue
        try:
            own.append(TraceBuffer(name, one.at, kernel.word, tuple(buffers.cpus(one)), one.clock))
        except KinfoError as error:
            told.append(rules.INSTANCE.at(f"instance {name}", error.message))
    return own, told
