"""A memory dump as an ELF core with VMCOREINFO in it, as kdump writes it: what crash, drgn and gdb open without options.

The notes of a dump that is a core stay (NT_PRSTATUS: each CPU's registers); its VMCOREINFO gives way to one that holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    places, at = [], room(kernel, segments, note)
    for segment in segments:
        places.append((at, segment))
        at = core.up(at + segment.end - segment.start)
    file.write(head(kernel, note, places))
    for offset, segment in places:
        copy(segment, file, offset)
    file.truncate(at)


def room(kernel: Kernel, segments: Sequence[Segment], note: bytes) -> int:
    """Where the memory can begin in a core of these segments."""
    return core.room(len(segments) + sum(1 for segment in segments for _ in _pieces(kernel, segment)), note)


def head(kernel: Kernel, note: bytes, places: Sequence[tuple[int, Segment]]) -> bytes:
    """The core's head for segments, each with its place in the file: each as image and as linear map.

    A 32-bit kernel has a 32-bit core, as debuggers expect it, as long as addresses and places fit that.
    """
    loads = [*_image(kernel, places), *_linear(kernel, places)]
    end = max((max(one.offset, one.pa) + one.size for one in loads), default=0)
    return core.head(machine(kernel), note, loads, ELF32 if kernel.word == 4 and end <= arm.SPACE else ELF64)


def _image(kernel: Kernel, places: Sequence[tuple[int, Segment]]) -> Iterator[Load]:
    """The parts of the kernel image that are there, at its own addresses."""
    assert kernel.space
    borders = kernel.kallsyms.borders
    for offset, segment in places:
        start, end = max(borders.text, segment.start), min(borders.end, segment.end)
        if start < end:
            yield Load(offset + start - segment.start, kernel.space.va(start), start, end - start)


def _linear(kernel: Kernel, places: Sequence[tuple[int, Segment]]) -> Iterator[Load]:
    for offset, segment in places:
        for piece in _pieces(kernel, segment):
            yield Load(offset + piece.start - segment.start, piece.va, piece.start, piece.end - piece.start)


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


def copy(segment: Segment, file: IO[bytes], offset: int) -> None:
    """A segment's bytes, holes of a sparse file left out."""
    end = segment.offset + segment.end - segment.start
    for at, window in segment.dump.windows(segment.offset, end):
        file.seek(offset + at - segment.offset)
        file.write(window)
