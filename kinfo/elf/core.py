"""Writing cores: the head of a file whose memory follows it, so that any number of segments can be streamed behind it."""

from __future__ import annotations

from collections.abc import Sequence

from kinfo.elf.structs import (
    ELF64,
    ET_CORE,
    PF_R,
    PF_W,
    PF_X,
    PN_XNUM,
    PT_LOAD,
    PT_NOTE,
    ElfForm,
    ElfHeader,
    Program,
    SectionHeader,
)
from kinfo.named import NamedTuple

ALIGN = 1 << 16  # a multiple of every page size


class Load(NamedTuple):
    """A range of memory in the file at `offset`: `va` is where the kernel has it mapped."""

    offset: int
    va: int
    pa: int
    size: int


def up(value: int) -> int:
    """The next place where memory can lie in the file."""
    return value + -value % ALIGN


def room(most: int, notes: bytes) -> int:
    """Where the memory can begin in a file with up to so many segments."""
    return up(head_size(most, notes))


def head_size(count: int, notes: bytes) -> int:
    """Bytes of `head` for so many segments."""
    many = ELF64.section.size if 1 + count >= PN_XNUM else 0
    return ELF64.header_size + (1 + count) * ELF64.program.size + len(notes) + many


def head(machine: int, notes: bytes, loads: Sequence[Load], form: ElfForm = ELF64) -> bytes:
    """ElfHeader, program headers and notes of a core; not longer than `room` for as many segments."""
    count = 1 + len(loads)
    note_at = form.header_size + count * form.program.size
    is_many = count >= PN_XNUM
    section_at = note_at + len(notes) if is_many else 0
    sizes = (form.header_size, form.program.size, min(count, PN_XNUM), form.section.size * is_many, int(is_many), 0)
    header = ElfHeader(ET_CORE, machine, 1, 0, form.header_size, section_at, 0, *sizes)
    programs = [Program(PT_NOTE, 0, note_at, 0, 0, len(notes), len(notes), 4)]
    flags = PF_R | PF_W | PF_X
    programs += [Program(PT_LOAD, flags, one.offset, one.va, one.pa, one.size, one.size, 0) for one in loads]
    many = form.section.pack(*SectionHeader(size=1, info=count, align=0)) if is_many else b""
    packed = b"".join(form.pack_program(one) for one in programs)
    return form.ident + form.header.pack(*header) + packed + notes + many
