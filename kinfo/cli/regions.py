"""`kinfo regions`."""

from __future__ import annotations

from kinfo.cli import common, declare
from kinfo.cli.formats import data_format, show
from kinfo.cli.main import FINDINGS, SOUND
from kinfo.cli.options import takes
from kinfo.cli.words import say
from kinfo.named import NamedTuple


class Options(NamedTuple):
    """What `kinfo regions` was asked for."""

    source: tuple[str, ...]
    dtb: str | None
    iomem: str | None
    form: str


@declare.command("regions", short_help="Show what lies in the reserved memory of a dump, region by region")
@declare.argument("source", nargs=-1, required=True, metavar="SOURCE...")
@declare.option("--dtb", metavar="FILE", help="The board's tree: its reserved regions are looked at one by one.")
@declare.option("--iomem", metavar="FILE", help="A copy of /proc/iomem, read as root: the same for its reserved memory.")
@data_format()
@takes(Options)
def command(options: Options) -> int:
    """Show what lies in the reserved memory of SOURCE..., with the next command for each: where to begin with a dump.

    Kinfo records, ramoops, trace buffers and devicetree blobs are found by their magic in all of SOURCE, in one pass; of the
    regions of --dtb and --iomem it is said too where they hold nothing (all 00 or ff), text, or other bytes.

    Exit 0, 1 when nothing was found, 2 when something could not be read.

    \b
    kinfo regions ram.elf --dtb board.dtb
    kinfo regions DDRCS0_0.BIN@0x80000000
    """
    from kinfo.report import regions as report
    from kinfo.reserved import reserved_memory

    found = reserved_memory(options.source, options.dtb, options.iomem, common.stdin())
    if options.form == "text":
        common.tell(report.render(found, report.Typed(options.source, options.dtb), common.style()))
    else:
        show(options.form, lambda: report.document(found))
    if any(content.kind for content in found.contents):
        return SOUND
    say(f"{found.source}: no record, ramoops, trace buffer or devicetree is in it; kinfo info says what else it may be")
    return FINDINGS
