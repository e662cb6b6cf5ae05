"""`kinfo report`."""

from __future__ import annotations

from typing import NamedTuple

from kinfo.cli import common, declare
from kinfo.cli.main import FINDINGS, SOUND
from kinfo.cli.options import takes
from kinfo.cli.output import write_file
from kinfo.cli.words import say


class Options(NamedTuple):
    """What `kinfo report` was asked for."""

    source: tuple[str, ...]
    log: str | None
    dtb: str | None
    kinfo: str | None
    output: str
    force: bool


@declare.command("report", short_help="Write one page of HTML on a crash, to look at and to hand on")
@declare.argument("source", nargs=-1, required=True, metavar="SOURCE...")
@declare.option("--log", metavar="LOG", help="A log beside the dump, the boot loader's or a console's: it gets names.")
@declare.option("--dtb", metavar="FILE", help="The board's devicetree, as for kinfo verify-dt.")
@declare.option("--kinfo", metavar="FILE|PA", help="The record: a file that has it, or its PA in the memory.")
@declare.option("-o", "--output", required=True, metavar="FILE", help="Where the page goes; - is standard output.")
@declare.option("--force", is_flag=True, help="Overwrite FILE.")
@takes(Options)
def command(options: Options) -> int:
    """Write what SOURCE... says on one page: what crashed, logs, backtraces, tasks, memory, record, board, findings.

    SOURCE is RAM as for `kinfo info`, meminspect's core image or region files, the region of a record, or a devicetree alone.
    The page is one file that runs no script and loads nothing; everything out of a dump is text in it. It says what was not
    in the dump, which commands go on, and the hashes of what it was made of.

    Exit 0, 1 when a finding on the page is an error, or nothing tells what happened or whether the board is right, 2 when
    nothing could be read: then no page is written.

    \b
    kinfo report ram.elf -o triage.html
    kinfo report ram.elf --log uart.txt --dtb board.dtb -o triage.html
    kinfo report region.bin -o record.html
    """
    from kinfo import api

    made = api.triage_page(options.source, log=options.log, dtb=options.dtb, kinfo=options.kinfo, stdin=common.stdin())
    write_file(options.output, made.html.encode("utf-8", "backslashreplace"), force=options.force)
    if options.output != "-":
        say(f"{options.output}: {made.verdict}; open it in any browser")
    is_bad = made.level == "unknown" or any(one["severity"] == "error" for one in made.findings)
    return FINDINGS if is_bad else SOUND
