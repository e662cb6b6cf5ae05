"""`kinfo core`."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from kinfo.cli import common, declare, output
from kinfo.cli.options import takes
from kinfo.cli.ram import kernel_options
from kinfo.cli.words import one_of, say
from kinfo.writer_rows import rows

if TYPE_CHECKING:
    from kinfo.findings import Finding

_SERIES = [row.series.name for row in rows.ROWS if row.series]


class Options(NamedTuple):
    """What `kinfo core` was asked for."""

    source: tuple[str, ...]
    kinfo: str | None
    symbols: str | None
    phys_base: int | None
    slide: int | None
    path: str
    regions: str | None
    series: str | None
    from_table: bool
    only: str | None
    btf: str | None
    force: bool


@declare.command("core", short_help="Write RAM, or the regions of a minidump, as an ELF core for debuggers")
@declare.argument("source", nargs=-1, required=True, metavar="SOURCE...")
@kernel_options
@declare.option("-o", "--output", "path", metavar="FILE", required=True, help="The core to write.")
@declare.option("--regions", metavar="FILE", help="Where the regions lie (default: as files beside say).")
@declare.option("--series", metavar="NAME", help=f"{one_of(_SERIES)} (default: as the regions show).")
@declare.option("--from-table", is_flag=True, help="Cut the regions of the inspect table out of RAM.")
@declare.option("--only", kind=declare.Choice(("kernel",)), help="Leave out what is not the kernel's own: a core to hand on.")
@declare.option("--btf", metavar="FILE", help="For --only: the kernel's types, where its memory has none.")
@declare.option("--force", is_flag=True, help="Overwrite FILE.")
@takes(Options)
def command(options: Options) -> int:
    """Write SOURCE... as an ELF core with VMCOREINFO in it, as kdump does: crash, drgn and gdb open it.

    SOURCE is RAM as for `kinfo symbols` (holes of sparse files stay holes), or regions of meminspect's minidump: md_K*.BIN,
    one by one or their folder, a Qualcomm raw dump (Raw_Dmp!), or a core of theirs to be checked and mended.

    Each region goes where md_KELF has it, by its address: --regions is the driver's region array (or RAM with it), its debug
    lines, what `qdl --debug` or edl printed, dump_info.txt, or a table. Without one ids, order, sizes and VMCOREINFO tell;
    what fits two places is left zero, and said. Without md_KELF a header is made, where addresses are known.

    --only kernel writes what can be handed on: the kernel image, its page tables, modules, log, tasks and their stacks,
    without a page of processes or files. Kernel stacks and the log may hold words of theirs: names, arguments.

    Exit 0, 1 for findings of error severity (the core is written as far as it can be), 2 when nothing was written.

    \b
    kinfo core DDRCS0_0.BIN@0x80000000 DDRCS1_0.BIN@0x880000000 -o ram.core
    kinfo core ram.elf --only kernel -o kernel.core
    kinfo core md/ --regions qdl.log -o minidump.core
    """
    if options.path == "-":
        raise declare.UsageError("a core is written to a file: name it with -o")
    if options.btf and not options.only:
        raise declare.UsageError("--btf says where tasks are, for --only kernel: leave it out, or add that")
    from kinfo.debuggers import opens

    found = _written(options)
    for finding in found:
        say(f"{finding.severity.value} {finding.code}: {finding.message}; {finding.remedy}")
    say(f"wrote {options.path}")
    common.tell(opens.of_core(options.path))
    return common.verdict(found, strict=False)


def _written(options: Options) -> tuple[Finding, ...]:
    """Write the core of regions, or of all memory; what is to be said of it. Raises KinfoError."""
    from kinfo.minidump.sources import CoreRequest, plan_of

    series = None
    if options.series is not None:
        from kinfo.meminspect.ids import series_named

        series = series_named(options.series)
    asked = CoreRequest(options.regions, options.kinfo, series, options.from_table)
    plan = None if options.only else plan_of(options.source, asked, common.stdin())
    if plan is not None:
        with closing(plan):
            output.write_with(options.path, plan.write, force=options.force)
        return plan.findings
    if options.regions is not None or series is not None or options.from_table:
        raise declare.UsageError(
            "--regions, --series and --from-table are for regions: md_K*.BIN, a raw dump or core of them"
        )
    return _of_ram(options)


def _of_ram(options: Options) -> tuple[Finding, ...]:
    from kinfo import api
    from kinfo.cli.ram import opened, use_btf

    with opened(options.source, options) as kernel:
        use_btf(kernel, options.btf)
        return api.core(kernel, options.path, force=options.force, only_kernel=options.only is not None)
