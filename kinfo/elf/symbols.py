"""Writing an ELF file that has symbols and no code: sections that say which addresses are what, and a symbol table."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from kinfo.arch.address import align
from kinfo.elf import notes, structs
from kinfo.elf.structs import ELF32, ELF64, ElfForm, ElfHeader, Program, SymbolEntry
from kinfo.named import NamedTuple

_OWN = (".note.gnu.build-id", ".symtab", ".strtab", ".shstrtab")


class SymbolSection(NamedTuple):
    """A range of addresses: its name, first and last (exclusive) address, and whether code or writable data is in it."""

    name: str
    start: int
    end: int
    is_code: bool = False
    is_writable: bool = False


class ElfSymbol(NamedTuple):
    """A symbol: name, nm type, address and bytes."""

    name: str
    type: str
    address: int
    size: int


def write(
    machine: int, word: int, sections: Sequence[SymbolSection], symbols: Iterable[ElfSymbol], build_id: bytes = b""
) -> bytes:
    """An executable ELF file without contents. `word` is 8 or 4; symbols outside every section become absolute ones."""
    symbols = list(symbols)
    ends = (*(one.address for one in symbols), *(section.end for section in sections))
    kind = ELF64 if word == 8 or max(ends, default=0) >> 32 else ELF32  # a 32-bit kernel's PAs can have 40 bits (LPAE)
    note = notes.pack(b"GNU", build_id, notes.NT_GNU_BUILD_ID) if build_id else b""
    table, strings, first_global = _symbols(kind, sections, symbols)
    names, name_at = _names([*(section.name for section in sections), *_OWN])
    note_at = kind.header_size + (len(sections) + 1) * kind.program.size
    table_at = align(note_at + len(note), 8)
    strings_at = table_at + len(table)
    names_at = strings_at + len(strings)
    link = len(sections) + 3  # .strtab, counted with the null section
    headers = [
        structs.SectionHeader(),
        *(_header_of(section, name_at[section.name], note_at) for section in sections),
        structs.SectionHeader(name_at[_OWN[0]], structs.SHT_NOTE, offset=note_at, size=len(note), align=4),
        structs.SectionHeader(
            name_at[_OWN[1]], structs.SHT_SYMTAB, 0, 0, table_at, len(table), link, first_global, 8, kind.symbol.size
        ),
        structs.SectionHeader(name_at[_OWN[2]], structs.SHT_STRTAB, offset=strings_at, size=len(strings)),
        structs.SectionHeader(name_at[_OWN[3]], structs.SHT_STRTAB, offset=names_at, size=len(names)),
    ]
    end = align(names_at + len(names), 8)
    out = _file_header(kind, machine, len(sections) + 1, end, len(headers))
    out += b"".join(_program_of(kind, section, note_at) for section in sections)
    out += _program(kind, structs.PT_NOTE, 4, note_at, 0, len(note), len(note), 4)
    for at, part in ((note_at, note), (table_at, table), (strings_at, strings), (names_at, names), (end, b"")):
        out += bytes(at - len(out)) + part
    return out + b"".join(kind.section.pack(*header) for header in headers)


def _names(names: Sequence[str]) -> tuple[bytes, dict[str, int]]:
    """A string table, and where in it each string begins."""
    table, places = b"\0", {}
    for name in names:
        places[name] = len(table)
        table += name.encode() + b"\0"
    return table, places


def _file_header(kind: ElfForm, machine: int, programs: int, sections_at: int, sections: int) -> bytes:
    sizes = (kind.header_size, kind.program.size, programs, kind.section.size, sections, sections - 1)
    header = ElfHeader(structs.ET_EXEC, machine, 1, 0, kind.header_size, sections_at, 0, *sizes)
    return kind.ident + kind.header.pack(*header)


def _header_of(section: SymbolSection, name: int, offset: int) -> structs.SectionHeader:
    flags = structs.SHF_ALLOC | structs.SHF_WRITE * section.is_writable | structs.SHF_EXECUTE * section.is_code
    return structs.SectionHeader(name, structs.SHT_NOBITS, flags, section.start, offset, section.end - section.start)


def _program_of(kind: ElfForm, section: SymbolSection, offset: int) -> bytes:
    flags = structs.PF_R | structs.PF_W * section.is_writable | structs.PF_X * section.is_code
    return _program(kind, structs.PT_LOAD, flags, offset, section.start, 0, section.end - section.start, 1)


def _program(kind: ElfForm, type_: int, flags: int, offset: int, va: int, in_file: int, size: int, align: int) -> bytes:
    return kind.pack_program(Program(type_, flags, offset, va, va, in_file, size, align))


def _symbols(kind: ElfForm, sections: Sequence[SymbolSection], symbols: Iterable[ElfSymbol]) -> tuple[bytes, bytes, int]:
    """SymbolEntry table and its strings; local symbols come first, so where the global ones begin too."""
    local, others = [_symbol(kind, 0, 0, 0, 0, 0)], list[bytes]()
    strings, at = [b"\0"], 1
    order = sorted(range(len(sections)), key=lambda index: (sections[index].start, sections[index].end))
    starts = [sections[index].start for index in order]
    for one in symbols:
        nearest = bisect_right(starts, one.address) - 1
        index = order[nearest] if nearest >= 0 and one.address < sections[order[nearest]].end else None
        binding = structs.STB_WEAK if one.type in "wWvV" else structs.STB_GLOBAL if one.type.isupper() else structs.STB_LOCAL
        in_code = index is not None and sections[index].is_code
        info = binding << 4 | (structs.STT_FUNC if in_code and one.type in "tTwW" else structs.STT_OBJECT)
        raw = _symbol(kind, at, one.address, one.size, info, structs.SHN_ABS if index is None else index + 1)
        (local if binding == structs.STB_LOCAL else others).append(raw)
        name = one.name.encode() + b"\0"
        strings.append(name)
        at += len(name)
    return b"".join(local + others), b"".join(strings), len(local)


def _symbol(kind: ElfForm, name: int, address: int, size: int, info: int, section: int) -> bytes:
    return kind.pack_symbol(SymbolEntry(name, info, 0, section, address, size))
