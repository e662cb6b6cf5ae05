"""gdb: the symbol file beside the dump. An ELF core of physical memory has physical addresses, so its symbols have too."""

from __future__ import annotations

from kinfo.debuggers.files import openable
from kinfo.debuggers.session import SYMBOLS, Asked, Session
from kinfo.debuggers.symbol_file import machine, symbol_file
from kinfo.errors import KernelError
from kinfo.kernel.kernel import Kernel

_NAMES = {183: "aarch64", 62: "i386:x86-64", 40: "arm"}


def session(kernel: Kernel, asked: Asked) -> Session:
    """The command line for an ELF core.

    Raises KernelError for other dumps: gdb reads memory from ELF cores only.
    """
    if kernel.memory.machine is None or len({segment.dump.name for segment in kernel.memory.segments}) > 1:
        raise KernelError(
            f"{kernel.memory.name}: gdb reads ELF cores only",
            "load its symbols alone (kinfo symbols RAM -o vmlinux.syms; gdb vmlinux.syms), or use --tool crash or drgn",
        )
    name = openable(kernel.memory.segments[0].dump)
    architecture = f"set architecture {_NAMES.get(machine(kernel), 'auto')}"
    return Session(
        ("gdb-multiarch", "-ex", architecture, SYMBOLS, name),
        "gdb-multiarch",
        symbols=symbol_file(kernel, physical=True),
        make_symbols=("kinfo", "symbols", *asked.memory_words, "--physical", "-o", SYMBOLS),
    )
