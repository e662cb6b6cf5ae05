"""`kinfo info`."""

from __future__ import annotations

from typing import NamedTuple

from kinfo.cli import common, declare
from kinfo.cli.formats import data_format, show, strict_option
from kinfo.cli.options import takes
from kinfo.cli.ram import command_words, kernel_options, opened, ram_argument
from kinfo.cli.words import safe


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

    RAM is named as for `kinfo symbols`. Exit 0 when record and memory agree, 1 when something is wrong, 2 when they
    contradict each other or cannot be read, or RAM has several kernels and nothing tells which of them ran.

    \b
    kinfo info ram.elf
    kinfo info DDRCS0_0.BIN@0x80000000 --kinfo region.bin --format json
    """
    from kinfo.kernel.boot.summary import summary
    from kinfo.report import kernel as report

    with opened(options.ram, options) as kernel:
        found = summary(kernel)
        if options.form == "text":
            has_types = kernel.pointers.types() is not None
            steps = report.next_steps([*map(safe, options.ram), *command_words(options)], has_types=has_types)
            common.tell(report.text(found, common.style(), every_module=options.every) + steps)
        else:
            show(options.form, lambda: report.document(found))
    return common.verdict(found.findings, strict=options.strict)
