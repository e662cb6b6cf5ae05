"""Everything of a dump that is the kernel's own, part by part, and what could not be told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from kinfo.errors import KinfoError
from kinfo.findings import Finding
from kinfo.kernel import rules
from kinfo.kernel.excerpt import areas, image
from kinfo.kernel.excerpt.areas import VirtualArea
from kinfo.kernel.excerpt.page_tables import page_tables
from kinfo.kernel.excerpt.ranges import PhysicalRange, joined, of_virtual, segments_of, size_of, without
from kinfo.kernel.excerpt.struct_pages import StructPages, struct_pages
from kinfo.kernel.kernel import Kernel
from kinfo.memory import Segment


class Part(NamedTuple):
    """One part of the kernel's memory: what it is, and where; `size` are the bytes of it that the dump holds."""

    name: str
    ranges: tuple[PhysicalRange, ...]
    size: int


class Excerpt(NamedTuple):
    """What of a dump is the kernel's: its parts, all of them as segments in order, and what is missing.

    `left_out` are the bytes of the dump that are in no part, `of_processes` those that a pointer of the kernel's led to and
    whose struct page says that a process or a file has them: they are in no part either.
    """

    parts: tuple[Part, ...]
    segments: tuple[Segment, ...]
    left_out: int
    of_processes: int
    findings: tuple[Finding, ...]


def excerpt(kernel: Kernel) -> Excerpt:
    """The kernel's own memory in a dump: image, page tables, modules, log, tasks with their stacks, per-CPU variables.

    Raises KernelError without page tables, and where nothing tells which pages of the image were given back.
    """
    if kernel.space is None:
        raise kernel.no_space
    pages = struct_pages(kernel)
    found: dict[str, list[PhysicalRange]] = {"kernel image": image.own_pages(kernel, pages)}
    findings: list[Finding] = []
    for name, source in _sources(kernel).items():
        try:
            found[name] = joined(source())
        except KinfoError as error:
            findings.append(rules.KERNEL_PART_MISSING.at(name, f"{name}: {error.message}"))
    everything = [one for ranges in found.values() for one in ranges]
    foreign = joined(_of_processes(kernel, everything, pages)) if pages else []
    parts = tuple(_part(kernel, name, without(ranges, foreign)) for name, ranges in found.items())
    segments = tuple(segments_of(kernel.memory, joined(one for part in parts for one in part.ranges)))
    held = sum(one.end - one.start for one in kernel.memory.segments)
    kept = sum(one.end - one.start for one in segments)
    return Excerpt(parts, segments, held - kept, size_of(foreign), tuple(findings))


def _sources(kernel: Kernel) -> dict[str, Callable[[], Iterable[PhysicalRange]]]:
    """What gives each part beside the image. One that cannot be had says so as it is asked."""
    assert kernel.space
    virtual: dict[str, Callable[[], Iterable[VirtualArea]]] = {
        "modules": partial(areas.modules, kernel),
        "log": partial(areas.log, kernel),
        "tasks": lambda: areas.tasks(kernel.tasks()),
        "stacks": lambda: areas.stacks(kernel.tasks()),
        "per-CPU variables": lambda: areas.per_cpu(kernel.tasks()),
        "VMCOREINFO": partial(areas.vmcoreinfo_page, kernel),
    }
    return {
        "page tables": partial(page_tables, kernel.space),
        **{name: partial(_physical, kernel, source) for name, source in virtual.items()},
        "record": partial(_record, kernel),
    }


def _physical(kernel: Kernel, source: Callable[[], Iterable[VirtualArea]]) -> Iterator[PhysicalRange]:
    for va, size in source():
        yield from of_virtual(kernel, va, size)


def _record(kernel: Kernel) -> Iterator[PhysicalRange]:
    """The record, where it is a part of the memory and not of a file of its own."""
    record = kernel.pointers.record
    if record is not None and (pa := record.address) is not None:
        size = len(record.raw)
        if kernel.memory.holds(pa, size) and kernel.memory.read(pa, size) == record.raw:
            yield PhysicalRange(pa, pa + size)


def _of_processes(kernel: Kernel, ranges: Iterable[PhysicalRange], pages: StructPages) -> Iterator[PhysicalRange]:
    """The pages among them that processes and files have: what led there is older than the dump, or damaged."""
    assert kernel.space
    page = kernel.space.form.page_size if kernel.space.form else 1 << 12
    for start, end in joined(ranges):
        for at in range(start & -page, end, page):
            if kernel.memory.holds(at) and pages.is_of_process(at):
                yield PhysicalRange(at, at + page)


def _part(kernel: Kernel, name: str, ranges: list[PhysicalRange]) -> Part:
    return Part(name, tuple(ranges), sum(one.end - one.start for one in segments_of(kernel.memory, ranges)))
