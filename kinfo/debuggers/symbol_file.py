"""A kernel's symbols as an ELF file that gdb, drgn, perf and objdump load in place of vmlinux."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from kinfo.arch import arm, arm64
from kinfo.elf.symbols import ElfSymbol, SymbolSection, write
from kinfo.kernel.boot.build_id import build_id
from kinfo.kernel.kernel import Kernel

_CODE = ("text", "init text", "core", "init")  # core_layout and init_layout have everything in one


def symbol_file(kernel: Kernel, *, physical: bool = False, modules: bool = False) -> bytes:
    """The ELF file. Raises KernelError where virtual addresses are asked for and cannot be had."""
    sections = [*_image(kernel, physical=physical), *(_modules(kernel) if modules and not physical else ())]
    listed = kernel.symbols(physical=physical, modules=modules)
    symbols = (ElfSymbol(one.name, one.type, one.address, one.size) for one in listed)
    return write(machine(kernel), kernel.pointers.word, sections, symbols, build_id(kernel))


def machine(kernel: Kernel) -> int:
    """The kernel's ELF machine: the dump's own, else that of its page tables; arm64 where nothing tells."""
    form = kernel.space.form if kernel.space else None
    found = kernel.memory.machine or (form.machine if form else None)
    return found or (arm64.MACHINE if kernel.pointers.word == 8 else arm.MACHINE)


def _image(kernel: Kernel, *, physical: bool) -> Iterator[SymbolSection]:
    borders = kernel.kallsyms.borders
    shift = 0 if physical or not kernel.space else kernel.space.va(borders.stext) - borders.stext
    marks = (borders.text, borders.etext, borders.sinittext, borders.einittext, borders.end)
    names = ((".text", True, False), (".rodata", False, False), (".init.text", True, False), (".data", False, True))
    for (name, is_code, is_writable), (start, end) in zip(names, pairwise(marks), strict=True):
        if start < end:
            yield SymbolSection(name, start + shift, end + shift, is_code, is_writable)


def _modules(kernel: Kernel) -> Iterator[SymbolSection]:
    for module in kernel.modules.all if kernel.modules else ():
        for part in module.ranges:
            name = f".{module.name}.{part.kind}".replace(" ", "_")
            is_code = part.kind in _CODE
            yield SymbolSection(name, part.start, part.start + part.size, is_code, is_writable=not is_code)
