"""`kinfo crosscheck`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kinfo import api
from kinfo.cli import common, declare
from kinfo.cli.facts import Sources, gathered, source_options
from kinfo.cli.formats import findings_format, show, strict_option
from kinfo.cli.options import takes
from kinfo.cli.words import say
from kinfo.writer_rows import rows

if TYPE_CHECKING:
    from kinfo.diff.crosscheck import Crossed
    from kinfo.findings import Finding

_UPSTREAM = {row.key: row for row in rows.postings()}
_NEWEST = tuple(_UPSTREAM)[-1]


@dataclass(frozen=True, kw_only=True)
class Options(Sources):
    """What `kinfo crosscheck` was asked for."""

    upstream: str
    downstream: str | None
    table: str | None
    build_info: tuple[str, ...]
    dump: str | None
    ignore: tuple[str, ...]
    form: str
    strict: bool


@declare.command("crosscheck", short_help="Compare what the upstream and the downstream driver leave on one kernel")
@source_options
@declare.option("--upstream", kind=declare.Choice(tuple(_UPSTREAM)), default=_NEWEST, show_default=True, help="The posting.")
@declare.option("--downstream", metavar="LAYOUT", help="The Android driver's layout (default: as the release calls for).")
@declare.option(
    "--table", metavar="FILE", help="The regions that are registered (`kinfo table`; default: all that it needs)."
)
@declare.option("--build-info", multiple=True, metavar="TEXT", help="A write to the module parameter of both.")
@declare.option("--dump", metavar="FILE", help="A record that a real kernel left: a third column.")
@declare.option("--ignore", multiple=True, metavar="FIELD", help="Leave a field out; can be repeated.")
@findings_format()
@strict_option
@takes(Options)
def command(options: Options) -> int:
    """Build the records of both drivers from one kernel, and compare them: the test of the series' cover letter.

    SOURCE is named as for `kinfo facts`. Exit 0 when every difference has a reason, 1 when one has none, 2 when facts are
    missing.

    \b
    kinfo crosscheck vmlinux .config --phys-base 0x80200000 --upstream v1
    kinfo crosscheck vmlinux .config --phys-base 0x80200000 --dump region.bin
    """
    crossed = _crossed(options)
    _show(options.form, crossed, crossed.findings, strict=options.strict)
    return common.verdict(crossed.findings, strict=options.strict)


def _crossed(options: Options) -> Crossed:
    from kinfo.diff.of_files import PairReader
    from kinfo.diff.policy import Policy

    Policy().ignoring(options.ignore)  # raises before anything is read
    facts, dump = gathered(options), options.dump
    return api.crosscheck(
        facts,
        options.upstream,
        options.downstream,
        regions=None if options.table is None else api.table(options.table, stdin=common.stdin()),
        build_info=options.build_info,
        dump=None if dump is None else (dump, PairReader(common.stdin(), say).record(dump)),
        ignore=options.ignore,
    )


def _show(form: str, crossed: Crossed, found: tuple[Finding, ...], *, strict: bool) -> None:
    from kinfo.report.compare import crossed_document, crossed_judged, crossed_text

    if form == "text":
        common.tell(crossed_text(crossed, found, common.style()))
    else:
        show(form, lambda: crossed_document(crossed, found), lambda: [crossed_judged(crossed, found)], strict=strict)
