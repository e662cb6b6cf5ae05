"""Everything of a dump that is the kernel's own, part by part, and what could not be told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from kinfo.errors import KernelError, KinfoError
from kinfo.findings import Finding
from kinfo.kernel import rules
from kinfo.kernel.excerpt import areas, image
from kinfo.kernel.excerpt.areas import VirtualArea
from kinfo.kernel.excerpt.page_tables import page_tables
from kinfo.kernel.excerpt.ranges import PhysicalRange, joined, of_virtual, segments_of, size_of, without
from kinfo.kernel.excerpt.struct_pages import PageOwner, StructPages
from kinfo.kernel.kernel import Kernel
from kinfo.memory import Segment
from kinfo.named import NamedTuple
from kinfo.printable import size_words

_FOREIGN = (PageOwner.PROCESSS, PageOwner.NOBODYS)


class Part(NamedTuple):
    """One part of the kernel's memory: what it is, and where; `size` are the bytes of it that the dump holds."""

    name: str
    ranges: tuple[PhysicalRange, ...]
    size: int


class Excerpt(NamedTuple):
    """What of a dump is the kernel's: its parts, all of them as segments in order, and what is missing.

    `left_out` are the bytes of the dump that are in no part. Two kinds of them were led to by the kernel's own pointers:
    `of_processes`, whose struct page says that a process or a file has them, and `of_nobody`, whose page is free or has no
    struct page that makes sense.
    """

    parts: tuple[Part, ...]
    segments: tuple[Segment, ...]
    left_out: int
    of_processes: int
    of_nobody: int
    findings: tuple[Finding, ...]


def excerpt(kernel: Kernel) -> Excerpt:
    """The kernel's own memory in a dump: image, page tables, modules, log, tasks with their stacks, per-CPU variables.

    Every page of it is the kernel's by its struct page, whatever led there. Raises KernelError without page tables, and
    where no struct page can be read.
    """
    if kernel.space is None:
        raise kernel.no_space
    pages = _struct_pages(kernel)
    found: dict[str, list[PhysicalRange]] = {"kernel image": image.own_pages(kernel, pages)}
    findings: list[Finding] = []
    for name, source in _sources(kernel).items():
        try:
            found[name] = joined(source())
        except KinfoError as error:
            findings.append(rules.KERNEL_PART_MISSING.at(name, f"{name}: {error.message}"))
    lost = {name: _foreign(kernel, ranges, pages) for name, ranges in found.items() if name != "kernel image"}
    parts = tuple(_part(kernel, name, without(found[name], _both(lost.get(name)))) for name in found)
    findings += [_unsure(name, one[PageOwner.NOBODYS]) for name, one in lost.items() if one[PageOwner.NOBODYS]]
    segments = tuple(segments_of(kernel.memory, joined(one for part in parts for one in part.ranges)))
    held = sum(one.end - one.start for one in kernel.memory.segments)
    kept = sum(one.end - one.start for one in segments)
    of_processes, of_nobody = (size_of(joined(page for one in lost.values() for page in one[owner])) for owner in _FOREIGN)
    return Excerpt(parts, segments, held - kept, of_processes, of_nobody, tuple(findings))


def _struct_pages(kernel: Kernel) -> StructPages:
    try:
        return StructPages(kernel)
    except KinfoError as error:
        message = f"nothing tells whose a page is, so that none can be handed on: {error.message}"
        hint = "it takes arm64 or x86-64, all RAM, VMCOREINFO and BTF (or --btf FILE); without --only the whole is written"
        raise KernelError(message, hint) from error


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


def _foreign(kernel: Kernel, ranges: Iterable[PhysicalRange], pages: StructPages) -> dict[PageOwner, list[PhysicalRange]]:
    """The pages among them that are not the kernel's: what led there is older than the dump, or damaged."""
    assert kernel.space
    page = kernel.space.form.page_size if kernel.space.form else 1 << 12
    found: dict[PageOwner, list[PhysicalRange]] = {owner: [] for owner in _FOREIGN}
    for start, end in ranges:
        for at in range(start & -page, end, page):
            if (owner := pages.owner(at)) is not PageOwner.KERNELS:
                found[owner].append(PhysicalRange(at, at + page))
    return {owner: joined(of_owner) for owner, of_owner in found.items()}


def _both(lost: dict[PageOwner, list[PhysicalRange]] | None) -> list[PhysicalRange]:
    return [one for owner in _FOREIGN for one in lost[owner]] if lost else []


def _unsure(name: str, ranges: list[PhysicalRange]) -> Finding:
    first, words = ranges[0].start, size_words(size_of(ranges))
    message = f"{name}: {words} left out, the first at PA {first:#x}: the page is free, or its struct page makes no sense"
    return rules.KERNEL_PART_MISSING.at(name, message)


def _part(kernel: Kernel, name: str, ranges: list[PhysicalRange]) -> Part:
    return Part(name, tuple(ranges), sum(one.end - one.start for one in segments_of(kernel.memory, ranges)))
