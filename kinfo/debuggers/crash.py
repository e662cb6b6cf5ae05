"""crash: the options that it needs to find the kernel of a dump without VMCOREINFO (crash.8, and `crash --help`)."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from functools import partial

from kinfo.arch import arm, arm64, machines, x86_64
from kinfo.debuggers import core_file
from kinfo.debuggers.files import openable
from kinfo.debuggers.session import DebugRequest, Session
from kinfo.debuggers.symbol_file import machine
from kinfo.errors import KernelError
from kinfo.kernel.boot.linear_map import linear_map
from kinfo.kernel.boot.slide import check, slide
from kinfo.kernel.boot.vmcoreinfo import read
from kinfo.kernel.kernel import Kernel

CORE, VMLINUX = "kinfo.core", "vmlinux"
# Since 6.0 vabits_actual is a constant, and no symbol, unless CONFIG_ARM64_VA_BITS_52 is on. crash 8.0.2 then takes VA_BITS
# from VMCOREINFO, or guesses one too low and says that kernel and dump do not match.
_NO_VABITS_ACTUAL = (6, 0)
_BUILDS = {
    arm64.MACHINE: "built for arm64: `make target=ARM64` on x86-64, where Debian's own crash refuses the dump",
    x86_64.MACHINE: "built for x86-64",
    arm.MACHINE: "built for 32-bit arm: `make target=ARM` on x86-64, where Debian's own crash refuses the dump",
}
_NO_WAY = "arm64, x86-64 and 32-bit arm are known; take --tool gdb"
_WHY_FOREIGN = "# the dump's VMCOREINFO note is not this kernel's (see kinfo info), and crash would believe it:"
_WHY_A_CORE = "# crash wants VMCOREINFO for arm64 kernels from 6.0 on; if it says that the two do not match:"


def session(kernel: Kernel, asked: DebugRequest) -> Session:
    """The command line. Raises KernelError without virtual addresses or slide."""
    if kernel.space is None:
        raise kernel.no_space
    if machine(kernel) not in _BUILDS:
        raise KernelError(f"what crash needs for {machines.name_of(machine(kernel))} kernels is not known", _NO_WAY)
    vmlinux = asked.vmlinux or VMLINUX
    is_foreign = bool(read(kernel).findings)  # crash believes the dump's note, whatever its options say
    dump = "" if is_foreign else _dump(kernel)
    direct = ("crash", *_slide(kernel), *_machine(kernel), vmlinux, dump) if dump else ()
    build = f"# crash 8.0.2 or later, {_BUILDS[machine(kernel)]}"
    if direct and (kernel.space.form is None or not _wants_vmcoreinfo(kernel)):
        return Session(f"{build}\n{shlex.join(direct)}\n", direct, "crash")
    core_file.check(kernel)
    core = ("crash", *_wide(kernel), vmlinux, CORE)
    make = shlex.join(("kinfo", "core", *asked.memory_words, "-o", CORE))
    why = _WHY_FOREIGN if is_foreign else _WHY_A_CORE if direct else ""
    lines = (build, shlex.join(direct), why, make, shlex.join(core))
    shown = "".join(f"{line}\n" for line in lines if line)
    return Session(shown, core, "crash", files={CORE: partial(core_file.write, kernel)})


def _wide(kernel: Kernel) -> tuple[str, ...]:
    """What crash cannot take from the core's VMCOREINFO: PHYS_OFFSET of a kernel with 52-bit VAs on a CPU with fewer.

    The kernel counts it from the PAGE_OFFSET of 52 bits, crash 8.0.2 from that of the bits in use.
    """
    linear = linear_map(kernel)
    if linear.used is None or linear.used == linear.phys_offset:
        return ()
    return ("-m", f"phys_offset={linear.used:#x}")


def _wants_vmcoreinfo(kernel: Kernel) -> bool:
    version = kernel.pointers.version
    is_new = version is None or version >= _NO_VABITS_ACTUAL
    return machine(kernel) == arm64.MACHINE and is_new and b"NUMBER(VA_BITS)" not in kernel.memory.vmcoreinfo


def known_slide(kernel: Kernel) -> int:
    """The KASLR slide. Raises KernelError where it is not known."""
    found = slide(kernel)
    if found is None and (against := check(kernel)):
        raise KernelError(f"the KASLR slide is not known: {against[0].message}", against[0].remedy)
    if found is None:
        raise KernelError(
            f"the KASLR slide is not known: no link address for {kernel.pointers.release or 'this kernel'}",
            "compare `nm vmlinux` with `kinfo lookup RAM _stext` and give crash the difference as --kaslr",
        )
    return found.slide


def _slide(kernel: Kernel) -> Iterator[str]:
    if found := known_slide(kernel):
        yield f"--kaslr={found:#x}"


def _machine(kernel: Kernel) -> Iterator[str]:
    """-m options: what crash would read from VMCOREINFO."""
    space = kernel.space
    assert space is not None
    if machine(kernel) == arm.MACHINE:
        phys_offset = linear_map(kernel).phys_offset
        yield from ("-m", f"phys_base={phys_offset:#x}") if phys_offset is not None else ()
        return
    if machine(kernel) == x86_64.MACHINE:
        text = kernel.kallsyms.borders.stext
        yield from ("-m", f"phys_base={text - (space.va(text) - x86_64.START_KERNEL_MAP):#x}")
        return
    if space.va_bits:
        yield from ("-m", f"vabits_actual={space.va_bits}")
    yield from ("-m", f"kimage_voffset={space.voffset:#x}")
    start = linear_map(kernel)
    number = start.phys_offset if start.used is None else start.used
    if number is not None:
        yield from ("-m", f"phys_offset={number:#x}")


def _dump(kernel: Kernel) -> str:
    """The dump as crash takes it: an ELF core by its name, raw files with their addresses; "" for what it cannot read."""
    memory = kernel.memory
    if not all(openable(segment.dump) for segment in memory.segments):
        return ""
    if memory.is_raw:
        return ",".join(f"{segment.dump.name}@{segment.start:#x}" for segment in memory.segments)
    if memory.machine is None or len({segment.dump.name for segment in memory.segments}) > 1:
        return ""
    return memory.segments[0].dump.name
