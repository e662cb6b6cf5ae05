"""`kinfo info`."""

from __future__ import annotations

import os
from collections.abc import Sequence

from kinfo.cli import common, declare
from kinfo.cli.formats import data_format, show, strict_option
from kinfo.cli.main import FINDINGS
from kinfo.cli.options import takes
from kinfo.cli.ram import command_words, kernel_options, opened, ram_argument
from kinfo.cli.words import safe
from kinfo.errors import DrawError, KinfoError
from kinfo.named import NamedTuple
from kinfo.typed import overload


class Options(NamedTuple):
    """What `kinfo info` was asked for."""

    ram: tuple[str, ...]
    kinfo: str | None
    symbols: str | None
    phys_base: int | None
    slide: int | None
    form: str
    every: bool
    strict: bool


@declare.command("info", short_help="Show the kernel in a RAM dump on one screen")
@ram_argument
@kernel_options
@data_format()
@declare.option("--all-modules", "every", is_flag=True, help="List every module (text; the other formats do).")
@strict_option
@takes(Options)
def command(options: Options) -> int:
    """Show what runs in RAM...: record, kernel, virtual addresses and KASLR slide with their evidence, modules, uptime.

    RAM is named as for `kinfo symbols`. Of meminspect's core image, and of its region files (md_K*.BIN, or their folder), the
    log and VMCOREINFO are shown, and what is not in them is said.

    Exit 0 when record and memory agree, 1 when something is wrong (or the log cannot be read, where there is no more), 2 when
    they contradict each other or cannot be read, or RAM has several kernels and nothing tells which of them ran.

    \b
    kinfo info ram.elf
    kinfo info md/
    kinfo info DDRCS0_0.BIN@0x80000000 --kinfo region.bin --format json
    """
    from kinfo.kernel.boot.summary import summary
    from kinfo.report import kernel as report

    if names := _regions(options):
        return _without_kernel(options, "region files hold neither the kernel's image nor its page tables", names)
    try:
        kernel = opened(options.ram, options)
    except KinfoError as error:
        if isinstance(error, DrawError) or options.kinfo is not None or options.symbols is not None:
            raise
        code = _without_kernel(options, error.message, ())
        if code is None:
            raise
        return code
    with kernel:
        found = summary(kernel)
        if options.form == "text":
            has_types = kernel.pointers.types() is not None
            steps = report.next_steps([*map(safe, options.ram), *command_words(options)], has_types=has_types)
            common.tell(report.text(found, common.style(), every_module=options.every) + steps)
        else:
            show(options.form, lambda: report.document(found))
    return common.verdict(found.findings, strict=options.strict)


def _regions(options: Options) -> list[str]:
    """The region files that were named, if such were."""
    if not any(os.path.isdir(path) or os.path.basename(path).lower().startswith("md_") for path in options.ram):
        return []
    from kinfo.sources.folder import has_dump

    if any(os.path.isdir(path) and has_dump(path) for path in options.ram):
        return []
    from kinfo.kernel.printk.without_kernel import files_named

    return files_named(options.ram)


@overload
def _without_kernel(options: Options, reason: str, names: list[str]) -> int: ...
@overload
def _without_kernel(options: Options, reason: str, names: tuple[()]) -> int | None: ...
def _without_kernel(options: Options, reason: str, names: Sequence[str]) -> int | None:
    """Show what is in a dump that leads to no kernel; None where there is nothing of one."""
    from kinfo.kernel.printk.without_kernel import without_kernel
    from kinfo.report import without_kernel as report

    found = without_kernel(options.ram, common.stdin(), reason, names)
    if found is None:
        return None
    if found.triage.log is None and not found.facts:
        raise KinfoError(found.triage.no_log, "copy all md_K*.BIN files of one dump into one folder")
    if options.form == "text":
        common.tell(report.text(found, common.style(), [*map(safe, options.ram)]))
    else:
        show(options.form, lambda: report.document(found))
    return FINDINGS if found.triage.log is None else common.verdict(found.findings, strict=options.strict)
