"""The structs of an ELF file in both widths and both byte orders (System V ABI, chapters 4 and 5)."""

from __future__ import annotations

import struct

from kinfo.elf import MAGIC
from kinfo.named import NamedTuple

IDENT_SIZE = 16  # e_ident: magic, width, byte order, version, padding

ET_REL, ET_EXEC, ET_DYN, ET_CORE = 1, 2, 3, 4
PT_LOAD, PT_NOTE = 1, 4
PN_XNUM = 0xFFFF  # more program headers than e_phnum can say: section 0's sh_info has the number
SHT_NULL, SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_NOTE, SHT_NOBITS = 0, 2, 3, 4, 7, 8
SHF_WRITE, SHF_ALLOC, SHF_EXECUTE, SHF_COMPRESSED = 1, 2, 4, 0x800
SHN_ABS = 0xFFF1
STB_LOCAL, STB_GLOBAL, STB_WEAK = 0, 1, 2
STT_OBJECT, STT_FUNC = 1, 2
PF_X, PF_W, PF_R = 1, 2, 4
ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD = 1, 2
COMPRESSION = struct.Struct("<IIQQ")  # Elf64_Chdr: kind, reserved, size, alignment

# Elf64_Sym and Elf64_Rela as arrays of numpy have them.
SYMBOLS = [("name", "<u4"), ("info", "u1"), ("other", "u1"), ("section", "<u2"), ("value", "<u8"), ("size", "<u8")]
RELOCATIONS = [("offset", "<u8"), ("info", "<u8"), ("addend", "<u8")]


class ElfHeader(NamedTuple):
    """What follows e_ident. Offsets and sizes are bytes."""

    type: int
    machine: int
    version: int
    entry: int
    phoff: int
    shoff: int
    flags: int
    ehsize: int
    phentsize: int
    phnum: int
    shentsize: int
    shnum: int
    shstrndx: int


class Program(NamedTuple):
    """A program header: what lies at `offset`, `in_file` bytes of it in the file and `size` in memory."""

    type: int
    flags: int
    offset: int
    va: int
    pa: int
    in_file: int
    size: int
    align: int


class SectionHeader(NamedTuple):
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


class SymbolEntry(NamedTuple):
    """A symbol; `info` is binding << 4 | type, before 5.2 a module's symbol has its nm type there."""

    name: int
    info: int
    other: int
    section: int
    value: int
    size: int


class ElfForm(NamedTuple):
    """One width (`word` bytes, 8 or 4) in one byte order: its structs, with fields in the order that the file has them."""

    word: int
    is_big: bool
    header: struct.Struct
    program: struct.Struct
    section: struct.Struct
    symbol: struct.Struct

    @property
    def ident(self) -> bytes:
        """e_ident."""
        return (MAGIC + bytes((2 if self.word == 8 else 1, 2 if self.is_big else 1, 1))).ljust(IDENT_SIZE, b"\0")

    @property
    def header_size(self) -> int:
        """Bytes of e_ident and the header."""
        return IDENT_SIZE + self.header.size

    def program_of(self, raw: tuple[int, ...]) -> Program:
        """A program header as it was unpacked: 32-bit files have the flags behind the sizes."""
        return Program._make(raw if self.word == 8 else (raw[0], raw[6], *raw[1:6], raw[7]))

    def pack_program(self, one: Program) -> bytes:
        """A program header as bytes."""
        return self.program.pack(*(one if self.word == 8 else (one.type, *one[2:7], one.flags, one.align)))

    def symbol_of(self, raw: tuple[int, ...]) -> SymbolEntry:
        """A symbol as it was unpacked: 32-bit files have value and size in front."""
        return SymbolEntry._make(raw if self.word == 8 else (raw[0], *raw[3:6], *raw[1:3]))

    def pack_symbol(self, one: SymbolEntry) -> bytes:
        """A symbol as bytes."""
        return self.symbol.pack(*(one if self.word == 8 else (one.name, one.value, one.size, *one[1:4])))


_WIDTHS = {8: ("HHIQQQIHHHHHH", "IIQQQQQQ", "IIQQQQIIQQ", "IBBHQQ"), 4: ("HHIIIIIHHHHHH", "IIIIIIII", "IIIIIIIIII", "IIIBBH")}


def _form(word: int, *, is_big: bool) -> ElfForm:
    return ElfForm(word, is_big, *(struct.Struct((">" if is_big else "<") + fields) for fields in _WIDTHS[word]))


ELF64, ELF32 = _form(8, is_big=False), _form(4, is_big=False)
_FORMS = {form.ident[4:6]: form for form in (ELF64, ELF32, _form(8, is_big=True), _form(4, is_big=True))}


def form_of(ident: bytes) -> ElfForm | None:
    """The form that e_ident names; None where it names none."""
    return _FORMS.get(bytes(ident[4:6])) if ident[:4] == MAGIC and len(ident) >= IDENT_SIZE else None
