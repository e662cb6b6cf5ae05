"""The events of a buffer: formats and names by a head.dat, or by the kernel in the dump."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from kinfo.errors import KinfoError
from kinfo.findings import Finding
from kinfo.regions.trace import rules
from kinfo.sources import open_file
from kinfo.trace_events import comms
from kinfo.trace_events import head as heads
from kinfo.trace_events.decode import Events
from kinfo.trace_events.lookups import Lookups, NoLookups
from kinfo.trace_events.symbol_text import SymbolText
from kinfo.trace_source.model import TraceBuffer, Traces

if TYPE_CHECKING:
    from kinfo.kernel.kernel import Kernel

MADE = "on the device, with the same kernel and modules: trace-cmd restore -c -o head.dat; then --head head.dat"
_LEAST_STEP = 1 << 12  # KASLR moves a kernel by a multiple of this


class EventsOf(NamedTuple):
    """The events of a buffer: how its records are read, and what is found about that."""

    events: Events
    findings: tuple[Finding, ...]


def events_of(
    traces: Traces, buffer: TraceBuffer, head: str | os.PathLike[str] | None = None, *, consumed: bool = False
) -> EventsOf:
    """The events of a buffer by a head.dat; without one by the dump's kernel.

    Raises KinfoError for a file that is no head.dat, and where there is neither.
    """
    if head is not None:
        found = _by_head(buffer, head)
    elif traces.kernel is not None:
        found = _by_kernel(traces.kernel, buffer)
    else:
        why = f" ({traces.no_kernel.message})" if traces.no_kernel else ""
        raise KinfoError(
            f"the formats of the events are not in the buffer, and no kernel that has them is in the dump{why}", MADE
        )
    known = comms.learned(traces.records(buffer, consumed=consumed), found.events)
    found.events.know({pid: name for pid, name in known.items() if not found.events.knows(pid)})
    return found


def _by_head(buffer: TraceBuffer, path: str | os.PathLike[str]) -> EventsOf:
    with open_file(os.fspath(path)) as file:
        dump = file.content
        if dump.size > heads.LARGEST:
            raise KinfoError(f"{dump.name}: has {dump.size} bytes, more than any head.dat", MADE)
        head = heads.read(dump.read(0, dump.size), dump.name)
    names = SymbolText(head.kallsyms, head.strings)
    moved = _moved(buffer, names.address(_symbol(buffer)), os.path.basename(path))
    names.moved = moved.by or 0
    if moved.by is None:
        names.forget()
    return EventsOf(Events(head.formats, names, head.comms, head.long), moved.findings)


class _Moved(NamedTuple):
    """How far addresses of the traced boot are above those of the symbols; None where these name nothing of it."""

    by: int | None
    findings: tuple[Finding, ...] = ()


def _symbol(buffer: TraceBuffer) -> str:
    """The symbol whose address a persistent buffer has."""
    return "_text" if buffer.region and buffer.region.form.head else "rb_meta_init_text_addr"


def _moved(buffer: TraceBuffer, at: int | None, where: str) -> _Moved:
    """Hold the address that the symbols of `where` have for the buffer's symbol against the one in the buffer."""
    if buffer.region is None:  # of the kernel whose symbols these are; whose else a head.dat is of, nothing tells
        return _Moved(0)
    symbol, text = _symbol(buffer), buffer.region.text
    if not text or at is None:
        lacks = "the trace has no address" if not text else f"the symbols have no {symbol}"
        return _Moved(None, (rules.BOOT.at(where, f"{lacks} to tell it by"),))
    if (text - at) % _LEAST_STEP:
        said_ = f"{symbol} lies at {at:#x} in it, and the traced kernel had it at {text:#x}"
        return _Moved(None, (rules.HEAD.at(where, said_),))
    said_ = f"{symbol} lies at {at:#x} in it, and at {text:#x} in the trace"
    return _Moved(text - at, (rules.MOVED.at(where, said_),) if text != at else ())


def _by_kernel(kernel: Kernel, buffer: TraceBuffer) -> EventsOf:
    from kinfo.kernel.paging.reader import Reader
    from kinfo.kernel.trace.comms import saved
    from kinfo.kernel.trace.formats import KernelFormats
    from kinfo.kernel.trace.lookups import KernelLookups

    if kernel.space is None:
        raise kernel.no_space
    reader = Reader(kernel.space)
    formats = KernelFormats(kernel, reader)
    broken = (rules.INSTANCE.at("ftrace_events", formats.problem),) if formats.problem else ()
    places = {one.pa for one in kernel.kallsyms.named(_symbol(buffer)) if not one.is_absolute}
    at = kernel.space.va(places.pop()) if len(places) == 1 else None
    moved = _moved(buffer, at, "the dump's kernel")
    lookups: Lookups = NoLookups() if moved.by is None else KernelLookups(kernel, reader, moved.by)
    names = {} if moved.by else saved(kernel, reader)
    return EventsOf(Events(formats, lookups, names, kernel.word), (*broken, *moved.findings))


def said(events: Events) -> Iterator[Finding]:
    """What is found while records are read: known when all of them were."""
    for name, why in list(events.doubts.items()):
        yield rules.FORMAT.at(name, f"not understood: {why}")
    if events.missing:
        numbers = ", ".join(map(str, sorted(events.missing)[:4]))
        count = sum(events.missing.values())
        yield rules.UNKNOWN.at("formats", f"{count} records of event {numbers} that it has no format of")
    if events.short:
        yield rules.UNKNOWN.at("formats", f"{events.short} records are shorter than their event")
