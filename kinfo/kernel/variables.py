"""Variables of the kernel image, by name."""

from __future__ import annotations

from kinfo.errors import DumpError, KernelError
from kinfo.kernel.kernel import Kernel


def pa_of(kernel: Kernel, name: str) -> int | None:
    """PA of a variable; None where kallsyms does not list it (it does with CONFIG_KALLSYMS_ALL), or not only one."""
    symbol = kernel.kallsyms.variable(name)
    return symbol.pa if symbol else None


def number(kernel: Kernel, name: str, size: int = 0) -> int | None:
    """A variable's value, unsigned, of so many bytes (0: a long); None where it is not listed or not in the dump."""
    pa, width = pa_of(kernel, name), size or kernel.word
    if pa is None or not kernel.memory.holds(pa, width):
        return None
    return kernel.memory.number(pa, width)


def between(kernel: Kernel, start: str, end: str, limit: int) -> bytes:
    """What lies between two symbols of the image; empty where they are not listed, too far apart or not in the dump."""
    first, last = pa_of(kernel, start), pa_of(kernel, end)
    if first is None or last is None or not 0 < last - first <= limit or not kernel.memory.holds(first, last - first):
        return b""
    return kernel.memory.read(first, last - first)


def bytes_at(kernel: Kernel, va: int, size: int) -> bytes:
    """The bytes at a VA; empty where they cannot be had."""
    try:
        return kernel.space.read(va, size) if kernel.space else b""
    except (KernelError, DumpError):
        return b""
