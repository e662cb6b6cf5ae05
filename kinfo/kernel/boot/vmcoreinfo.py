"""VMCOREINFO: what the kernel itself writes down for crash dumps (Documentation/admin-guide/kdump/vmcoreinfo.rst).

A core carries it as a note; the kernel keeps the text in a page of its own (vmcoreinfo_data, kernel/vmcore_info.c). Neither
is believed unheard: see `note`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from weakref import WeakKeyDictionary

from kinfo.findings import Finding
from kinfo.kernel import rules, variables
from kinfo.kernel.boot import note
from kinfo.kernel.kernel import Kernel
from kinfo.memory import Memory
from kinfo.memory.vmcoreinfo import parse
from kinfo.named import NamedTuple

NOTE, IN_RAM = "the dump's VMCOREINFO note", "VMCOREINFO in the RAM"
_PAGE = 4096
_LONGEST = 1 << 16  # VMCOREINFO_BYTES is a page of the kernel's
_START = b"OSRELEASE="  # its first line, since 2.6.24
_MOST_PAGES = 64  # that begin like it: every boot leaves one, as long as nothing is written over it


class Vmcoreinfo(NamedTuple):
    """The lines as key and value, where they were read, and what contradicts the dump's own note (empty: nothing does).

    `is_bound` tells whether an address in it is this boot's.
    """

    values: dict[str, str]
    source: str
    is_bound: bool
    findings: tuple[Finding, ...]


_found: WeakKeyDictionary[Kernel, Vmcoreinfo] = WeakKeyDictionary()


def vmcoreinfo(kernel: Kernel) -> dict[str, str]:
    """Its lines as key and value, if it is this kernel's: from the RAM, from the core's note; empty where there is none."""
    return read(kernel).values


def read(kernel: Kernel) -> Vmcoreinfo:
    """The same with source and findings; the memory is looked through for it once, where nothing else leads there."""
    if kernel not in _found:
        _found[kernel] = _read(kernel)
    return _found[kernel]


def belongs(kernel: Kernel) -> bool | None:
    """Whether the dump's VMCOREINFO note is this kernel's: an address of it agrees and nothing differs, or something does.

    None where there is no note, or none of its lines can be held against anything that differs from boot to boot.
    """
    stated = parse(kernel.memory.vmcoreinfo)
    seen = note.evidence(kernel, stated)
    return False if seen.differences else True if seen.is_bound else None


def _read(kernel: Kernel) -> Vmcoreinfo:
    stated = parse(kernel.memory.vmcoreinfo)
    seen = note.evidence(kernel, stated)
    own = _pointed_at(kernel)
    if not own and not seen.is_bound:
        own = next((values for values in in_ram(kernel.memory) if note.evidence(kernel, values).is_bound), {})
    is_bound = seen.is_bound or note.evidence(kernel, own).is_bound
    seen = note.NoteEvidence((*seen.checks, *_against(seen, stated, own)))
    if seen.differences:
        findings: tuple[Finding, ...] = (rules.KERNEL_FOREIGN_NOTE.at("VMCOREINFO", str(seen)),)
        return Vmcoreinfo(own, IN_RAM if own else "", is_bound, findings)
    source = IN_RAM if own else NOTE if stated else ""
    return Vmcoreinfo(stated | own, source, is_bound, ())


def _pointed_at(kernel: Kernel) -> dict[str, str]:
    """The kernel's own copy, where vmcoreinfo_data points; empty where kallsyms does not list that, or for another's."""
    pointer = variables.number(kernel, "vmcoreinfo_data")
    form = kernel.space.form if kernel.space else None
    size = form.page_size if form else _PAGE
    values = parse(variables.bytes_at(kernel, pointer, size)) if pointer else {}
    return {} if note.evidence(kernel, values).differences else values


def _against(seen: note.NoteEvidence, stated: dict[str, str], own: dict[str, str]) -> Iterator[note.Check]:
    """The lines that differ between a note and the kernel's own copy, of those that both have."""
    known = {check.key for check in seen.differences}
    for key, words in stated.items():
        if own.get(key, words) != words and key not in known:
            yield note.Check(key, words, own[key], IN_RAM, is_same=False, is_of_boot=False)


def in_ram(memory: Memory) -> Iterator[dict[str, str]]:
    """Every VMCOREINFO that begins a page of the memory, whichever kernel's it is: the last boot's may still be there."""
    for pa in islice(_pages(memory), _MOST_PAGES):
        values = parse(bytes(memory.view_up_to(pa, _LONGEST)))
        if len(values) > 1:
            yield values


def _pages(memory: Memory) -> Iterator[int]:
    for start, window in memory.as_dump.windows():
        skip = -start % _PAGE
        for index in _starts(window, skip):
            yield start + skip + index * _PAGE


def _starts(window: memoryview, skip: int) -> list[int]:
    """Indices of the pages, from `skip` on, that begin like VMCOREINFO."""
    first = int.from_bytes(_START[:4], sys.byteorder)
    with window[skip : max(skip, len(window) - (len(window) - skip) % 4)] as pages, pages.cast("I") as words:
        with words[:: _PAGE // 4] as strided:
            listed = strided.tolist()
        found = [index for index, word in enumerate(listed) if word == first] if first in listed else []
        return [index for index in found if bytes(pages[index * _PAGE : index * _PAGE + len(_START)]) == _START]
