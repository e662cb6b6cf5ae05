"""`kinfo table`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kinfo import api
from kinfo.cli import common, declare, many
from kinfo.cli.formats import data_format, show, strict_option
from kinfo.cli.options import takes
from kinfo.cli.words import one_of, safe
from kinfo.writer_rows import rows

if TYPE_CHECKING:
    from kinfo.meminspect.entry import Table

_SERIES = [row.series.name for row in rows.ROWS if row.series]


class Options(NamedTuple):
    """What `kinfo table` was asked for."""

    sources: tuple[str, ...]
    files_from: str | None
    jobs: int | None
    series: str | None
    kinfo: str | None
    values: bool
    form: str
    strict: bool


@declare.command("table", short_help="List the inspect table that a kernel registers its regions in")
@declare.argument("sources", nargs=-1, metavar="SOURCE...")
@many.files_from_option
@many.jobs_option
@declare.option("--series", metavar="NAME", help=f"{one_of(_SERIES)} (default: as the table itself shows).")
@declare.option("--kinfo", metavar="FILE|PA", help="The record, for a RAM dump that holds none.")
@declare.option("--values", is_flag=True, help="What the regions hold, in words: of region files, a core image, RAM.")
@data_format("csv")
@strict_option
@takes(Options)
def command(options: Options) -> int:
    """List the inspect table in SOURCE: ids, names, addresses, sizes, and which posting of the series it is of.

    SOURCE is a vmlinux, a RAM dump (FILE or FILE@BASE), the raw array or section, a core image or region array that the
    series wrote, a folder of md_*.BIN, a log with the driver's debug lines or QDL's, or a listing in YAML, JSON or CSV.

    Of several, another folder or a pattern, a line for each, and what is wrong with it.

    Exit 0, 1 for findings of error severity, 2 when there is no table or no series fits; of many, that of the worst.

    \b
    kinfo table vmlinux
    kinfo table core.elf --format yaml > table.yaml
    kinfo table md/ --values
    """
    many.refuse_mistakes(options.sources, options.files_from, "SOURCE")
    if not _is_one(options):
        if options.values or options.form == "csv":
            raise declare.UsageError(f"{'--values' if options.values else '--format csv'} takes one source")
        from kinfo.cli.table_many import tables

        return tables(options, lambda path: _table(path, options), jobs=options.jobs)
    if options.values:
        return _values(options)
    table = _table(options.sources[0], options)
    if options.form == "csv":
        from kinfo.meminspect.listing import to_csv

        common.write(to_csv(table))
    elif options.form == "text":
        from kinfo.report.inspect_table import render

        common.tell(render(table, common.style()))
    else:
        from kinfo.report.inspect_table import document

        show(options.form, lambda: document(table))
    return common.verdict(table.findings, strict=options.strict)


def _is_one(options: Options) -> bool:
    """Whether one source is named: a file, or a folder of regions' files or of a dump's."""
    if many.is_one_source(options.sources, options.files_from):
        return True
    if options.files_from is not None or len(options.sources) != 1:
        return False
    from kinfo.cli.table_many import is_one

    return is_one(options.sources[0])


def _table(path: str, options: Options) -> Table:
    return _printable(api.table(path, series=options.series, kinfo=options.kinfo, stdin=common.stdin()))


def _values(options: Options) -> int:
    """What the regions hold. Raises KinfoError where SOURCE has no regions, but their addresses alone."""
    from kinfo.cli.main import FINDINGS
    from kinfo.meminspect.ids import series_named
    from kinfo.region_memory.values import RegionValues
    from kinfo.region_memory.values_of import regions_with_bytes
    from kinfo.report import region_values as report

    if options.form == "csv":
        raise declare.UsageError("--values has no CSV: take --format json")
    forced = series_named(options.series) if options.series else None
    with regions_with_bytes(options.sources[0], forced, options.kinfo, common.stdin()) as memory:
        found = RegionValues(memory)
    if options.form == "text":
        common.tell(report.render(found, common.style()))
    else:
        show(options.form, lambda: report.document(found))
    of_core = common.verdict(found.memory.findings, strict=options.strict)
    return FINDINGS if found.cannot else of_core


def _printable(table: Table) -> Table:
    """The table without what could act on a terminal: names come out of hostile memory and folders."""
    return table._replace(
        source=safe(table.source),
        why=tuple(map(safe, table.why)),
        entries=tuple(entry._replace(name=safe(entry.name)) for entry in table.entries),
        findings=tuple(one._replace(where=safe(one.where), message=safe(one.message)) for one in table.findings),
    )
