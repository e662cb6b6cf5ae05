"""From what a user names to the kernel's log: RAM, cores, kdump's vmcore, region files."""

from __future__ import annotations

import os
from collections.abc import Sequence

from kinfo.errors import DrawError, HoleError, KernelError, RecordError
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.open import kernel_in, record_word
from kinfo.kernel.printk import of_kernel
from kinfo.kernel.printk.message import PrintkLog
from kinfo.memory import Memory
from kinfo.named import NamedTuple
from kinfo.sources import RawDump, open_memory
from kinfo.sources.folder import has_dump
from kinfo.sources.specs import paths_of
from kinfo.typed import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from kinfo.kernel.beside import Beside

Path = str | os.PathLike[str]


class OpenedLog(NamedTuple):
    """A log, and the kernel where a record led to it (it is open: close it)."""

    log: PrintkLog
    kernel: Kernel | None


def dmesg(specs: Path | Sequence[Path], kinfo: Path | int | None = None, stdin: BinaryIO | None = None) -> PrintkLog:
    """The log of the kernel in a dump.

    `specs` are files as for `open_kernel`, a kdump vmcore, a core image or the region files of meminspect (a folder, or the
    files). `kinfo` is a record, where the dump has none; without any the log is found by VMCOREINFO. Raises KinfoError: for
    files as `open_memory`, and where nothing leads to a log or nothing of it is in the dump.
    """
    opened = open_log(specs, kinfo, stdin)
    if opened.kernel:
        opened.kernel.close()
    return opened.log


def open_log(
    specs: Path | Sequence[Path],
    kinfo: Path | int | None = None,
    stdin: BinaryIO | None = None,
    *,
    is_kernel_wanted: bool = False,
    beside: Beside | None = None,
) -> OpenedLog:
    """The log, with the kernel that it is of where that was found; `is_kernel_wanted`: for more than its log.

    `beside` are its build's files, as for `open_kernel`.

    Errors as for `dmesg`.
    """
    paths = paths_of(specs)
    if all(map(_may_be_regions, paths)):
        from kinfo.kernel.printk import region_files

        if files := region_files.named(paths):
            return OpenedLog(region_files.log_of(files, paths), None)
    memory = open_memory(paths, stdin)
    kernel: Kernel | None = None
    try:
        kernel = _kernel(memory, record_word(kinfo), beside, is_wanted=is_kernel_wanted)
        if kernel is not None:
            return OpenedLog(of_kernel.log_of(kernel), kernel)
        from kinfo.kernel.printk import of_note

        assert isinstance(memory, Memory)
        log = of_note.log_of(memory)
    except BaseException:
        memory.close()
        raise
    memory.close()
    return OpenedLog(log, None)


def _may_be_regions(path: str) -> bool:
    return not has_dump(path) if os.path.isdir(path) else os.path.basename(path).lower().startswith("md_")


def _kernel(opened: Memory | RawDump, kinfo: str | None, beside: Beside | None, *, is_wanted: bool) -> Kernel | None:
    """The kernel, by a record or VMCOREINFO; None where the note alone is to lead to the log.

    That is so for kdump's vmcore, which can be as large as a machine: its note has CRASHTIME, so the kernel wrote it as it
    crashed. In other dumps a record comes first, for a note there may be another boot's. (A core of a few regions has a log
    and no kernel.)
    """
    is_stated = kinfo is not None or beside is not None
    if not is_stated and not is_wanted and isinstance(opened, Memory) and b"\nCRASHTIME=" in opened.vmcoreinfo:
        return None
    try:
        return kernel_in(opened, kinfo, beside)
    except DrawError:
        raise
    except (RecordError, KernelError, HoleError):
        if is_stated or isinstance(opened, RawDump):
            raise
        return None
