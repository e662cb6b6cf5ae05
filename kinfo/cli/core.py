"""`kinfo core`."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from kinfo.cli import common, declare, output
from kinfo.cli.core_only import only_option, write_kernel
from kinfo.cli.options import takes
from kinfo.cli.ram import btf_option, kernel_options, opened, ram_argument, use_btf
from kinfo.cli.words import say
from kinfo.debuggers import core_file


class Options(NamedTuple):
    """What `kinfo core` was asked for."""

    ram: tuple[str, ...]
    kinfo: str | None
    symbols: str | None
    phys_base: int | None
    slide: int | None
    path: str
    only: str | None
    btf: str | None
    force: bool


@declare.command("core", short_help="Write a RAM dump as an ELF core for debuggers")
@ram_argument
@kernel_options
@declare.option("-o", "--output", "path", metavar="FILE", required=True, help="The core to write.")
@only_option
@btf_option
@declare.option("--force", is_flag=True, help="Overwrite FILE.")
@takes(Options)
def command(options: Options) -> int:
    """Write RAM... as an ELF core with VMCOREINFO in it, as kdump does: crash, drgn and gdb open it without options.

    RAM is named as for `kinfo symbols`: raw files, LiME, cores without VMCOREINFO. Holes of sparse files stay holes. What
    cannot be told is left out and said; exit 1 where sources of an address contradict each other.

    --only kernel writes what can be handed on: the kernel image, its page tables, modules, log, tasks and their stacks,
    without a page of processes or files. Kernel stacks and the log may hold words of theirs: names, arguments.

    \b
    kinfo core DDRCS0_0.BIN@0x80000000 DDRCS1_0.BIN@0x880000000 -o ram.core
    kinfo core ram.elf --only kernel -o kernel.core
    crash vmlinux ram.core
    """
    if options.path == "-":
        raise declare.UsageError("a core is written to a file: name it with -o")
    if options.btf and not options.only:
        raise declare.UsageError("--btf says where tasks are, for --only kernel: leave it out, or add that")
    with opened(options.ram, options) as kernel:
        core_file.check(kernel)
        if options.only:
            use_btf(kernel, options.btf)
            found = write_kernel(kernel, options.path, force=options.force)
        else:
            output.write_with(options.path, partial(core_file.write, kernel), force=options.force)
            found = core_file.findings(kernel)
    for finding in found:
        say(f"{finding.severity.value} {finding.code}: {finding.message}; {finding.remedy}")
    say(f"wrote {options.path}")
    return common.verdict(found, strict=False)
