"""Writing an ELF file that has symbols and no code: sections that say which addresses are what, and a symbol table."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_ET_EXEC = 2
_NOTE, _SYMTAB, _STRTAB, _NOBITS = 7, 2, 3, 8
_PT_LOAD, _PT_NOTE = 1, 4
_SHN_ABS = 0xFFF1
_LOCAL, _GLOBAL, _WEAK = 0, 1, 2
_OBJECT, _FUNC = 1, 2
_NT_GNU_BUILD_ID = 3
_WRITE, _ALLOC, _EXECUTE = 1, 2, 4
_OWN = (".note.gnu.build-id", ".symtab", ".strtab", ".shstrtab")


class Section(NamedTuple):
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


class _Class(NamedTuple):
    ident: int
    header: struct.Struct
    program: struct.Struct
    section: struct.Struct
    symbol: struct.Struct


_ELF64 = _Class(2, *map(struct.Struct, ("<16sHHIQQQIHHHHHH", "<IIQQQQQQ", "<IIQQQQIIQQ", "<IBBHQQ")))
_ELF32 = _Class(1, *map(struct.Struct, ("<16sHHIIIIIHHHHHH", "<IIIIIIII", "<IIIIIIIIII", "<IIIBBH")))


class _Header(NamedTuple):
    """A section header, in the order of its fields."""

    name: int = 0
    type: int = 0
    flags: int = 0
    va: int = 0
    offset: int = 0
    size: int = 0
    link: int = 0
    info: int = 0
    align: int = 1
    entry: int = 0


def write(machine: int, word: int, sections: Sequence[Section], symbols: Iterable[ElfSymbol], build_id: bytes = b"") -> bytes:
    """An executable ELF file without contents. `word` is 8 or 4; symbols outside every section become absolute ones."""
    symbols = list(symbols)
    ends = (*(one.address for one in symbols), *(section.end for section in sections))
    kind = _ELF64 if word == 8 or max(ends, default=0) >> 32 else _ELF32  # a 32-bit kernel's PAs can have 40 bits (LPAE)
    note = struct.pack("<III4s", 4, len(build_id), _NT_GNU_BUILD_ID, b"GNU\0") + build_id if build_id else b""
    table, strings, first_global = _symbols(kind, sections, symbols)
    names, name_at = _names([*(section.name for section in sections), *_OWN])
    note_at = kind.header.size + (len(sections) + 1) * kind.program.size
    table_at = _up(note_at + len(note), 8)
    strings_at = table_at + len(table)
    names_at = strings_at + len(strings)
    link = len(sections) + 3  # .strtab, counted with the null section
    headers = [
        _Header(),
        *(_header_of(section, name_at[section.name], note_at) for section in sections),
        _Header(name_at[_OWN[0]], _NOTE, offset=note_at, size=len(note), align=4),
        _Header(name_at[_OWN[1]], _SYMTAB, 0, 0, table_at, len(table), link, first_global, 8, kind.symbol.size),
        _Header(name_at[_OWN[2]], _STRTAB, offset=strings_at, size=len(strings)),
        _Header(name_at[_OWN[3]], _STRTAB, offset=names_at, size=len(names)),
    ]
    end = _up(names_at + len(names), 8)
    out = _file_header(kind, machine, len(sections) + 1, end, len(headers))
    out += b"".join(_program_of(kind, section, note_at) for section in sections)
    out += _program(kind, _PT_NOTE, 4, note_at, 0, len(note), len(note), 4)
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


def _up(value: int, to: int) -> int:
    return value + -value % to


def _file_header(kind: _Class, machine: int, programs: int, sections_at: int, sections: int) -> bytes:
    ident = b"\x7fELF" + bytes((kind.ident, 1, 1))
    sizes = (kind.header.size, kind.program.size, programs, kind.section.size, sections, sections - 1)
    return kind.header.pack(ident, _ET_EXEC, machine, 1, 0, kind.header.size, sections_at, 0, *sizes)


def _header_of(section: Section, name: int, offset: int) -> _Header:
    flags = _ALLOC | _WRITE * section.is_writable | _EXECUTE * section.is_code
    return _Header(name, _NOBITS, flags, section.start, offset, section.end - section.start)


def _program_of(kind: _Class, section: Section, offset: int) -> bytes:
    flags = 4 | 2 * section.is_writable | section.is_code
    return _program(kind, _PT_LOAD, flags, offset, section.start, 0, section.end - section.start, 1)


def _program(kind: _Class, type_: int, flags: int, offset: int, va: int, in_file: int, size: int, align: int) -> bytes:
    if kind is _ELF64:
        return kind.program.pack(type_, flags, offset, va, va, in_file, size, align)
    return kind.program.pack(type_, offset, va, va, in_file, size, flags, align)


def _symbols(kind: _Class, sections: Sequence[Section], symbols: Iterable[ElfSymbol]) -> tuple[bytes, bytes, int]:
    """Symbol table and its strings; local symbols come first, so where the global ones begin too."""
    local, others = [_symbol(kind, 0, 0, 0, 0, 0)], list[bytes]()
    strings, at = [b"\0"], 1
    order = sorted(range(len(sections)), key=lambda index: (sections[index].start, sections[index].end))
    starts = [sections[index].start for index in order]
    for one in symbols:
        nearest = bisect_right(starts, one.address) - 1
        index = order[nearest] if nearest >= 0 and one.address < sections[order[nearest]].end else None
        binding = _WEAK if one.type in "wWvV" else _GLOBAL if one.type.isupper() else _LOCAL
        in_code = index is not None and sections[index].is_code
        info = binding << 4 | (_FUNC if in_code and one.type in "tTwW" else _OBJECT)
        raw = _symbol(kind, at, one.address, one.size, info, _SHN_ABS if index is None else index + 1)
        (local if binding == _LOCAL else others).append(raw)
        name = one.name.encode() + b"\0"
        strings.append(name)
        at += len(name)
    return b"".join(local + others), b"".join(strings), len(local)


def _symbol(kind: _Class, name: int, address: int, size: int, info: int, section: int) -> bytes:
    if kind is _ELF64:
        return kind.symbol.pack(name, info, 0, section, address, size)
    return kind.symbol.pack(name, address, size, info, 0, section)
