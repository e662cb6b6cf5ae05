"""gdb: the symbol file beside a core.

An ELF core of physical memory has physical addresses, so the symbols get theirs, and nothing is copied. Other dumps are
written as a core that has the kernel image at its virtual addresses. A vmlinux has those of the link: gdb reads them from the
file, silently, unless it is told the slide.
"""

from __future__ import annotations

import shlex
from functools import partial

from kinfo.arch import arm, arm64, x86_64
from kinfo.debuggers import core_file
from kinfo.debuggers.crash import CORE, known_slide
from kinfo.debuggers.files import openable
from kinfo.debuggers.session import DebugRequest, Session
from kinfo.debuggers.symbol_file import machine, symbol_file
from kinfo.kernel.kernel import Kernel

SYMBOLS = "vmlinux.syms"
_NAMES = {arm64.MACHINE: "aarch64", x86_64.MACHINE: "i386:x86-64", arm.MACHINE: "arm"}


def session(kernel: Kernel, asked: DebugRequest) -> Session:
    """The command lines. Raises KernelError where the dump is no ELF core and the page tables cannot be read."""
    if asked.vmlinux:
        return _with_vmlinux(kernel, asked)
    is_core = _is_core(kernel)
    name = kernel.memory.segments[0].dump.name if is_core else CORE
    argv = ("gdb-multiarch", "-ex", f"set architecture {_NAMES.get(machine(kernel), 'auto')}", SYMBOLS, name)
    make = [("kinfo", "symbols", *asked.memory_words, *(("--physical",) if is_core else ()), "-o", SYMBOLS)]
    symbols = symbol_file(kernel, physical=is_core)
    files = {SYMBOLS: lambda file: file.write(symbols)}
    if not is_core:
        core_file.check(kernel)
        make.append(("kinfo", "core", *asked.memory_words, "-o", CORE))
        files[CORE] = partial(core_file.write, kernel)
    return Session("".join(shlex.join(words) + "\n" for words in (*make, argv)), argv, "gdb-multiarch", files=files)


def _with_vmlinux(kernel: Kernel, asked: DebugRequest) -> Session:
    """The same with the symbols and types of a vmlinux, moved to where the kernel ran."""
    core_file.check(kernel)
    found = known_slide(kernel)
    make = shlex.join(("kinfo", "core", *asked.memory_words, "-o", CORE))
    # gdb takes an argument of its commands apart as a shell does
    commands = (f"set architecture {_NAMES[machine(kernel)]}", f"symbol-file -o {found:#x} {shlex.quote(asked.vmlinux)}")
    argv = ("gdb-multiarch", *(word for command in commands for word in ("-ex", command)), "-c", CORE)
    writers = {CORE: partial(core_file.write, kernel)}
    return Session(f"{make}\n{shlex.join(argv)}\n", argv, "gdb-multiarch", files=writers)


def _is_core(kernel: Kernel) -> bool:
    segments = kernel.memory.segments
    is_one = len({segment.dump.name for segment in segments}) == 1
    return kernel.memory.machine is not None and is_one and openable(segments[0].dump)
