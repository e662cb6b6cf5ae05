"""Where a kernel's BTF is: in its memory, or in a file that the user names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from kinfo.errors import KernelError
from kinfo.kernel.types.btf import LIMIT, Btf, search
from kinfo.kernel.types.types import Types
from kinfo.sources import open_source
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

    from kinfo.kernel.kernel import Kernel

_BANNER = re.compile(rb"Linux version [0-9][^\0\n]{0,500}")
_FILE_LIMIT = 4 << 30  # bytes of a file that are searched: a vmlinux with debug information has one or two
_HINT = "name the build's vmlinux, or its BTF alone, with --btf"


def types_of(kernel: Kernel) -> Types:
    """The types that a kernel carries in its memory: between its symbols, else the first in its image.

    (CONFIG_DEBUG_INFO_BTF; __start_BTF and __stop_BTF, include/asm-generic/vmlinux.lds.h. Without CONFIG_KALLSYMS_ALL the two
    have no name.) Raises KernelError where there are none.
    """
    word = kernel.pointers.word
    named = _between_symbols(kernel)
    if named is not None:
        try:
            return Types(Btf(named), word=word, source="BTF in the RAM, at __start_BTF")
        except KernelError as error:
            raise KernelError(f"{kernel.memory.name}: {error.message}", _HINT) from None
    problem = "the kernel in the memory has no BTF"
    for part in _held(kernel):
        try:
            return Types(search(part), word=word, source="BTF in the RAM, found by its magic")
        except KernelError as error:
            if "carries no" not in error.message:
                problem = error.message
    raise KernelError(f"{kernel.memory.name}: {problem}: where structs have their members is not known", _HINT)


def _between_symbols(kernel: Kernel) -> memoryview | None:
    start, stop = kernel.kallsyms.variable("__start_BTF"), kernel.kallsyms.variable("__stop_BTF")
    if start is None or stop is None or not 0 < stop.pa - start.pa <= LIMIT:
        return None
    return kernel.memory.view_up_to(start.pa, stop.pa - start.pa)


def _held(kernel: Kernel) -> Iterator[memoryview]:
    """What the dump has of the image's data, run by run."""
    borders, memory = kernel.kallsyms.borders, kernel.memory
    at = borders.etext
    for segment in memory.segments:
        end = min(segment.end, borders.end)
        if segment.end > at and segment.start < borders.end:
            first = max(segment.start, at)
            yield memory.view_up_to(first, end - first)


def read_types(path: str | os.PathLike[str], stdin: BinaryIO | None = None, *, word: int = 8) -> Types:
    """The types in a file: BTF alone (/sys/kernel/btf/vmlinux), or a vmlinux or Image that carries it; compressed or not.

    Raises DumpError for a file that cannot be read, KernelError for one without sound BTF.
    """
    with open_source(os.fspath(path), stdin) as dump:  # what is mapped of it outlives it
        try:
            return Types(search(dump.view(0, min(dump.size, _FILE_LIMIT))), word=word, source=f"BTF of {dump.name}")
        except KernelError as error:
            raise KernelError(f"{dump.name}: {error.message}", error.hint or _HINT) from None


def types_for(kernel: Kernel, path: str | os.PathLike[str], stdin: BinaryIO | None = None) -> Types:
    """The types in a file, for a kernel in memory. Raises as `read_types`, and KernelError for those of another kernel.

    Held against the BTF in the memory, where there is one, else the file's banner against the kernel's; BTF alone has none.
    """
    found = read_types(path, stdin, word=kernel.pointers.word)
    try:
        own = types_of(kernel)
    except KernelError:
        _check_banner(kernel, path)
        return found
    if own.btf.types != found.btf.types or own.btf.strings != found.btf.strings:
        message = f"{os.fspath(path)}: its BTF is not that of the kernel in the memory, which carries its own"
        raise KernelError(message, "leave --btf out, or name the vmlinux of this very build")
    return found


def _check_banner(kernel: Kernel, path: str | os.PathLike[str]) -> None:
    from kinfo.kernel.boot.banner import banner

    wanted = banner(kernel) or kernel.pointers.release
    if not wanted or os.fspath(path) == "-":
        return
    with open_source(os.fspath(path)) as dump:
        banners = {one[0].decode("utf-8", "replace") for one in _BANNER.finditer(dump.view(0, min(dump.size, _FILE_LIMIT)))}
    if banners and not any(wanted in one for one in banners):
        shown = min(banners)[:120]
        message = f"{os.fspath(path)}: is of another kernel than the one in the memory ({wanted[:120]}): {shown}"
        raise KernelError(message, "name the vmlinux of this very build")
