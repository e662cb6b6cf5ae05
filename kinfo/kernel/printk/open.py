"""From what a user names to the kernel's log: RAM, cores, kdump's vmcore, region files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO, NamedTuple

from kinfo.errors import DrawError, DumpError, HoleError, KernelError, KinfoError, RecordError
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.open import kernel_in, record_word
from kinfo.kernel.printk import of_kernel, of_note, of_regions
from kinfo.kernel.printk.message import PrintkLog
from kinfo.kernel.printk.of_regions import Region
from kinfo.meminspect import minidump
from kinfo.memory import Memory, open_dump
from kinfo.memory.specs import RawDump, open_memory

Path = str | os.PathLike[str]
_LARGEST_REGION = 1 << 31  # of a log; other regions are smaller


class Opened(NamedTuple):
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


def open_log(specs: Path | Sequence[Path], kinfo: Path | int | None = None, stdin: BinaryIO | None = None) -> Opened:
    """The log, with the kernel that it is of where a record led to it. Errors as for `dmesg`."""
    paths = [os.fspath(path) for path in ([specs] if isinstance(specs, (str, os.PathLike)) else specs)]
    if files := _region_files(paths):
        return Opened(of_regions.log_of(_regions(files), paths[0] if len(paths) == 1 else f"{len(paths)} files"), None)
    memory = open_memory(paths, stdin)
    kernel: Kernel | None = None
    try:
        kernel = _kernel(memory, record_word(kinfo))
        if kernel is not None:
            return Opened(of_kernel.log_of(kernel), kernel)
        assert isinstance(memory, Memory)
        log = of_note.log_of(memory)
    except BaseException:
        (memory.dump if isinstance(memory, RawDump) else memory).close()
        raise
    memory.close()
    return Opened(log, None)


def _kernel(opened: Memory | RawDump, kinfo: str | None) -> Kernel | None:
    """The kernel by its record; None where VMCOREINFO is to lead to the log.

    That is so for kdump's vmcore, which can be as large as a machine: its note has CRASHTIME, so the kernel wrote it as it
    crashed. In other dumps a record comes first, for a note there may be another boot's.
    """
    if kinfo is None and isinstance(opened, Memory) and b"\nCRASHTIME=" in opened.vmcoreinfo:
        return None
    try:
        return kernel_in(opened, kinfo)
    except DrawError:
        raise
    except (RecordError, KernelError, HoleError):
        if kinfo is not None or isinstance(opened, RawDump):
            raise
        return None


def _region_files(paths: Sequence[str]) -> list[str]:
    """The region files that were named, one by one or by their folder; none where something else was."""
    if len(paths) == 1 and os.path.isdir(paths[0]):
        folder = paths[0]
        try:
            names = sorted(os.listdir(folder))
        except OSError as error:
            raise DumpError(f"{folder}: cannot be listed: {error.strerror}", "check its permissions") from error
        minidump.files(folder, [(name, 0) for name in names])  # raises where there is none
        return [path for name in names if _is_region(path := os.path.join(folder, name))]
    return list(paths) if len(paths) > 1 and all(map(_is_region, paths)) else []


def _is_region(path: str) -> bool:
    return _entry(path) is not None and os.path.isfile(path)


def _entry(path: str) -> tuple[int, str] | None:
    try:
        found = minidump.files("", [(os.path.basename(path), 0)]).entries[0]
    except KinfoError:
        return None
    return (found.id or 0, found.name)


def _regions(paths: Sequence[str]) -> list[Region]:
    found = []
    for path in paths:
        entry = _entry(path)
        if entry is None or not os.path.getsize(path):  # v3 registers a log of log_buf_len= with size 0
            continue
        with open_dump(path) as dump:
            found.append(Region(*entry, dump.read(0, _LARGEST_REGION)))
    return found
