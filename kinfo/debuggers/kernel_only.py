"""A core of the kernel's own memory: what can be handed on, without a page of processes and files.

drgn, gdb, vmcore-dmesg and kinfo open it as they open the whole dump. It lacks what they ask for rarely and what is large:
the struct pages (mem_map), the slab allocator's memory but for tasks, page tables of processes.
"""

from __future__ import annotations

from typing import IO

from kinfo.debuggers import core_file, vmcoreinfo
from kinfo.elf import notes
from kinfo.kernel.excerpt.parts import Excerpt
from kinfo.kernel.kernel import Kernel
from kinfo.memory import Segment
from kinfo.printable import size_words

_PAGE = 1 << 12
_WORD = 8
_AT_ONCE = 1 << 20


def write(kernel: Kernel, kept: Excerpt, file: IO[bytes]) -> None:
    """Write the core to a file that can seek. Raises KernelError where page tables cannot be read."""
    note = kernel.memory.notes + notes.pack(notes.VMCOREINFO, b"".join(vmcoreinfo.lines(kernel)))
    places, at = [], core_file.room(kernel, kept.segments, note)
    for segment in kept.segments:
        at += -at % (_WORD if segment.start % _PAGE else _PAGE)
        places.append((at, segment))
        at += segment.end - segment.start
    file.write(core_file.head(kernel, note, places))
    for offset, segment in places:
        _copy(segment, file, offset)
    file.truncate(at)


def _copy(segment: Segment, file: IO[bytes], offset: int) -> None:
    """A segment's bytes: many are small, and read without a mapping of their own."""
    if segment.end - segment.start > _AT_ONCE:
        core_file.copy(segment, file, offset)
        return
    file.seek(offset)
    file.write(segment.dump.read(segment.offset, segment.end - segment.start))


def told(kept: Excerpt) -> list[str]:
    """What is in the core and what is not, in words."""
    parts = [f"{one.name} {size_words(one.size)}" for one in kept.parts if one.size]
    lines = [
        f"in it: {', '.join(parts)}",
        f"left out: {size_words(kept.left_out)} of processes, files, slab and page allocator, with the struct pages",
    ]
    missing = [one.name for one in kept.parts if not one.size]
    if missing:
        lines.append(f"not in the dump, or nothing leads there: {', '.join(missing)}")
    if kept.of_processes:
        lines.append(
            f"left out as well: {size_words(kept.of_processes)} that a kernel pointer led to, but processes or files have"
        )
    return lines
