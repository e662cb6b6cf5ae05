"""The ELF room: pyelftools reads what it writes, what it reads is bounded by the file, and no other knows the structs."""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given
from hypothesis import strategies as st

from kinfo.elf import MAGIC, core, notes, read, structs
from kinfo.elf.structs import ELF32, ELF64, ElfForm, ElfHeader, Program, SymbolEntry, form_of

PACKAGE = Path(__file__).resolve().parent.parent / "kinfo"
FORMS = [form for ident in ((2, 1), (1, 1), (2, 2), (1, 2)) if (form := form_of(MAGIC + bytes(ident) + bytes(10)))]


def view_of(data: bytes) -> read.View:
    return lambda at, size: memoryview(data)[at : at + size]


def file_of(form: ElfForm, programs: list[Program], **given: int) -> bytes:
    """A core with these program headers behind the header."""
    fields = ElfHeader(4, 183, 1, 0, form.header_size, 0, 0, form.header_size, form.program.size, len(programs), 0, 0, 0)
    return form.ident + form.header.pack(*fields._replace(**given)) + b"".join(map(form.pack_program, programs))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{8 * form.word} bits, {'big' if form.is_big else 'little'}")
def test_forms_as_pyelftools_reads_them(form: ElfForm) -> None:
    data = file_of(form, [Program(structs.PT_LOAD, 6, 0x1000, 0x2000, 0x3000, 0x40, 0x50, 16)])
    elf = ELFFile(io.BytesIO(data))
    assert (elf.elfclass, elf.little_endian, elf["e_machine"]) == (8 * form.word, not form.is_big, "EM_AARCH64")
    found = next(elf.iter_segments())
    names = ("p_flags", "p_offset", "p_vaddr", "p_paddr", "p_filesz", "p_memsz", "p_align")
    assert tuple(found[name] for name in names) == (6, 0x1000, 0x2000, 0x3000, 0x40, 0x50, 16)
    again = form_of(data[:16])
    assert again == form
    head = read.header(view_of(data), form)
    assert head is not None
    assert read.programs(view_of(data), form, head) == [(1, 6, 0x1000, 0x2000, 0x3000, 0x40, 0x50, 16)]


@pytest.mark.parametrize("form", FORMS[:2])
def test_symbols_go_both_ways(form: ElfForm) -> None:
    one = SymbolEntry(5, 0x12, 1, 0xFFF1, 0x80001000, 64)
    raw = form.pack_symbol(one)
    assert len(raw) == (24 if form.word == 8 else 16)
    assert form.symbol_of(form.symbol.unpack(raw)) == one
    assert struct.unpack_from("<Q" if form.word == 8 else "<I", raw, 8 if form.word == 8 else 4)[0] == 0x80001000


def test_core_with_more_segments_than_e_phnum_can_say() -> None:
    loads = [core.Load(0x1000000 + at * 4096, at << 12, at << 12, 4096) for at in range(70_000)]
    note = notes.pack(notes.VMCOREINFO, b"OSRELEASE=6.12\n")
    data = core.head(183, note, loads)
    assert len(data) <= core.room(len(loads), note)
    elf = ELFFile(io.BytesIO(data))
    assert elf.num_segments() == 70_001
    assert elf.get_segment(70_000)["p_paddr"] == 69_999 << 12
    head = read.header(view_of(data), ELF64)
    assert head is not None
    assert head.phnum == 0xFFFF
    found = read.programs(view_of(data), ELF64, head)
    assert found is not None
    assert (len(found), found[-1].pa) == (70_001, 69_999 << 12)
    assert [bytes(one.content) for one in read.notes(view_of(data), found)] == [b"OSRELEASE=6.12\n"]
    assert read.programs(view_of(data), ELF64, head, most=70_000) is None


def test_core_as_it_always_was() -> None:
    """Without the section that counts: byte for byte what fewer segments need."""
    data = core.head(62, b"", [core.Load(0x10000, 1, 2, 3)])
    assert len(data) == 64 + 2 * 56
    assert ELFFile(io.BytesIO(data)).num_sections() == 0


@pytest.mark.parametrize(
    "given",
    [
        {"phoff": 1 << 63},
        {"phentsize": 8},
        {"phnum": 60_000},
        {"phnum": 0xFFFF},
        {"phnum": 0xFFFF, "shoff": 1 << 40},
        {"phoff": 0xFFFFFFFFFFFFFFFF, "phentsize": 0xFFFF},
    ],
)
def test_damaged_program_headers(given: dict[str, int]) -> None:
    data = file_of(ELF64, [Program(1, 0, 0, 0, 0, 0, 0, 0)], **given)
    head = read.header(view_of(data), ELF64)
    assert head is not None
    assert read.programs(view_of(data), ELF64, head) is None


def test_cut_off_header_and_sections() -> None:
    data = file_of(ELF64, [])
    assert read.header(view_of(data[:63]), ELF64) is None
    head = read.header(view_of(data), ELF64)
    assert head is not None
    assert read.sections(view_of(data), ELF64, head) == []
    damaged = head._replace(shoff=64, shnum=3, shentsize=64)
    assert read.sections(view_of(data), ELF64, damaged) is None
    assert read.sections(view_of(data + bytes(192)), ELF64, damaged._replace(shentsize=63)) is None
    assert read.sections(view_of(data + bytes(192)), ELF64, damaged, most=2) is None
    assert len(read.sections(view_of(data + bytes(192)), ELF64, damaged) or ()) == 3


def test_notes() -> None:
    raw = notes.pack(b"GNU", b"\x11" * 20, notes.NT_GNU_BUILD_ID) + notes.pack(b"CORE", b"abcde", notes.NT_PRSTATUS)
    assert notes.build_id(raw) == b"\x11" * 20
    assert [(one.name, one.kind, bytes(one.content), one.is_whole) for one in notes.each(raw)][1] == (
        b"CORE",
        1,
        b"abcde",
        True,
    )
    assert [one.is_whole for one in notes.each(raw[:-8])] == [True, False]
    assert notes.build_id(notes.pack(b"Xen", b"\x22" * 20, notes.NT_GNU_BUILD_ID)) == b""


def test_notes_are_read_up_to_the_limit_of_all() -> None:
    one = notes.pack(b"CORE", bytes(100))
    data = one * 4
    found = [Program(structs.PT_NOTE, 0, 0, 0, 0, len(data), 0, 4)] * 1000
    assert len(list(read.notes(view_of(data), found, limit=2 * len(data)))) == 8


@given(st.binary(max_size=400))
def test_any_bytes_of_notes(raw: bytes) -> None:
    for one in notes.each(raw):
        assert len(one.content) <= len(raw)
        assert not one.is_whole or len(one.raw) <= one.padded
    assert len(list(notes.each(raw))) <= len(raw) // 12


@given(st.binary(max_size=300))
def test_any_bytes_of_tables(raw: bytes) -> None:
    for form in FORMS:
        head = read.header(view_of(form.ident + raw), form)
        if head is not None:
            assert len(read.programs(view_of(form.ident + raw), form, head) or ()) * form.program.size <= len(raw) + 16
            assert len(read.sections(view_of(form.ident + raw), form, head) or ()) * form.section.size <= len(raw) + 16


def test_form_of_nothing() -> None:
    assert FORMS[:2] == [ELF64, ELF32]
    assert len(FORMS) == 4
    assert form_of(b"") is form_of(MAGIC + bytes(12)) is form_of(b"\x7fELF\2\1") is None


def test_structs_stand_in_one_room() -> None:
    there = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if path.parent != PACKAGE / "elf" and re.search(r'x7fELF|HHIQQQI|IIQQQQQQ|IBBHQQ|"<III"', path.read_text())
    }
    assert not there
