"""`kinfo trace`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import IO, TYPE_CHECKING, NamedTuple

from kinfo.cli import common, declare, output
from kinfo.cli.formats import data_format, show, strict_option
from kinfo.cli.options import takes
from kinfo.cli.words import safe, say
from kinfo.errors import OutputError

if TYPE_CHECKING:
    from kinfo.findings import Finding
    from kinfo.regions.trace.read import CpuTrace
    from kinfo.trace_source import EventsOf, TraceBuffer, Traces

_LINES = 1 << 12  # that are written at once


class Options(NamedTuple):
    """What `kinfo trace` was asked for."""

    source: tuple[str, ...]
    folder: str | None
    text: bool
    head: str | None
    region: int | None
    instance: str | None
    kinfo: str | None
    perfetto: str | None
    dtb: str | None
    consumed: bool
    force: bool
    form: str
    strict: bool


@declare.command("trace", short_help="Read a trace out of a dump: the persistent ring buffer, or a kernel's own")
@declare.argument("source", nargs=-1, required=True, metavar="SOURCE...")
@declare.option("-o", "--output", "folder", metavar="DIR", help="Write trace-cpuN.raw to this folder, for trace-cmd restore.")
@declare.option("--text", is_flag=True, help="Print the events, as the kernel's own trace file has them.")
@declare.option("--head", metavar="FILE", help="The formats of the events: head.dat of `trace-cmd restore -c -o head.dat`.")
@declare.option("--region", kind=common.NUMBER, metavar="PA", help="The buffer that begins there (default: the newest).")
@declare.option("--instance", metavar="NAME", help="The buffer of this instance; global is the one without a name.")
@declare.option("--kinfo", metavar="FILE|PA", help="The record of the kernel: a file that has it, or its PA in the memory.")
@declare.option("--perfetto", metavar="FILE", help="Write the events for ui.perfetto.dev (Chrome's JSON).")
@declare.option("--dtb", metavar="FILE", help="The board's tree: its command line says which instance lies where.")
@declare.option("--consumed", is_flag=True, help="Events, too, that a reader had consumed and that are still there.")
@declare.option("--force", is_flag=True, help="Overwrite files that are there.")
@data_format()
@strict_option
@takes(Options)
def command(options: Options) -> int:
    """Find the trace buffers in SOURCE... and show them, print their events, or write them for trace-cmd.

    SOURCE is RAM as for `kinfo symbols`, or the memory of a persistent buffer alone, as a file
    (`reserve_mem=12M:4096:trace trace_instance=boot_map@trace`, Linux 6.12 and newer). Every sub-buffer is checked; those
    that make no sense are left out and counted. Where SOURCE holds the kernel, its ordinary buffers are shown as well, and
    events are read by its own formats and names; else the formats come from --head.

    Exit 0, 1 when something is damaged or cannot be shown, 2 when there is no trace.

    \b
    kinfo trace region.bin
    kinfo trace ram.elf --text
    kinfo trace ram.elf --text --instance global
    kinfo trace region.bin --text --head head.dat
    kinfo trace region.bin -o trace/
    """
    from kinfo.trace_source import events_of, open_traces

    with open_traces(options.source, options.region, options.dtb, options.kinfo, common.stdin()) as traces:
        if options.instance is not None:
            traces.buffers = (traces.instance(options.instance),)
        written = _write(traces, options) if options.folder is not None else {}
        if not (options.text or options.perfetto):
            return _shown(traces, options, written)
        buffer = traces.buffers[0]
        found = events_of(traces, buffer, options.head, consumed=options.consumed)
        if options.text:
            _print(traces, buffer, found, options)
        if options.perfetto:
            _chrome(traces, buffer, found, options)
        return _judged(traces, found, options)


def _shown(traces: Traces, options: Options, written: dict[int, list[str]]) -> int:
    """The buffers, with what to do next."""
    from kinfo.report import trace as report

    if options.form == "text":
        common.tell(report.render(traces, common.style(), options.source, written))
    else:
        show(options.form, lambda: report.document(traces, written))
    return common.verdict(traces.findings, strict=options.strict)


def _print(traces: Traces, buffer: TraceBuffer, found: EventsOf, options: Options) -> None:
    """The events to standard output."""
    from kinfo.report import trace as report
    from kinfo.trace_events.lines import HEAD, lines

    records = traces.records(buffer, consumed=options.consumed)
    if options.form != "text":
        show(options.form, lambda: report.events_document(traces, buffer, records, found.events))
        return
    common.write(HEAD)
    left = lines(records, found.events, in_ns=buffer.in_ns)
    while some := "".join(islice(left, _LINES)):
        common.write(some)


def _chrome(traces: Traces, buffer: TraceBuffer, found: EventsOf, options: Options) -> None:
    from kinfo.report.trace_chrome import chrome

    assert options.perfetto is not None

    def put(file: IO[bytes]) -> None:
        for piece in chrome(traces.records(buffer, consumed=options.consumed), found.events):
            file.write(piece.encode())

    output.write_with(options.perfetto, put, force=options.force)
    say(f"wrote {safe(options.perfetto)}: open it at https://ui.perfetto.dev")


def _judged(traces: Traces, found: EventsOf, options: Options) -> int:
    """What was found on the way, on standard error; the exit code."""
    from kinfo.trace_source import said

    findings: tuple[Finding, ...] = (*traces.findings, *found.findings, *said(found.events))
    for finding in findings:
        say(f"{finding.severity.value}: {finding.code}: {finding.where}: {finding.message}")
    return common.verdict(findings, strict=options.strict)


def _write(traces: Traces, options: Options) -> dict[int, list[str]]:
    """trace-cpuN.raw of every buffer; several buffers have a folder each. The names, by the buffer's place."""
    from kinfo.cli.folder import all_or_none

    written: dict[int, list[str]] = {}
    files: dict[str, CpuTrace] = {}
    for buffer in traces.buffers:
        folder = options.folder or "."
        if len(traces.buffers) > 1:
            folder = os.path.join(folder, f"at-{buffer.at:#x}")
        names = [os.path.join(folder, f"trace-cpu{cpu.number}.raw") for cpu in buffer.cpus]
        files |= dict(zip(names, buffer.cpus, strict=True))
        written[buffer.at] = names
    for path in files:
        if not options.force and os.path.lexists(path):
            raise OutputError(f"{path}: exists already", "name another folder, or overwrite it with --force")
    with all_or_none() as writer:
        for path, cpu in files.items():
            writer.put(path, partial(_put, cpu, consumed=options.consumed), force=options.force)
    return written


def _put(cpu: CpuTrace, file: IO[bytes], *, consumed: bool) -> None:
    for raw in _pages(cpu, consumed=consumed):
        file.write(raw)


def _pages(cpu: CpuTrace, *, consumed: bool) -> Iterator[bytes | memoryview]:
    for part in (*cpu.before, *cpu.parts) if consumed else cpu.parts:
        yield part.sub.raw
