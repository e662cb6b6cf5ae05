"""`kinfo build`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kinfo import api
from kinfo.cli import common, declare
from kinfo.cli.facts import Sources, gathered, source_options
from kinfo.cli.formats import show
from kinfo.cli.main import SOUND
from kinfo.cli.options import takes
from kinfo.cli.output import write_file
from kinfo.cli.words import say
from kinfo.report.formats import names_for_data

if TYPE_CHECKING:
    from kinfo.kernel_build.model import Facts
    from kinfo.writers import Built


@dataclass(frozen=True, kw_only=True)
class Options(Sources):
    """What `kinfo build` was asked for."""

    driver: str
    layout: str | None
    output: str | None
    build_info: tuple[str, ...]
    table: str | None
    after: int | None
    only: str | None
    explain: bool
    form: str | None
    force: bool


@declare.command("build", short_help="Write the record that a driver would leave")
@source_options
@declare.option("--driver", required=True, metavar="NAME", help="The writer: android, meminspect-v1, ... (docs/build.md).")
@declare.option("--layout", metavar="NAME", help="The record's layout (default: what the driver wrote on that release).")
@declare.option("-o", "--output", metavar="OUT", help="The file to write; - for standard output.")
@declare.option(
    "--build-info", multiple=True, metavar="TEXT", help="A write to the module parameter; several: in this order."
)
@declare.option("--table", metavar="FILE", help="The regions that are registered (`kinfo table`; default: all it needs).")
@declare.option("--after", kind=declare.AtLeast(0), metavar="N", help="Stop behind N registered regions (meminspect).")
@declare.option("--only", metavar="NAME,...", help="Register these regions only, by name or id (meminspect).")
@declare.option("--explain", is_flag=True, help="Say of every field what it is and why.")
@declare.option("--format", "form", kind=declare.Choice(names_for_data()), help="How to explain it (implies --explain).")
@declare.option("--force", is_flag=True, help="Overwrite OUT.")
@takes(Options)
def command(options: Options) -> int:
    """Write the record that a driver would leave on the kernel that SOURCE... are of.

    SOURCE is named as for `kinfo facts`. Exit 0, or 2 when facts are missing (the message names each and how to give it), or
    contradict one another.

    \b
    kinfo build vmlinux .config --driver android --phys-base 0x80200000 -o g.bin
    kinfo build ram.elf --driver meminspect-v1 --after 9 -o half.bin
    """
    output, is_explained = options.output, options.explain or options.form is not None
    if output is None and not is_explained:
        raise declare.UsageError("name the file to write with -o, or ask with --explain")
    if output == "-" and is_explained:
        raise declare.UsageError("--explain goes to standard output, where -o - sends the record")
    only = None if options.only is None else frozenset(filter(None, options.only.split(",")))
    facts = gathered(options)
    regions = api.table(options.table, stdin=common.stdin()) if options.table is not None else None
    built = api.build(
        facts,
        options.driver,
        options.layout,
        build_info=options.build_info,
        entries=api.registered(regions, options.driver) if regions is not None else None,
        after=options.after,
        only=only,
    )
    if output is not None:
        write_file(output, built.data, force=options.force)
    if is_explained:
        _explain(built, facts, options.form or "text")
    else:
        for note in built.notes:
            say(note)
    if output not in (None, "-"):
        layout = built.layout
        say(f"wrote {output}: {built.driver}, {layout.name} ({layout.alias}), {len(built.data)} bytes")
    return SOUND


def _explain(built: Built, facts: Facts, form: str) -> None:
    from kinfo.report import facts as report

    if form == "text":
        common.tell(report.explained(built, facts, common.style()))
    else:
        show(form, lambda: report.built_document(built, facts))
