"""A kernel's ELF file: its sections, its symbols by name, and its contents by virtual address.

arm64 links the kernel as a shared object whose pointers are 0 in the file: their values are addends in .rela.dyn
(--no-apply-dynamic-relocs), or lie in place where CONFIG_RELR packs them. Everything is read through the mapped file; the
symbol table is looked through as an array, because a kernel has some 150,000 symbols and a few dozen are wanted.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

from kinfo.arch import machines
from kinfo.elf import notes, structs
from kinfo.elf import read as read_elf
from kinfo.elf.structs import ELF64, ElfHeader, form_of
from kinfo.errors import DumpError
from kinfo.kernel.kallsyms import find
from kinfo.kernel_build.listed import ListedSymbols
from kinfo.memory import Dump, Memory, Segment

_UNPACKED_LIMIT = 1 << 30
_WHOLE = "check that it was copied whole"


class Section(NamedTuple):
    """A section: its place in the file, its VA (0 where it is not loaded), its size in bytes."""

    name: str
    kind: int
    flags: int
    va: int
    offset: int
    size: int
    link: int


class LoadedPart(NamedTuple):
    """A loaded part of the image: VA, PA as linked, place in the file, bytes in the file."""

    va: int
    pa: int
    offset: int
    size: int


class Vmlinux:
    """An ELF kernel in `dump`. Raises DumpError for what is damaged, no kernel, or of a machine that kinfo does not know."""

    def __init__(self, dump: Dump) -> None:
        self.dump, self.name = dump, dump.name
        self._header = self._read_header()
        self.machine: str = machines.BUILDS[self._header.machine]
        self.sections = self._read_sections()
        self.segments = self._read_segments()
        if not self.segments:
            raise DumpError(
                f"{self.name}: has nothing that is loaded into memory", "name the vmlinux, not a debug file of it"
            )

    def _read_header(self) -> ElfHeader:
        ident = self.dump.read(0, 16)
        form = form_of(ident)
        head = read_elf.header(self.dump.view, ELF64)  # no shorter in a 32-bit file
        if head is None:
            raise DumpError(f"{self.name}: the ELF header is cut off", _WHOLE)
        if form is not ELF64:
            width, order = ("32" if ident[4] == 1 else "64"), ("little" if ident[5] == 1 else "big")
            raise DumpError(f"{self.name}: is a {width}-bit {order}-endian ELF file", "kinfo takes facts of arm64 and x86-64")
        if head.type not in (structs.ET_EXEC, structs.ET_DYN):
            what = "an object file or a module" if head.type == structs.ET_REL else f"an ELF file of type {head.type}"
            raise DumpError(f"{self.name}: is {what}, no kernel", "name the vmlinux of the build")
        if head.machine not in machines.BUILDS:
            of = machines.name_of(head.machine)
            raise DumpError(f"{self.name}: is a kernel for {of}", "kinfo takes facts of arm64 and x86-64")
        return head

    def _read_sections(self) -> list[Section]:
        raw, names_at = read_elf.sections(self.dump.view, ELF64, self._header), self._header.shstrndx
        if raw is None:
            raise DumpError(f"{self.name}: the section headers are damaged or cut off", _WHOLE)
        names = bytes(self.dump.view(raw[names_at].offset, raw[names_at].size)) if names_at < len(raw) else b""
        return [
            Section(read_elf.text_at(names, one.name), one.type, one.flags, one.va, one.offset, one.size, one.link)
            for one in raw
        ]

    def _read_segments(self) -> list[LoadedPart]:
        raw = read_elf.programs(self.dump.view, ELF64, self._header)
        if raw is None:
            raise DumpError(f"{self.name}: the program headers are damaged or cut off", _WHOLE)
        found = [
            LoadedPart(one.va, one.pa, one.offset, one.in_file) for one in raw if one.type == structs.PT_LOAD and one.in_file
        ]
        if any(one.offset + one.size > self.dump.size for one in found):
            raise DumpError(f"{self.name}: ends at {self.dump.size:#x}, inside the kernel's image", _WHOLE)
        return found

    def section(self, name: str) -> memoryview | None:
        """A section's bytes, unpacked where they are compressed; None where there is no such section.

        Raises DumpError where the file ends inside it.
        """
        found = next((one for one in self.sections if one.name == name and one.kind != structs.SHT_NOBITS), None)
        return None if found is None else self._bytes(found)

    def _bytes(self, section: Section) -> memoryview:
        view = self.dump.view(section.offset, section.size)
        if len(view) < section.size:
            raise DumpError(f"{self.name}: ends inside its section {section.name}", _WHOLE)
        return self._unpacked(section, view) if section.flags & structs.SHF_COMPRESSED else view

    def _unpacked(self, section: Section, view: memoryview) -> memoryview:
        kind, _, size, _ = structs.COMPRESSION.unpack(view.tobytes()[:24].ljust(24, b"\0"))
        if size > _UNPACKED_LIMIT:
            raise DumpError(
                f"{self.name}: {section.name} unpacks to {size} bytes", "unpack it: objcopy --decompress-debug-sections"
            )
        if kind not in _UNPACK:
            raise DumpError(
                f"{self.name}: {section.name} is compressed in a way of its own ({kind})", "objcopy can unpack it"
            )
        try:
            return memoryview(_UNPACK[kind](view[24:], size))
        except ValueError as error:
            raise DumpError(f"{self.name}: {section.name} cannot be unpacked: {error}", _WHOLE) from error

    @cached_property
    def build_id(self) -> bytes:
        """The build id, usually 20 bytes; arm64 and x86-64 have it in .notes, among others. Empty where there is none."""
        for name in (".notes", ".note.gnu.build-id"):
            section = self.section(name)
            if section is not None and (found := notes.build_id(section[: 1 << 16])):
                return found
        return b""

    @property
    def parts(self) -> list[memoryview]:
        """What is loaded into memory, part by part."""
        return [self.dump.view(one.offset, one.size) for one in self.segments]

    def types(self) -> memoryview | None:
        """Where its BTF is; None where it has none."""
        return self.section(".BTF")

    @cached_property
    def listed(self) -> ListedSymbols | None:
        """Its own kallsyms tables, where the symbol table was stripped."""
        memory = Memory(self.name, [Segment(one.va, one.va + one.size, self.dump, one.offset) for one in self.segments])
        for one in self.segments:
            found = find.find(memory, one.va, one.va + one.size)
            if found:
                return ListedSymbols(found)
        return None

    @cached_property
    def has_symbols(self) -> bool:
        """Whether there is a symbol table (strip leaves none)."""
        return any(one.kind == structs.SHT_SYMTAB and one.size for one in self.sections)

    def symbols(self, wanted: Iterable[str]) -> dict[str, int]:
        """VA of each of these symbols that is known: by the symbol table, or where that was stripped by kallsyms."""
        if self.has_symbols:
            return self._symtab(wanted)
        if not self.listed:
            return {}
        found, base_at = self.listed.places(), self.listed.found.base_at
        base = self.pointer(base_at) if base_at else 0
        return found if base is None else found | self.listed.addresses(wanted, base)

    @property
    def _symbol_table(self) -> Section | None:
        """The symbol table whose names can be had; None where it was stripped."""
        return next((one for one in self.sections if one.kind == structs.SHT_SYMTAB and one.link < len(self.sections)), None)

    def named_within(self, start: int, end: int) -> list[tuple[str, int]]:
        """Name and VA of every symbol in the symbol table between two VAs, local ones too; none where it was stripped."""
        import numpy as np

        table = self._symbol_table
        if table is None:
            return []
        strings, entries = bytes(self._bytes(self.sections[table.link])), self._entries(table)
        hits = np.flatnonzero((entries["value"] >= start) & (entries["value"] < end) & (entries["section"] != 0))
        return [(read_elf.text_at(strings, int(entries["name"][hit])), int(entries["value"][hit])) for hit in hits]

    def every_symbol(self) -> Iterator[tuple[str, int, str]]:
        """Name, VA and nm's letter of every symbol that lies in a section; none where the table was stripped."""
        table = self._symbol_table
        if table is None:
            return
        strings, entries = bytes(self._bytes(self.sections[table.link])), self._entries(table)
        columns = (entries[name].tolist() for name in ("name", "info", "section", "value"))
        for label, info, section, va in zip(*columns, strict=True):
            if label and 0 < section < len(self.sections) and info & 15 <= structs.STT_FUNC:
                yield read_elf.text_at(strings, label), va, _letter(self.sections[section], info >> 4, info & 15)

    def _entries(self, table: Section) -> Any:
        """The symbol table as an array of Elf64_Sym."""
        import numpy as np

        raw = self._bytes(table)
        form = np.dtype(structs.SYMBOLS)
        return np.frombuffer(raw[: len(raw) // form.itemsize * form.itemsize], form)

    def _symtab(self, wanted: Iterable[str]) -> dict[str, int]:
        """The same by the symbol table. The file's names may share their ends, so every end of a name counts."""
        import numpy as np

        table = next(one for one in self.sections if one.kind == structs.SHT_SYMTAB)
        if not table.link < len(self.sections):
            raise DumpError(f"{self.name}: its symbol table has no names", _WHOLE)
        strings, entries = bytes(self._bytes(self.sections[table.link])), self._entries(table)
        labels = entries["name"].copy()
        order = np.argsort(labels, kind="stable")
        ordered, found = labels[order], {}
        for name in wanted:
            for at in _occurrences(strings, name.encode() + b"\0"):
                index = int(np.searchsorted(ordered, at))
                if index < len(ordered) and ordered[index] == at and entries["section"][order[index]]:
                    found[name] = int(entries["value"][order[index]])
                    break
        return found

    def read(self, va: int, size: int) -> bytes:
        """Up to `size` bytes of the image at a VA, as they are in the file; fewer at the end, none outside."""
        for one in self.segments:
            if one.va <= va < one.va + one.size:
                return self.dump.read(one.offset + va - one.va, min(size, one.va + one.size - va))
        return b""

    def pointer(self, va: int) -> int | None:
        """The pointer at a VA as the kernel sees it when it runs where it was linked; None outside the file."""
        raw = self.read(va, 8)
        if len(raw) < 8:
            return None
        return int.from_bytes(raw, "little") or self._addend(va) or 0

    def _addend(self, va: int) -> int | None:
        import numpy as np

        form = np.dtype(structs.RELOCATIONS)
        for section in self.sections:
            if section.kind == structs.SHT_RELA and section.flags & structs.SHF_ALLOC:
                raw = self._bytes(section)
                entries = np.frombuffer(raw[: len(raw) // form.itemsize * form.itemsize], form)
                hits = np.flatnonzero(entries["offset"] == va)
                if len(hits) and int(entries["info"][hits[0]]) & 0xFFFFFFFF == machines.RELATIVE[self._header.machine]:
                    return int(entries["addend"][hits[0]])
        return None


def _letter(section: Section, binding: int, kind: int) -> str:
    """A symbol's letter as nm has it: what its section holds, small where it is local."""
    data = "b" if section.kind == structs.SHT_NOBITS else "d" if section.flags & structs.SHF_WRITE else "r"
    letter = "t" if section.flags & structs.SHF_EXECUTE else data
    if binding == structs.STB_WEAK:
        return "V" if kind == structs.STT_OBJECT else "W"
    return letter.upper() if binding else letter


def _occurrences(strings: bytes, wanted: bytes) -> Iterable[int]:
    at = strings.find(wanted)
    while at >= 0:
        yield at
        at = strings.find(wanted, at + 1)


def _zlib(data: memoryview, size: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, size)
    except zlib.error as error:
        raise ValueError(str(error)) from None


def _zstd(data: memoryview, size: int) -> bytes:
    import zstandard

    try:
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=size)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None


_UNPACK = {structs.ELFCOMPRESS_ZLIB: _zlib, structs.ELFCOMPRESS_ZSTD: _zstd}
