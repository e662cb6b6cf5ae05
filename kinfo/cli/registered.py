"""The regions that a meminspect driver is handed, out of an inspect table that the user names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kinfo.cli import common
from kinfo.cli.words import say
from kinfo.findings import Severity

if TYPE_CHECKING:
    from kinfo.drivers import Entry


def entries(path: str | None, series: str | None) -> Sequence[Entry] | None:
    """The table's entries for a driver; None where no table is named. Its errors are said. Raises KinfoError."""
    if path is None:
        return None
    from kinfo.cli.fields import plain
    from kinfo.crosscheck import entries_of
    from kinfo.kernel.inspect_table import read_table
    from kinfo.meminspect.ids import series_named

    table = read_table(path, series_named(series) if series else None, parse=plain, stdin=common.stdin())
    for finding in table.findings:
        if finding.severity is Severity.ERROR:
            say(f"{path}: {finding.where}: {finding.message}")
    return entries_of(table)
