"""crash: the options that it needs to find the kernel of a dump without VMCOREINFO (crash.8, and `crash --help`)."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.debuggers.files import openable
from kinfo.debuggers.session import Asked, Session
from kinfo.debuggers.symbol_file import machine
from kinfo.errors import KernelError
from kinfo.kernel.boot.slide import slide
from kinfo.kernel.boot.summary import phys_offset
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.formats import ARM64

_X86_MAP = 0xFFFFFFFF80000000  # __START_KERNEL_map


def session(kernel: Kernel, asked: Asked) -> Session:
    """The command line. Raises KernelError without virtual addresses or slide, and for dumps that crash cannot read."""
    if kernel.space is None:
        raise kernel.no_space
    return Session(("crash", *_slide(kernel), *_machine(kernel), asked.vmlinux, _dump(kernel)), "crash")


def _slide(kernel: Kernel) -> Iterator[str]:
    found = slide(kernel)
    if found is None:
        raise KernelError(
            f"the KASLR slide is not known: no link address for {kernel.record.release_text or 'this kernel'}",
            "compare `nm vmlinux` with `kinfo lookup RAM _stext` and give crash the difference as --kaslr",
        )
    if found.slide:
        yield f"--kaslr={found.slide:#x}"


def _machine(kernel: Kernel) -> Iterator[str]:
    """-m options: what crash would read from VMCOREINFO."""
    space = kernel.space
    assert space is not None
    if machine(kernel) != ARM64:
        text = kernel.kallsyms.borders.stext
        yield from ("-m", f"phys_base={text - (space.va(text) - _X86_MAP):#x}")
        return
    if space.va_bits:
        yield from ("-m", f"vabits_actual={space.va_bits}")
    yield from ("-m", f"kimage_voffset={space.voffset:#x}")
    start = phys_offset(kernel)
    if start is not None:
        yield from ("-m", f"phys_offset={start:#x}")


def _dump(kernel: Kernel) -> str:
    """The dump as crash takes it: an ELF core by its name, raw files with their addresses."""
    memory = kernel.memory
    if memory.is_raw:
        return ",".join(f"{openable(segment.dump)}@{segment.start:#x}" for segment in memory.segments)
    if memory.machine is None or len({segment.dump.name for segment in memory.segments}) > 1:
        raise KernelError(f"{memory.name}: crash reads one ELF core, or raw files", "use --tool drgn, which reads all dumps")
    return openable(memory.segments[0].dump)
