"""Kernels in RAM dumps: what runs there, its symbols, and what debuggers take.

Every function takes an open `Kernel`, or what `kinfo.open_kernel` takes: files, with `kinfo` for the record. (For a
kernel that its build's files lead to, open it first.)
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from kinfo.printable import quoted

if TYPE_CHECKING:
    from kinfo.debuggers.session import Session
    from kinfo.findings import Finding
    from kinfo.kernel.boot.summary import Summary
    from kinfo.kernel.kernel import Kernel
    from kinfo.kernel.lookup import Lookup
    from kinfo.region_memory.names import RegionNames

Path = str | os.PathLike[str]


def open_kernel(
    specs: Path | Sequence[Path],
    kinfo: Path | int | None = None,
    stdin: BinaryIO | None = None,
    *,
    symbols: Path | None = None,
    phys_base: int | None = None,
    slide: int | None = None,
) -> Kernel:
    """The kernel in a memory dump.

    `specs` are files: ELF cores, LiME, raw with the PA of their first byte (FILE@BASE) or, a single one, without; compressed
    or not. `kinfo` is a file with the record, or the record's PA in the memory (a number, or "0x..."); without it the memory
    is searched. `symbols` is a file of the kernel's build (System.map, vmlinux, Image): it is held against what the memory
    says, and leads to the kernel where that says nothing; `phys_base` (PA of `_text`) and `slide` state where it runs. Raises
    KinfoError: for files as `open_memory`, when there is no kernel, when what points at it contradicts it, when the build is
    another one, when there are several kernels and nothing tells which one ran.
    """
    from kinfo.kernel import open as opener
    from kinfo.kernel_build.beside import build_beside

    beside = build_beside(symbols, stdin, phys_base=phys_base, slide=slide)
    return opener.open_kernel(specs, kinfo, stdin, beside=beside)


def info(ram: Kernel | Path | Sequence[Path], kinfo: Path | int | None = None) -> Summary:
    """What runs in memory: banner, slide, linear map, modules, uptime, with findings, the gravest first.

    Raises KinfoError as `kinfo.open_kernel` does.
    """
    from kinfo.kernel.boot.summary import summary

    with opened(ram, kinfo) as kernel:
        return summary(kernel)


def lookup(ram: Kernel | Path | Sequence[Path], *words: str | int, kinfo: Path | int | None = None) -> tuple[Lookup, ...]:
    """The name behind each address (a number, or text as 0x... or 16 hex digits), the addresses of each name (`name+0x10`).

    What cannot be found has no places and a reason. Region files of meminspect, their folder and their core image have the
    names of regions and of VMCOREINFO's lines. Raises KinfoError as `kinfo.open_kernel` does.
    """
    from kinfo.kernel.lookup import look_up

    asked = [f"{word:#x}" if isinstance(word, int) else word for word in words]
    if (names := _region_names(ram)) is not None:
        return tuple(look_up(names, word) for word in asked)
    with opened(ram, kinfo) as kernel:
        return tuple(look_up(kernel, word) for word in asked)


def _region_names(ram: Kernel | Path | Sequence[Path]) -> RegionNames | None:
    """What region files tell of names; None where RAM was named, or a kernel is open."""
    from kinfo.kernel.kernel import Kernel
    from kinfo.region_memory.names import RegionNames
    from kinfo.region_memory.open import open_regions
    from kinfo.sources.specs import paths_of

    if isinstance(ram, Kernel):
        return None
    memory = open_regions(paths_of(ram))
    return None if memory is None else RegionNames(memory)


def read(
    source: Path | Sequence[Path], what: str | int, size: int | None = None, *, kinfo: Path | int | None = None
) -> bytes:
    """The bytes of something in a dump, all at once; `kinfo read -o` streams them.

    `what` is a word as `kinfo read` takes it (`id:22`, `linux_banner`, `pa:0x4a000000`), a number a VA or a PA; `size` bytes,
    which an address needs. Raises KinfoError for a hole, with the address, and for a name of several things.
    """
    from kinfo.kernel.open import record_word
    from kinfo.read_out.open import found_in
    from kinfo.sources.specs import paths_of

    with found_in(paths_of(source), f"{what:#x}" if isinstance(what, int) else what, size, record_word(kinfo)) as found:
        return b"".join(found.pieces())


def symbol_file(
    ram: Kernel | Path | Sequence[Path], *, physical: bool = False, modules: bool = False, kinfo: Path | int | None = None
) -> bytes:
    """The kernel's symbols as an ELF file, which gdb, drgn, perf and objdump take in place of vmlinux.

    Addresses are virtual, or PAs where `physical`. Raises KernelError where virtual ones cannot be had.
    """
    from kinfo.debuggers import symbol_file as files

    with opened(ram, kinfo) as kernel:
        return files.symbol_file(kernel, physical=physical, modules=modules)


def core(
    ram: Kernel | Path | Sequence[Path],
    output: Path,
    *,
    force: bool = False,
    kinfo: Path | int | None = None,
    only_kernel: bool = False,
    regions: Path | None = None,
    series: str | None = None,
    from_table: bool = False,
) -> tuple[Finding, ...]:
    """Write memory, or the regions of a minidump, as an ELF core with VMCOREINFO, which crash, drgn and gdb open.

    `ram` is also a folder or list of md_K*.BIN, a Qualcomm raw dump of them, or a core of them to be mended; `regions` is a
    file that says where they lie, `series` the posting whose ids they have; `from_table` cuts them out of RAM. `only_kernel`:
    no page of processes and files (docs/ram.md says what is in it). Holes of sparse files stay holes; `force` overwrites.

    The findings say what the core lacks, and where sources of its addresses disagree. Raises KernelError where the page
    tables cannot be read or the kernel is a 32-bit one, KinfoError where there is no header and no address of a region, the
    file cannot be written, or what is for regions alone was given with RAM.
    """
    from contextlib import closing
    from functools import partial

    from kinfo.debuggers import core_file
    from kinfo.errors import KinfoError
    from kinfo.kernel.kernel import Kernel
    from kinfo.kernel.open import record_word
    from kinfo.meminspect.ids import series_named
    from kinfo.minidump.finished import checked
    from kinfo.minidump.sources import CoreRequest, plan_of
    from kinfo.sources.specs import paths_of
    from kinfo.whole_file import write_with

    if not isinstance(ram, Kernel) and not only_kernel:
        where = None if regions is None else os.fspath(regions)
        posting = None if series is None else series_named(series)
        if (plan := plan_of(paths_of(ram), CoreRequest(where, record_word(kinfo), posting, from_table))) is not None:
            with closing(plan):
                write_with(output, plan.write, force=force)
            return plan.findings
    if regions is not None or series is not None or from_table:
        message = "regions, series and from_table are for regions: md_K*.BIN, a raw dump or core of them"
        raise KinfoError(message, "leave them out for RAM, an open kernel and only_kernel")
    with opened(ram, kinfo) as kernel:
        core_file.check(kernel)
        of_source = checked(kernel.memory)
        if only_kernel:
            return (*_kernel_only(kernel, output, force=force), *of_source)
        write_with(output, partial(core_file.write, kernel), force=force)
        return (*core_file.findings(kernel), *of_source)


def _kernel_only(kernel: Kernel, output: Path, *, force: bool) -> tuple[Finding, ...]:
    from functools import partial

    from kinfo import notices
    from kinfo.debuggers import core_file, kernel_only
    from kinfo.kernel.excerpt.parts import excerpt
    from kinfo.whole_file import write_with

    kept = excerpt(kernel)
    write_with(output, partial(kernel_only.write, kernel, kept), force=force)
    for line in kernel_only.told(kept):
        notices.tell(line)
    return (*core_file.findings(kernel), *kept.findings)


def debug(ram: Path | Sequence[Path], tool: str, *, vmlinux: Path | None = None, kinfo: Path | int | None = None) -> Session:
    """How "crash", "gdb" or "drgn" opens memory: `shown` is the command line or script, `files` what must be made first.

    Raises UnknownNameError for another tool, KinfoError for a vmlinux of another build.
    """
    from importlib import import_module

    from kinfo.debuggers.session import TOOLS, DebugRequest
    from kinfo.debuggers.vmlinux import check
    from kinfo.errors import UnknownNameError, did_you_mean
    from kinfo.kernel.open import record_word
    from kinfo.sources.specs import paths_of

    if tool not in TOOLS:
        raise UnknownNameError(
            f"no debugger is called {quoted(tool)}", did_you_mean(tool, TOOLS, f"choose {', '.join(TOOLS)}")
        )
    paths = paths_of(ram)
    with opened(paths, kinfo) as kernel:
        if vmlinux is not None:
            check(kernel, os.fspath(vmlinux))
        asked = DebugRequest(tuple(paths), record_word(kinfo), os.fspath(vmlinux) if vmlinux is not None else "")
        made: Session = import_module(f"kinfo.debuggers.{tool}").session(kernel, asked)
        return made


@contextmanager
def opened(ram: Kernel | Path | Sequence[Path], kinfo: Path | int | None) -> Iterator[Kernel]:
    """The kernel; one that was opened for this is closed again."""
    from kinfo.kernel.kernel import Kernel

    if isinstance(ram, Kernel):
        yield ram
        return
    with open_kernel(ram, kinfo) as kernel:
        yield kernel
