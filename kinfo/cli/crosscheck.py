"""`kinfo crosscheck`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kinfo import api
from kinfo.cli import common
from kinfo.cli.facts import gathered, source_options
from kinfo.cli.formats import findings_format, show, strict_option
from kinfo.cli.words import say
from kinfo.writer_rows import rows

if TYPE_CHECKING:
    from kinfo.diff.crosscheck import Crossed
    from kinfo.findings import Finding

_UPSTREAM = {row.key: row for row in rows.postings()}
_NEWEST = tuple(_UPSTREAM)[-1]


@click.command("crosscheck", short_help="Compare what the upstream and the downstream driver leave on one kernel")
@source_options
@click.option("--upstream", type=click.Choice(tuple(_UPSTREAM)), default=_NEWEST, show_default=True, help="The posting.")
@click.option("--downstream", metavar="LAYOUT", help="The Android driver's layout (default: as the release calls for).")
@click.option("--table", metavar="FILE", help="The regions that are registered (`kinfo table`; default: all that it needs).")
@click.option("--build-info", multiple=True, metavar="TEXT", help="A write to the module parameter of both.")
@click.option("--dump", metavar="FILE", help="A record that a real kernel left: a third column.")
@click.option("--ignore", multiple=True, metavar="FIELD", help="Leave a field out; can be repeated.")
@findings_format()
@strict_option
def command(*, form: str, strict: bool, ignore: tuple[str, ...], **given: Any) -> int:
    """Build the records of both drivers from one kernel, and compare them: the test of the series' cover letter.

    SOURCE is named as for `kinfo facts`. Exit 0 when every difference has a reason, 1 when one has none, 2 when facts are
    missing.

    \b
    kinfo crosscheck vmlinux .config --phys-base 0x80200000 --upstream v1
    kinfo crosscheck vmlinux .config --phys-base 0x80200000 --dump region.bin
    """
    crossed = _crossed(given, ignore)
    _show(form, crossed, crossed.findings, strict=strict)
    return common.verdict(crossed.findings, strict=strict)


def _crossed(given: dict[str, Any], ignore: tuple[str, ...]) -> Crossed:
    from kinfo.diff.of_files import Reader
    from kinfo.diff.policy import Policy

    Policy().ignoring(ignore)  # raises before anything is read
    upstream, downstream, table, info, dump = (
        given.pop(name) for name in ("upstream", "downstream", "table", "build_info", "dump")
    )
    facts = gathered(**given)
    regions = api.table(table, stdin=common.stdin()) if table is not None else None
    found = (dump, Reader(common.stdin(), say).record(dump)) if dump is not None else None
    return api.crosscheck(facts, upstream, downstream, regions=regions, build_info=info, dump=found, ignore=ignore)


def _show(form: str, crossed: Crossed, found: tuple[Finding, ...], *, strict: bool) -> None:
    from kinfo.report.compare import crossed_document, crossed_judged, crossed_text

    if form == "text":
        common.write(crossed_text(crossed, found, common.style(), common.width()))
    else:
        show(form, lambda: crossed_document(crossed, found), lambda: [crossed_judged(crossed, found)], strict=strict)
