"""ELF cores: the program headers that say which physical memory lies where in the file.

QEMU's dump-guest-memory, kdump's vmcore, MediaTek's mrdump and meminspect's core image all write PT_LOAD with the physical
address in p_paddr. Only headers and notes are read here, straight from the ELF specification, so that one address of a dump
of any size is had without reading its tables.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinfo import notices
from kinfo.elf import MAGIC, notes
from kinfo.elf import read as tables
from kinfo.elf.structs import ET_CORE, PT_LOAD, ElfForm, ElfHeader, Program, form_of
from kinfo.errors import DumpError
from kinfo.memory.dump import Dump
from kinfo.memory.physical import Memory, Segment

__all__ = ["MAGIC", "read", "statuses"]


def read(dump: Dump) -> Memory:
    """The memory in an ELF core. Raises DumpError for what is no core, or has no physical addresses."""
    form, header = _header(dump)
    if header.type != ET_CORE:
        raise DumpError(f"{dump.name}: is an ELF file but no core", "name the memory dump, not the kernel image")
    programs = _programs(dump, form, header)
    segments = [
        Segment(one.pa, one.pa + size, dump, one.offset)
        for one in programs
        if one.type == PT_LOAD and (size := _within(dump, one.offset, min(one.in_file, one.size or one.in_file)))
    ]
    if not segments:
        raise DumpError(f"{dump.name}: is an ELF core without memory in it", "check that it was copied whole")
    if len(segments) > 1 and not any(segment.start for segment in segments):
        raise DumpError(
            f"{dump.name}: is an ELF core without physical addresses: every p_paddr is 0", "dump physical memory instead"
        )
    _tell_cut(dump, programs)
    vmcoreinfo, others = _notes(tables.notes(dump.view, programs))
    return Memory(dump.name, segments, machine=header.machine, vmcoreinfo=vmcoreinfo, notes=others)


def _header(dump: Dump) -> tuple[ElfForm, ElfHeader]:
    """The ELF header behind e_ident, and what form of file it is."""
    ident = dump.read(0, 16)
    if len(ident) < 16 or ident[4] not in (1, 2):
        raise DumpError(f"{dump.name}: the ELF header is damaged", "check that it was copied whole")
    form = form_of(ident)
    if form is None or form.is_big:
        raise DumpError(f"{dump.name}: is a big-endian ELF file", "kinfo reads little-endian machines only")
    header = tables.header(dump.view, form)
    if header is None:
        raise DumpError(f"{dump.name}: the ELF header is cut off", "check that it was copied whole")
    return form, header


def _programs(dump: Dump, form: ElfForm, header: ElfHeader) -> list[Program]:
    found = tables.programs(dump.view, form, header)
    if not found:
        raise DumpError(f"{dump.name}: the program headers are damaged or cut off", "check that it was copied whole")
    return found


def _within(dump: Dump, offset: int, size: int) -> int:
    """How much of a segment the file really holds: a truncated core has holes, it does not read as zeros."""
    return max(0, min(size, dump.size - offset))


def _tell_cut(dump: Dump, programs: list[Program]) -> None:
    """Say that a core ends before the memory that its headers list."""
    end = max(one.offset + one.in_file for one in programs if one.type == PT_LOAD)
    if end > dump.size:
        notices.tell(f"{dump.name}: is cut off: {dump.size} bytes of the {end} that its headers list; the rest is not here")


def _notes(found: Iterator[notes.ElfNote]) -> tuple[bytes, bytes]:
    """What VMCOREINFO says, and all other notes as they are (NT_PRSTATUS: registers of a CPU) but cut-off ones."""
    vmcoreinfo, others = b"", []
    for note in found:
        if note.name == notes.VMCOREINFO:
            vmcoreinfo = vmcoreinfo or bytes(note.content)
        elif note.is_whole:
            others.append(bytes(note.raw).ljust(note.padded, b"\0"))
    return vmcoreinfo, b"".join(others)


def statuses(dump: Dump) -> list[memoryview]:
    """Every NT_PRSTATUS of an ELF core: the registers of a CPU. Raises DumpError for damaged headers."""
    programs = _programs(dump, *_header(dump))
    return [note.content for note in tables.notes(dump.view, programs) if note.kind == notes.NT_PRSTATUS]
