"""A module's own kallsyms: the core part of its ELF symbol table, kept while it is loaded (struct mod_kallsyms)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kinfo.elf.structs import ELF32, ELF64, STT_FUNC, ElfForm
from kinfo.errors import HoleError, KernelError
from kinfo.kernel.paging.space import Space
from kinfo.named import NamedTuple
from kinfo.record import text
from kinfo.record.kernels import Version

_TYPES_OF_THEIR_OWN = (5, 2)  # "kallsyms: store type information in its own array": typetab; before that in the symbol
_TYPE_IN_SIZE = (5, 0)  # "module: Overwrite st_size instead of st_info": two releases, and st_info before them
_THUMB_BIT_CLEARED = (5, 0)  # bit 0 of a function's st_value: kallsyms_symbol_value(), arch/arm/include/asm/module.h
_ONE_ARRAY = (7, 2)  # of exports, for everybody and for GPL modules: seen in 7.2, not in 6.18
_MOST_SYMBOLS = 1 << 18  # the largest modules have some 60,000
_LONGEST_NAME = 512
_EXPORTED = "__ksymtab_"


class ModuleSymbol(NamedTuple):
    """A symbol of a module, with its type as /proc/kallsyms has it: in capitals where the module exports it (see exports)."""

    name: str
    type: str
    va: int


def read(space: Space, mod_kallsyms: int, word: int, exported: set[tuple[str, int]] | None) -> list[ModuleSymbol]:
    """The symbols, in the order of the table. `exported` holds names and VAs; None where that could not be told.

    Raises KernelError and HoleError where it cannot be read.
    """
    version = space.kallsyms.pointers.version
    symtab, strtab, typetab = (space.number(mod_kallsyms + at * word, word) for at in (0, 2, 3))
    count = space.number(mod_kallsyms + word, 4)
    if count > _MOST_SYMBOLS:
        raise KernelError(f"a module with {count} symbols", "")
    rows = list(_rows(space.read(symtab, count * _form(word).symbol.size), word))
    has_types = version is None or version >= _TYPES_OF_THEIR_OWN
    is_in_size = version is not None and version >= _TYPE_IN_SIZE
    types = space.read(typetab, count) if has_types else bytes(row[3] & 0xFF if is_in_size else row[2] for row in rows)
    strings = _strings(space, strtab, max((name for name, *_ in rows), default=0) + _LONGEST_NAME)
    named = [(_string(strings, name), chr(kind), va) for (name, va, *_), kind in zip(rows, types, strict=True)]
    if exported is None:
        exported = _guessed(named, version)
    clears = word == 4 and (version is None or version >= _THUMB_BIT_CLEARED)
    marks = [clears and info & 0xF == STT_FUNC for _, _, info, _ in rows]
    return [
        ModuleSymbol(name, kind.upper() if (name, va) in exported else kind.lower(), va & ~1 if is_marked else va)
        for (name, kind, va), is_marked in zip(named, marks, strict=True)
        if name and kind.isprintable()
    ]


def _guessed(named: Iterable[tuple[str, str, int]], version: Version | None) -> set[tuple[str, int]]:
    """What a module exports by its own symbols: __ksymtab_NAME does not say to whom, and from 7.2 on that does not matter."""
    if version is None or version < _ONE_ARRAY:
        return set()
    named = list(named)
    marked = {name.removeprefix(_EXPORTED) for name, _, _ in named if name.startswith(_EXPORTED)}
    return {(name, va) for name, _, va in named if name in marked}


def _rows(raw: bytes, word: int) -> Iterator[tuple[int, int, int, int]]:
    """st_name, st_value, st_info, st_size of every symbol."""
    form = _form(word)
    for row in map(form.symbol_of, form.symbol.iter_unpack(raw)):
        yield row.name, row.value, row.info, row.size


def _form(word: int) -> ElfForm:
    return ELF64 if word == 8 else ELF32


def _strings(space: Space, strtab: int, size: int) -> bytes:
    """The string table: it ends somewhere before `size`, at the latest where nothing is mapped."""
    parts: list[bytes] = []
    at, end = strtab, strtab + min(size, _MOST_SYMBOLS * 64)
    while at < end:
        part = min(end, (at | 0xFFF) + 1) - at
        try:
            parts.append(space.read(at, part))
        except HoleError:  # a page that is there up to the end of the module
            parts.append(_up_to_the_hole(space, at, part))
            if not any(parts):
                raise
            break
        except KernelError:
            if not parts:
                raise
            break
        at += part
    return b"".join(parts)


def _up_to_the_hole(space: Space, va: int, size: int) -> bytes:
    pa = space.pa(va)
    return b"" if pa is None else bytes(space.memory.view_up_to(pa, size))


def _string(strings: bytes, at: int) -> str:
    return text.escape(strings[at : strings.find(b"\0", at)][:_LONGEST_NAME])
