"""What a kernel in the dump says: summary, log, tasks, chains, its record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kinfo.errors import KinfoError
from kinfo.examine import Examined
from kinfo.kernel.boot.summary import Summary, summary
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.stack.backtraces import findings as of_traces
from kinfo.kernel.symbolize import Symbolizer
from kinfo.pages.documents import Document, Documents, Missing, TextLog
from kinfo.report import backtrace, dmesg, document, layouts, tasks
from kinfo.report import kernel as kernels

_MOST_STUCK = 32


class PartsRead:
    """The parts that are read one by one: what cannot be had is noted in `missing`, and the rest goes on."""

    def __init__(self) -> None:
        self.missing: list[Missing] = []

    def had(self, what: str, read: Callable[[], Any]) -> Any:
        """What `read` gives; None, and why in `missing`, where it cannot."""
        try:
            return read()
        except KinfoError as error:
            self.missing.append(Missing(what, str(error)))
            return None


def documents(kernel: Kernel, text_log: TextLog | None) -> Documents:
    """The kernel's documents."""
    parts = PartsRead()
    found: Summary = summary(kernel)
    log = found.triage.log
    if log is None:
        parts.missing.append(Missing("the kernel's log", found.triage.no_log))
    seen = parts.had("tasks", lambda: tasks.document(read := kernel.tasks(), read.findings))
    chains = parts.had("backtraces", lambda: _chains(kernel)) if seen else None
    if kernel.space is None:
        parts.missing.append(Missing("virtual addresses", kernel.no_space.message))
    record = kernel.pointers.record
    records = [] if record is None else [document.record_data(Examined.of(record))]
    if record is None:
        parts.missing.append(Missing("a record", f"none points at this kernel: it is known by {kernel.pointers.source}"))
    names = Symbolizer(kernel)
    return Documents(
        kernel.memory.name,
        info=kernels.document(found),
        log=None if log is None else dmesg.document(log, log.messages),
        named=[] if log is None else [_named(names, one.text) for one in log.messages],
        text_log=text_log and _with_names(text_log, names),
        backtrace=chains,
        tasks=seen,
        records=records,
        layouts=layouts.by_alias(records),
        missing=parts.missing,
    )


def _named(names: Symbolizer, text: str) -> str:
    return names.text(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def _with_names(log: TextLog, names: Symbolizer) -> TextLog:
    before = names.count
    lines = [_named(names, line) for line in log.lines]
    note = f"{names.count - before} addresses in it have names of the kernel in the dump, if they are of the same boot"
    return log._replace(lines=lines, note=note if names.count > before else "")


def _chains(kernel: Kernel) -> Document:
    found = kernel.backtraces()
    traces = list(_chosen(found))
    return backtrace.document(found, traces, (*kernel.told, *of_traces(traces)))


def _chosen(found: Any) -> Iterator[Any]:
    """The panicking CPU's chain, the other CPUs', then those of tasks that wait uninterruptibly."""
    of_cpus = sorted(found.of_cpus(), key=lambda one: not one.is_panicking)
    yield from of_cpus
    stuck = [task for task in found.tasks if task.state == "D" and not task.running]
    yield from (found.of(task) for task in stuck[:_MOST_STUCK])
