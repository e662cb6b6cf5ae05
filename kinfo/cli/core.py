"""`kinfo core`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import click

from kinfo.cli import common, output
from kinfo.cli.options import takes
from kinfo.cli.ram import RamOptions, kernel_options, opened, ram_argument
from kinfo.cli.words import say
from kinfo.debuggers import core_file


@dataclass(frozen=True, kw_only=True)
class Options(RamOptions):
    """What `kinfo core` was asked for."""

    ram: tuple[str, ...]
    path: str
    force: bool


@click.command("core", short_help="Write a RAM dump as an ELF core for debuggers")
@ram_argument
@kernel_options
@click.option("-o", "--output", "path", metavar="FILE", required=True, help="The core to write.")
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@takes(Options)
def command(options: Options) -> int:
    """Write RAM... as an ELF core with VMCOREINFO in it, as kdump does: crash, drgn and gdb open it without options.

    RAM is named as for `kinfo symbols`: raw files, LiME, cores without VMCOREINFO. Holes of sparse files stay holes. What
    cannot be told is left out and said; exit 1 where sources of an address contradict each other.

    \b
    kinfo core DDRCS0_0.BIN@0x80000000 DDRCS1_0.BIN@0x880000000 -o ram.core
    crash vmlinux ram.core
    """
    if options.path == "-":
        raise click.UsageError("a core is written to a file: name it with -o")
    with opened(options.ram, options) as kernel:
        core_file.check(kernel)
        output.write_with(options.path, partial(core_file.write, kernel), force=options.force)
        found = core_file.findings(kernel)
    for finding in found:
        say(f"{finding.severity.value} {finding.code}: {finding.message}; {finding.remedy}")
    say(f"wrote {options.path}")
    return common.verdict(found, strict=False)
