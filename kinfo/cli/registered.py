"""The regions that a meminspect driver is handed, out of an inspect table that the user names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kinfo.cli import common
from kinfo.errors import KinfoError
from kinfo.findings import Severity
from kinfo.writer_rows import rows

if TYPE_CHECKING:
    from kinfo.writers import Entry


def entries(path: str | None, driver: str) -> Sequence[Entry] | None:
    """The table's entries for a driver; None where no table is named.

    Raises KinfoError: for what is no table, for one that has an error (unknown ids, entries without an address or that wrap
    around), and for one of another series than the driver's.
    """
    if path is None:
        return None
    from kinfo.cli.fields import plain
    from kinfo.diff.crosscheck import entries_of
    from kinfo.inspect_table import read_table

    table = read_table(path, parse=plain, stdin=common.stdin())
    for finding in table.findings:
        if finding.severity is Severity.ERROR:
            raise KinfoError(f"{path}: {finding.where}: {finding.message}", finding.remedy)
    row = rows.row_named(driver)  # v1 and v2 have one map of ids; RFC v3's was not seen, so every table is taken
    if row and row.series and row.series.symbols != table.series.symbols:
        raise KinfoError(
            f"{path}: is a table of {table.series.name}, whose ids {driver} does not know",
            f"`kinfo table {path}` says why; choose the driver of that series",
        )
    return entries_of(table)
