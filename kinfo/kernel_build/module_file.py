"""A module's file (.ko): its functions by name, each with its place in the section that has it."""

from __future__ import annotations

from itertools import pairwise

from kinfo.elf import read as read_elf
from kinfo.elf import structs
from kinfo.elf.structs import ELF64, form_of
from kinfo.errors import DumpError
from kinfo.sources import open_file

_MOST_SYMBOLS = 1 << 20
_MOST_NAMES = 1 << 26
_HINT = "name the folder that has the modules' unpacked .ko files"


class ModuleFile:
    """An object file that is a module.

    `symbols` are its functions by name: offset in the section, size up to the next one (0: it is the last, whose size the
    kernel rounds), the section's name. Raises DumpError for other files, and for damaged ones.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        with open_file(path) as file:
            view = file.content.view
            header = read_elf.header(view, ELF64)
            if header is None or form_of(file.content.read(0, 16)) is not ELF64 or header.type != structs.ET_REL:
                raise DumpError(f"{path}: is no kernel module", _HINT)
            sections = read_elf.named_sections(view, ELF64, header)
            if sections is None or header.shstrndx >= len(sections):
                raise DumpError(f"{path}: the section headers are damaged or cut off", _HINT)
            table = next((one for one in sections if one.type == structs.SHT_SYMTAB), None)
            if table is None or table.link >= len(sections) or table.size > _MOST_SYMBOLS * ELF64.symbol.size:
                raise DumpError(f"{path}: has no symbol table", "name one that was not stripped")
            strings = sections[table.link]
            if strings.size > _MOST_NAMES:
                raise DumpError(f"{path}: the symbol table is damaged", _HINT)
            raw = bytes(view(table.offset, table.size))
            labels = bytes(view(strings.offset, strings.size))
            code = {index: one.name for index, one in enumerate(sections) if one.flags & structs.SHF_EXECUTE}
        self.symbols = _functions(raw, labels, code)


def _functions(raw: bytes, labels: bytes, code: dict[int, str]) -> dict[str, list[tuple[int, int, str]]]:
    by_section: dict[int, list[tuple[int, str]]] = {}
    form = ELF64.symbol
    for name, _, _, section, value, _ in form.iter_unpack(raw[: len(raw) // form.size * form.size]):
        text = read_elf.text_at(labels, name)
        if text and section in code and not text.startswith(("$", ".L")):
            by_section.setdefault(section, []).append((value, text))
    found: dict[str, list[tuple[int, int, str]]] = {}
    for section, listed in by_section.items():
        places = sorted({offset for offset, _ in listed})
        sizes = {low: high - low for low, high in pairwise(places)}
        for offset, text in listed:
            found.setdefault(text, []).append((offset, sizes.get(offset, 0), code[section]))
    return found
