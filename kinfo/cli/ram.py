"""What the commands share that read a kernel out of RAM: how it is named, and how it is opened."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence

from kinfo.cli import common, declare
from kinfo.cli.words import safe, say
from kinfo.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinfo.kernel.beside import RamOptions
    from kinfo.kernel.kernel import Kernel
    from kinfo.kernel_build.beside import BuildBeside
    from kinfo.region_memory.names import RegionNames

Decorated = Callable[..., Any]
_NAME = re.compile(r"[A-Za-z_]\w*")

KINFO_HELP = "The record: a file that has it, or its PA in the memory (default: the memory is searched)."

SYMBOLS_HELP = "The build's vmlinux, Image or System.map: leads to a kernel without a record, is held against one with it."

PHYS_BASE_HELP = "With --symbols: the PA of _text (default: where the memory's own word, or the build's banner, has it)."

SLIDE_HELP = "With --symbols: how far KASLR moved the image (default: what the page tables say)."

BTF_HELP = "The types: a vmlinux, an Image or BTF alone (default: those that the kernel carries in its memory)."


def ram_argument(function: Decorated) -> Decorated:
    """RAM...: an ELF core, a LiME dump, a raw file, FILE@BASE several times; compressed or not."""
    return declare.argument("ram", nargs=-1, required=True, metavar="RAM...")(function)


def kernel_options(function: Decorated) -> Decorated:
    """--kinfo, --symbols, --phys-base, --slide: how the kernel is found; `RamOptions` has them."""
    for option in (
        declare.option("--slide", kind=common.NUMBER, metavar="0xN", help=SLIDE_HELP),
        declare.option("--phys-base", kind=common.NUMBER, metavar="PA", help=PHYS_BASE_HELP),
        declare.option("--symbols", metavar="FILE", help=SYMBOLS_HELP),
        declare.option("--kinfo", metavar="FILE|PA", help=KINFO_HELP),
    ):
        function = option(function)
    return function


def beside(options: RamOptions) -> BuildBeside | None:
    """The build's files that were named."""
    if options.symbols is None:
        if options.phys_base is not None or options.slide is not None:
            option = "--phys-base" if options.slide is None else "--slide"
            raise declare.UsageError(f"{option} is for --symbols: name the build's files, or leave it out")
        return None
    from kinfo.kernel_build.beside import build_beside

    return build_beside(options.symbols, common.stdin(), phys_base=options.phys_base, slide=options.slide)


def command_words(options: RamOptions) -> list[str]:
    """What leads to the kernel, as words of a command line."""
    from kinfo.kernel.beside import kernel_words

    return list(map(safe, kernel_words(options)))


def btf_option(function: Decorated) -> Decorated:
    """--btf: the types, where the kernel in the memory carries none."""
    return declare.option("--btf", metavar="FILE", help=BTF_HELP)(function)


def use_btf(kernel: Kernel, path: str | None) -> None:
    """Take the kernel's types out of the file that was named, if one was. Raises KinfoError where it is another kernel's."""
    if path is not None:
        from kinfo.kernel.types.source import types_for

        kernel.types = types_for(kernel, path, common.stdin())


def opened(ram: Sequence[str], options: RamOptions) -> Kernel:
    """The kernel in the memory that was named; what was concluded on the way is said on standard error."""
    from kinfo.kernel.open import open_kernel

    kernel = open_kernel(ram, options.kinfo, common.stdin(), beside=beside(options))
    kernel.memory.name = safe(kernel.memory.name)
    for note in kernel.notes:
        say(note)
    return kernel


def region_names(ram: Sequence[str]) -> RegionNames | None:
    """What region files, or a core image of them, tell of names; None where something else was named."""
    if not any(map(os.path.exists, ram)):  # FILE@BASE, standard input
        return None
    from kinfo.region_memory.open import open_regions

    memory = open_regions(ram)
    if memory is None:
        return None
    from kinfo.region_memory.names import RegionNames

    return RegionNames(memory)


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """RAM... and what follows it: the first word, and all others up to the first that names no file, are RAM.

    A folder is all of it. Raises UsageError for a plain name of a file behind the first: it may be a symbol's as well.
    """
    is_folder = os.path.isdir(words[0])
    count = 1 if is_folder else next((at for at, word in enumerate(words) if at and not _is_memory(word)), len(words))
    if (name := next((word for word in words[1:count] if _NAME.fullmatch(word)), None)) is not None:
        shown = safe(name)
        ways = f"write ./{shown} for the file, {shown}+0x0 for the other"
        raise declare.UsageError(f"{shown} is a file here, and may be a symbol or a region: {ways}")
    return list(words[:count]), list(words[count:])


def _is_memory(word: str) -> bool:
    return os.path.exists(word) or os.path.exists(word.partition(",")[0].rpartition("@")[0])
