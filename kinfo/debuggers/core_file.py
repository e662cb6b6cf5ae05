"""A memory dump as an ELF core with VMCOREINFO in it, as kdump writes it: what crash, drgn and gdb open without options.

The notes of a dump that is a core stay (NT_PRSTATUS: each CPU's registers); its VMCOREINFO gives way to one that holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from kinfo.arch.address import MASK
from kinfo.debuggers import vmcoreinfo
from kinfo.debuggers.symbol_file import machine
from kinfo.elf import core, notes
from kinfo.elf.core import Load
from kinfo.findings import Finding, Severity
from kinfo.kernel.boot.linear_map import linear_map
from kinfo.kernel.boot.summary import addresses
from kinfo.kernel.boot.vmcoreinfo import read
from kinfo.kernel.kernel import Kernel
from kinfo.memory import Segment


def check(kernel: Kernel) -> None:
    """Raise KernelError where `write` would: the page tables cannot be read, or the kernel is a 32-bit one."""
    vmcoreinfo.lines(kernel)


def findings(kernel: Kernel) -> tuple[Finding, ...]:
    """What the core lacks, or where the sources of its addresses disagree. A foreign note is none: the core has another."""
    foreign = read(kernel).findings
    found = addresses(kernel, linear_map(kernel))
    return tuple(finding._replace(severity=Severity.WARNING) if finding in foreign else finding for finding in found)


def write(kernel: Kernel, file: IO[bytes]) -> None:
    """Write the core to a file that can seek; what is a hole in the dump's files stays one. Errors as `check`."""
    note = kernel.memory.notes + notes.pack(notes.VMCOREINFO, b"".join(vmcoreinfo.lines(kernel)))
    segments = kernel.memory.segments
    places, at = [], core.room(2 * len(segments), note)  # each once as the linear map has it, once more for the image
    for segment in segments:
        places.append((at, segment))
        at = core.up(at + segment.end - segment.start)
    file.write(core.head(machine(kernel), note, loads(kernel, places)))
    for offset, segment in places:
        copy(segment, file, offset)
    file.truncate(at)


def loads(kernel: Kernel, places: list[tuple[int, Segment]]) -> list[Load]:
    """The program headers for segments, each with its place in the file: image and linear map."""
    return [*_image(kernel, places), *_linear(kernel, places)]


def _image(kernel: Kernel, places: list[tuple[int, Segment]]) -> Iterator[Load]:
    """The parts of the kernel image that are there, at its own addresses."""
    assert kernel.space
    borders = kernel.kallsyms.borders
    for offset, segment in places:
        start, end = max(borders.text, segment.start), min(borders.end, segment.end)
        if start < end:
            yield Load(offset + start - segment.start, kernel.space.va(start), start, end - start)


def _linear(kernel: Kernel, places: list[tuple[int, Segment]]) -> Iterator[Load]:
    """All memory, at the addresses of the linear map where these are known, else at its physical ones, as QEMU has it."""
    shift = linear_map(kernel).shift or 0
    for offset, segment in places:
        yield Load(offset, segment.start + shift & MASK, segment.start, segment.end - segment.start)


def copy(segment: Segment, file: IO[bytes], offset: int) -> None:
    """A segment's bytes, holes of a sparse file left out."""
    end = segment.offset + segment.end - segment.start
    for at, window in segment.dump.windows(segment.offset, end):
        file.seek(offset + at - segment.offset)
        file.write(window)
