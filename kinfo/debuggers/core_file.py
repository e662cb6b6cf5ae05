"""A memory dump as an ELF core with VMCOREINFO in it, as kdump writes it: what crash, drgn and gdb open without options.

The notes of a dump that is a core stay (NT_PRSTATUS: each CPU's registers); its VMCOREINFO gives way to one that holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, NamedTuple

from kinfo.arch import arm
from kinfo.arch.address import MASK
from kinfo.debuggers import vmcoreinfo
from kinfo.debuggers.symbol_file import machine
from kinfo.elf import core, notes
from kinfo.elf.core import Load
from kinfo.elf.structs import ELF32, ELF64
from kinfo.findings import Finding, Severity
from kinfo.kernel.boot.linear_map import linear_map
from kinfo.kernel.boot.summary import addresses
from kinfo.kernel.boot.vmcoreinfo import read
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging import linear
from kinfo.memory import Segment


def check(kernel: Kernel) -> None:
    """Raise KernelError where `write` would: the page tables cannot be read."""
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
    pieces = [list(_pieces(kernel, segment)) for segment in segments]
    places, at = [], core.room(len(segments) + sum(map(len, pieces)), note)  # the image's parts once more
    for segment in segments:
        places.append((at, segment))
        at = core.up(at + segment.end - segment.start)
    loads = [
        Load(offset + piece.start - segment.start, piece.va, piece.start, piece.end - piece.start)
        for (offset, segment), parts in zip(places, pieces, strict=True)
        for piece in parts
    ]
    form = ELF32 if kernel.word == 4 and max(at, segments[-1].end) <= arm.SPACE else ELF64
    file.write(core.head(machine(kernel), note, [*_image(kernel, places), *loads], form))
    for offset, segment in places:
        _copy(segment, file, offset)
    file.truncate(at)


def _image(kernel: Kernel, places: list[tuple[int, Segment]]) -> Iterator[Load]:
    """The parts of the kernel image that are there, at its own addresses."""
    assert kernel.space
    borders = kernel.kallsyms.borders
    for offset, segment in places:
        start, end = max(borders.text, segment.start), min(borders.end, segment.end)
        if start < end:
            yield Load(offset + start - segment.start, kernel.space.va(start), start, end - start)


class _Piece(NamedTuple):
    start: int
    end: int
    va: int


def _pieces(kernel: Kernel, segment: Segment) -> Iterator[_Piece]:
    """All memory, at the addresses of the linear map where these are known, else at its physical ones, as QEMU has it.

    A 32-bit kernel's linear map has not room for all: what it does not map has the VA -1, as kexec-tools write it.
    """
    shift = linear_map(kernel).shift or 0
    if kernel.word == 8 or kernel.space is None or not shift:
        yield _Piece(segment.start, segment.end, segment.start + shift & MASK)
        return
    for is_mapped, start, end in linear.parts(kernel.space, shift, segment.start, segment.end):
        yield _Piece(start, end, start + shift & MASK if is_mapped else arm.SPACE - 1)


def _copy(segment: Segment, file: IO[bytes], offset: int) -> None:
    """A segment's bytes, holes of a sparse file left out."""
    end = segment.offset + segment.end - segment.start
    for at, window in segment.dump.windows(segment.offset, end):
        file.seek(offset + at - segment.offset)
        file.write(window)
