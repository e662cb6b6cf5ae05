"""A memory dump as an ELF core with VMCOREINFO in it, as kdump writes it: what crash, drgn and gdb open without options.

The notes of a dump that is a core stay (NT_PRSTATUS: each CPU's registers); its VMCOREINFO gives way to one that holds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO, NamedTuple

from kinfo.arch.address import MASK
from kinfo.debuggers import vmcoreinfo
from kinfo.debuggers.symbol_file import machine
from kinfo.findings import Finding, Severity
from kinfo.kernel.boot.linear_map import linear_map
from kinfo.kernel.boot.summary import addresses
from kinfo.kernel.boot.vmcoreinfo import read
from kinfo.kernel.kernel import Kernel
from kinfo.memory import Segment

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM = struct.Struct("<IIQQQQQQ")
_ET_CORE, _PT_LOAD, _PT_NOTE = 4, 1, 4
_ALIGN = 1 << 16  # a multiple of every page size


class _Load(NamedTuple):
    """A range of memory in the file: `va` is where the kernel has it mapped."""

    offset: int
    va: int
    pa: int
    size: int


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
    note = kernel.memory.notes + _note(b"VMCOREINFO", b"".join(vmcoreinfo.lines(kernel)))
    segments = kernel.memory.segments
    count = 2 * len(segments) + 1  # at most: each once as the linear map has it, once more for the image
    places, at = [], _up(_HEADER.size + count * _PROGRAM.size + len(note))
    for segment in segments:
        places.append((at, segment))
        at = _up(at + segment.end - segment.start)
    loads = [*_image(kernel, places), *_linear(kernel, places)]
    note_at = _HEADER.size + (1 + len(loads)) * _PROGRAM.size
    ident = b"\x7fELF\x02\x01\x01"
    file.write(
        _HEADER.pack(
            *(ident, _ET_CORE, machine(kernel), 1, 0, _HEADER.size, 0, 0),
            *(_HEADER.size, _PROGRAM.size, 1 + len(loads), 0, 0, 0),
        )
    )
    file.write(_PROGRAM.pack(_PT_NOTE, 0, note_at, 0, 0, len(note), len(note), 4))
    for load in loads:
        file.write(_PROGRAM.pack(_PT_LOAD, 7, load.offset, load.va, load.pa, load.size, load.size, 0))
    file.write(note)
    for offset, segment in places:
        _copy(segment, file, offset)
    file.truncate(at)


def _up(value: int) -> int:
    return value + -value % _ALIGN


def _note(name: bytes, data: bytes) -> bytes:
    head = struct.pack("<III", len(name) + 1, len(data), 0) + name + b"\0"
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def _image(kernel: Kernel, places: list[tuple[int, Segment]]) -> Iterator[_Load]:
    """The parts of the kernel image that are there, at its own addresses."""
    assert kernel.space
    borders = kernel.kallsyms.borders
    for offset, segment in places:
        start, end = max(borders.text, segment.start), min(borders.end, segment.end)
        if start < end:
            yield _Load(offset + start - segment.start, kernel.space.va(start), start, end - start)


def _linear(kernel: Kernel, places: list[tuple[int, Segment]]) -> Iterator[_Load]:
    """All memory, at the addresses of the linear map where these are known, else at its physical ones, as QEMU has it."""
    shift = linear_map(kernel).shift or 0
    for offset, segment in places:
        yield _Load(offset, segment.start + shift & MASK, segment.start, segment.end - segment.start)


def _copy(segment: Segment, file: IO[bytes], offset: int) -> None:
    """A segment's bytes, holes of a sparse file left out."""
    end = segment.offset + segment.end - segment.start
    for at, window in segment.dump.windows(segment.offset, end):
        file.seek(offset + at - segment.offset)
        file.write(window)
