"""Reading the tables of an ELF file, as far as they are inside it. What is wrong is None; who asked knows what to say of it.

`view` gives up to so many bytes at an offset: fewer at the end of the file, none behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kinfo.elf.notes import ElfNote, each
from kinfo.elf.structs import IDENT_SIZE, PN_XNUM, PT_NOTE, ElfForm, ElfHeader, Program, SectionHeader
from kinfo.named import NamedTuple

View = Callable[[int, int], memoryview]

MOST_PROGRAMS = 1 << 20  # a core of 1 MiB pieces of 1 TiB
MOST_SECTIONS = 1 << 16
NOTES_LIMIT = 16 << 20  # bytes of notes that are read: some 400 a CPU, and VMCOREINFO of a page or two


class Section(NamedTuple):
    """A section: its type (SHT_), its VA (0 where it is not loaded), its place in the file, its size in bytes."""

    name: str
    type: int
    flags: int
    va: int
    offset: int
    size: int
    link: int


def header(view: View, form: ElfForm) -> ElfHeader | None:
    """The header behind e_ident; None where the file ends inside it."""
    raw = view(IDENT_SIZE, form.header.size)
    return ElfHeader._make(form.header.unpack(raw)) if len(raw) == form.header.size else None


def programs(view: View, form: ElfForm, head: ElfHeader, most: int = MOST_PROGRAMS) -> list[Program] | None:
    """The program headers; None where they are damaged, cut off, or more than `most`."""
    count, size = head.phnum, form.program.size
    if count == PN_XNUM:
        first = view(head.shoff, form.section.size) if head.shoff else b""
        count = SectionHeader._make(form.section.unpack(first)).info if len(first) == form.section.size else 0
        if not count:
            return None
    if not count:
        return []
    table = _table(view, head.phoff, head.phentsize, count, size) if count <= most else None
    if table is None:
        return None
    return [form.program_of(form.program.unpack_from(table, at)) for at in range(0, count * head.phentsize, head.phentsize)]


def sections(view: View, form: ElfForm, head: ElfHeader, most: int = MOST_SECTIONS) -> list[SectionHeader] | None:
    """The section headers; none where the file has none, None where they are damaged, cut off, or more than `most`."""
    if not head.shoff or not head.shnum:
        return []
    table = _table(view, head.shoff, head.shentsize, head.shnum, form.section.size) if head.shnum <= most else None
    if table is None:
        return None
    places = range(0, head.shnum * head.shentsize, head.shentsize)
    return [SectionHeader._make(form.section.unpack_from(table, at)) for at in places]


def named_sections(view: View, form: ElfForm, head: ElfHeader) -> list[Section] | None:
    """The sections with their names ("" where these are not in the file); None as for `sections`."""
    raw = sections(view, form, head)
    if raw is None:
        return None
    names = raw[head.shstrndx] if head.shstrndx < len(raw) else None
    strings = bytes(view(names.offset, names.size)) if names else b""
    return [Section(text_at(strings, one.name), one.type, one.flags, one.va, one.offset, one.size, one.link) for one in raw]


def notes(view: View, found: list[Program], limit: int | None = None) -> Iterator[ElfNote]:
    """The notes of all these program headers, as far as `limit` bytes of them reach (None: `NOTES_LIMIT`)."""
    left = NOTES_LIMIT if limit is None else limit
    for one in found:
        if one.type == PT_NOTE and left:
            raw = view(one.offset, min(one.in_file, left))
            left -= len(raw)
            yield from each(raw)


def _table(view: View, offset: int, entry: int, count: int, size: int) -> memoryview | None:
    if entry < size:
        return None
    table = view(offset, entry * count)
    return table if len(table) == entry * count else None


def text_at(strings: bytes, at: int) -> str:
    """A string of a string table; bytes that are no ASCII are replaced."""
    return strings[at : strings.find(b"\0", at)].decode("ascii", "replace")
