"""`kinfo table`."""

from __future__ import annotations

import click

from kinfo.cli import common
from kinfo.cli.fields import plain
from kinfo.cli.words import safe

_FORMATS = (*common.DATA_FORMATS, "csv")


@click.command("table", short_help="List the inspect table that a kernel registers its regions in")
@click.argument("source")
@click.option("--series", metavar="NAME", help="rfc-v2, v1, v2 or v3 (default: as the table itself shows).")
@click.option("--kinfo", metavar="FILE|PA", help="The record, for a RAM dump that holds none.")
@click.option("--format", "form", type=click.Choice(_FORMATS), default="text", show_default=True)
@click.option("--strict", is_flag=True, help="Exit 1 on warnings too.")
def command(*, source: str, series: str | None, kinfo: str | None, form: str, strict: bool) -> int:
    """List the inspect table in SOURCE: ids, names, addresses, sizes, and which posting of the series it is of.

    SOURCE is a vmlinux, a RAM dump (FILE or FILE@BASE), the raw array or section, a core image or region array that the
    series wrote, a folder of md_*.BIN, a log with the driver's debug lines or QDL's, or a listing in YAML, JSON or CSV.

    Exit 0, 1 for findings of error severity, 2 when there is no table or no series fits.

    \b
    kinfo table vmlinux
    kinfo table core.elf --format yaml > table.yaml
    """
    from kinfo.kernel.inspect_table import read_table
    from kinfo.meminspect.ids import series_named

    forced = series_named(series) if series else None
    table = read_table(source, forced, parse=plain, stdin=common.stdin(), kinfo=kinfo)
    table = table._replace(source=safe(table.source))
    if form == "csv":
        from kinfo.meminspect.listing import to_csv

        common.write(to_csv(table))
    elif form == "text":
        from kinfo.report.table import render

        common.write(render(table, common.style()))
    else:
        from kinfo.report.table import document

        data = document(table)
        common.write(common.as_json(data) if form == "json" else common.as_yaml(data))
    return common.verdict(table.findings, strict=strict)
