"""Trace buffers as text and as plain data, and what to do with them next."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kinfo.printable import painted, printable
from kinfo.regions.trace.read import CpuTrace
from kinfo.report.columns import Column, Row, row, table
from kinfo.report.findings import finding_lines
from kinfo.report.style import Style
from kinfo.trace_events.decode import Events, Raw, fields
from kinfo.trace_events.lines import flags, time
from kinfo.trace_source.model import TraceBuffer, Traces

_MOST_MODULES = 12
_COLUMNS = (
    Column("CPU", 5, is_right=True),
    Column("sub-buffers", 13, 0, is_right=True),
    Column("left out", 10, 0, is_right=True),
    Column("events", 10, 0, is_right=True),
    Column("from", 18, is_right=True),
    Column("to", 18, is_right=True),
)
_ON_DEVICE = "trace-cmd restore -c -o head.dat    # on the device: the same kernel build, the same modules, in the same order"


def render(traces: Traces, style: Style, typed: Sequence[str], written: Mapping[int, Sequence[str]]) -> str:
    """The whole screen: each buffer, the findings, what to type next."""
    lines: list[str] = []
    for buffer in traces.buffers:
        lines += [style.paint(_title(traces, buffer), "bold"), *_told(buffer), *table(_COLUMNS, _cpus(buffer), style), ""]
    if traces.findings:
        lines += [style.paint("Findings", "bold"), *finding_lines(traces.findings, style), ""]
    lines += [style.paint("Next:", "bold"), *(f"  {step}" for step in _steps(traces, typed, written))]
    return "\n".join(painted(line) for line in lines) + "\n"


def _title(traces: Traces, buffer: TraceBuffer) -> str:
    name = f" {printable(buffer.name)}" if buffer.name else ""
    if buffer.region is None:
        return f"{traces.source}: the buffer{name}, {_cpu_count(buffer)}, {buffer.events} events"
    layout = f"laid out as {buffer.region.form.name} has it"
    where = f"at {traces.unit} {buffer.at:#x}, {buffer.region.size:#x} bytes"
    return f"{traces.source}: persistent trace buffer{name} {where}, {layout}, {buffer.events} events"


def _cpu_count(buffer: TraceBuffer) -> str:
    return f"{len(buffer.cpus)} CPU{'s' * (len(buffer.cpus) != 1)}"


def _told(buffer: TraceBuffer) -> Iterator[str]:
    """What the buffer says of the boot that wrote it."""
    region = buffer.region
    if region is None:
        return
    if region.text:
        symbol = "_text" if region.form.head else "rb_meta_init_text_addr()"
        yield f"  the kernel that wrote it had {symbol} at VA {region.text:#x}"
    if region.form.head and region.scratch is None:
        yield "  its scratch area says nothing of the boot that wrote it"
        return
    ticks = "" if buffer.in_ns else ": times are its counts, not seconds"
    yield (
        f"  clock: {buffer.clock}{ticks}"
        if buffer.clock
        else "  clock: not kept by this kernel; times are taken as nanoseconds"
    )
    modules = region.scratch.modules if region.scratch else ()
    if modules:
        shown = ", ".join(f"{printable(one.name)} {one.text:#x}" for one in modules[:_MOST_MODULES])
        more = f", and {len(modules) - _MOST_MODULES} more" if len(modules) > _MOST_MODULES else ""
        yield f"  modules of that boot: {shown}{more}"


def _cpus(buffer: TraceBuffer) -> Iterator[Row]:
    for cpu in buffer.cpus:
        first, last = (cpu.parts[0].sub.time, cpu.parts[-1].last) if cpu.parts else (0, 0)
        span = (time(one, in_ns=buffer.in_ns) if cpu.parts else "-" for one in (first, last))
        yield row(*map(str, (cpu.number, len(cpu.parts), len(cpu.damaged), cpu.events)), *span)


def restore(files: Sequence[str]) -> list[str]:
    """The lines that make a trace.dat of raw files."""
    raw = " ".join(shlex.quote(name) for name in files)
    trace = shlex.quote(os.path.join(os.path.dirname(files[0]), "trace.dat"))
    return [
        _ON_DEVICE,
        f"trace-cmd restore -o {trace} -i head.dat {raw}",
        f"trace-cmd report {trace}",
    ]


def _steps(traces: Traces, typed: Sequence[str], written: Mapping[int, Sequence[str]]) -> Iterator[str]:
    words = " ".join("FILE" if word == "-" else shlex.quote(word) for word in typed)
    for buffer in traces.buffers:
        if files := written.get(buffer.at):
            yield from restore(files)
    if written:
        return
    if traces.kernel is not None:
        for buffer in [one for one in traces.buffers if one.events] or traces.buffers[:1]:
            yield f"kinfo trace {words}{_which(traces, buffer)} --text"
    else:
        yield f"kinfo trace {words}{_which(traces, traces.buffers[0])} --text --head head.dat    # head.dat as below"
    yield f"kinfo trace {words} -o trace/    # files for trace-cmd"
    if traces.kernel is None:
        yield _ON_DEVICE


def _which(traces: Traces, buffer: TraceBuffer) -> str:
    """The option that takes one buffer of several."""
    if len(traces.buffers) == 1:
        return ""
    return f" --instance {shlex.quote(buffer.name)}" if buffer.name else f" --region {buffer.at:#x}"


def document(traces: Traces, written: Mapping[int, Sequence[str]]) -> dict[str, Any]:
    """What JSON and YAML show of the buffers."""
    from kinfo.report.document import SCHEMA_VERSION, finding_data

    return {
        "schema_version": SCHEMA_VERSION,
        "source": traces.source,
        "address": traces.unit,
        "buffers": [{**_plain(buffer), "files": list(written.get(buffer.at, ()))} for buffer in traces.buffers],
        "findings": [finding_data(finding) for finding in traces.findings],
    }


def _plain(buffer: TraceBuffer) -> dict[str, Any]:
    region = buffer.region
    scratch = region.scratch if region else None
    return {
        "name": buffer.name or None,
        "persistent": region is not None,
        "at": f"{buffer.at:#x}",
        "size": region.size if region else None,
        "layout": region.form.name if region else None,
        "clock": buffer.clock or None,
        "text": f"{region.text:#x}" if region and region.text else None,
        "modules": [{"name": one.name, "text": f"{one.text:#x}"} for one in scratch.modules] if scratch else [],
        "events": buffer.events,
        "cpus": [_cpu(cpu) for cpu in buffer.cpus],
    }


def _cpu(cpu: CpuTrace) -> dict[str, Any]:
    return {
        "cpu": cpu.number,
        "sub_buffers": [part.sub.number for part in cpu.parts],
        "consumed": [part.sub.number for part in cpu.before],
        "left_out": [{"number": one.number, "why": one.why} for one in cpu.damaged],
        "events": cpu.events,
        "overrun": cpu.overrun,
        "dropped": cpu.dropped,
        "first": cpu.parts[0].sub.time if cpu.parts else None,
        "last": cpu.parts[-1].last if cpu.parts else None,
    }


def events_document(traces: Traces, buffer: TraceBuffer, records: Iterable[Raw], events: Events) -> dict[str, Any]:
    """What JSON and YAML show of a buffer's events, one after the other."""
    from kinfo.report.document import SCHEMA_VERSION

    return {
        "schema_version": SCHEMA_VERSION,
        "source": traces.source,
        "buffer": _plain(buffer),
        "events": _events(records, events),
    }


def _events(records: Iterable[Raw], events: Events) -> Iterator[dict[str, Any]]:
    for stamp, cpu, missed, head, pid, raw in records:
        number = head & 0xFFFF
        format_ = events.formats.get(number)
        task = pid - (1 << 32) if pid >> 31 else pid
        _, text = events.text(number, raw)
        yield {
            "time": stamp,
            "cpu": cpu,
            "pid": task,
            "comm": events.comm(task),
            "flags": flags(head >> 16),
            "lost_before": missed,
            "system": format_.system if format_ else None,
            "event": format_.name if format_ else f"event {number}",
            "fields": fields(format_, raw) if format_ else {},
            "text": text,
        }
