"""What the commands share that read a kernel out of RAM: how it is named, and how it is opened."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from kinfo.cli import common
from kinfo.cli.words import safe, say
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.open import open_kernel

if TYPE_CHECKING:
    from kinfo.region_memory.names import RegionNames

Decorated = Callable[..., Any]

KINFO_HELP = "The record: a file that has it, or its PA in the memory (default: the memory is searched)."

BTF_HELP = "The types: a vmlinux, an Image or BTF alone (default: those that the kernel carries in its memory)."


def ram_argument(function: Decorated) -> Decorated:
    """RAM...: an ELF core, a LiME dump, a raw file, FILE@BASE several times; compressed or not."""
    return click.argument("ram", nargs=-1, required=True, metavar="RAM...")(function)


def kinfo_option(function: Decorated) -> Decorated:
    """--kinfo: where the record is."""
    return click.option("--kinfo", metavar="FILE|PA", help=KINFO_HELP)(function)


def btf_option(function: Decorated) -> Decorated:
    """--btf: the types, where the kernel in the memory carries none."""
    return click.option("--btf", metavar="FILE", help=BTF_HELP)(function)


def use_btf(kernel: Kernel, path: str | None) -> None:
    """Take the kernel's types out of the file that was named, if one was. Raises KinfoError where it is another kernel's."""
    if path is not None:
        from kinfo.kernel.types.source import types_for

        kernel.types = types_for(kernel, path, common.stdin())


def opened(ram: Sequence[str], kinfo: str | None) -> Kernel:
    """The kernel in the memory that was named; what was concluded on the way is said on standard error."""
    kernel = open_kernel(ram, kinfo, common.stdin())
    kernel.memory.name = safe(kernel.memory.name)
    for note in kernel.notes:
        say(note)
    return kernel


def region_names(ram: Sequence[str]) -> RegionNames | None:
    """What region files, or a core image of them, tell of names; None where something else was named."""
    from kinfo.region_memory.open import open_regions

    memory = open_regions(ram)
    if memory is None:
        return None
    from kinfo.region_memory.names import RegionNames

    return RegionNames(memory)


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """RAM... and what follows it: the first word, and all others up to the first that names no file, are RAM."""
    count = next((at for at, word in enumerate(words) if at and not _is_memory(word)), len(words))
    return list(words[:count]), list(words[count:])


def _is_memory(word: str) -> bool:
    return os.path.exists(word) or os.path.exists(word.partition(",")[0].rpartition("@")[0])
