"""Which writer left a record: the same layout means different things from different drivers.

C is written by the Android driver, by kmemdump RFC v2 (with the wrong `_relative_pa`), by RFC v3 and meminspect v1, and by
meminspect v2 (with none). The bytes often do not tell them apart; then all are named. What each stores is in its row.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from kinfo.record.model import Layout
from kinfo.record.record import Record
from kinfo.writer_rows import rows
from kinfo.writer_rows.model import WriterRow

SYSNAME = "Linux"


def possible_writers(record: Record) -> tuple[str, ...]:
    """The drivers that can have left these bytes, likeliest first."""
    if record.layout is None:
        return ()
    posted = rows.posted_in(record.layout.alias)
    if not posted:
        return record.layout.writers
    if of_sysname := rows_of_sysname(record):
        return _labels(of_sysname)
    usual = [row for row in sorted(posted, key=lambda row: row.is_rfc) if not (row.posting and row.posting.is_sysname)]
    shipped = (rows.ANDROID,) if rows.shipped_in(record.layout.alias) else ()
    if not record.release_text:
        return _labels(usual) if record.state.verified or not shipped else shipped
    stores = record.number("_relative_pa") != 0
    fitting = [row for row in usual if row.posting is None or row.posting.stores_base is stores]
    if not stores and fitting:
        return _labels(fitting)
    fitting = fitting or usual
    is_older = record.release and (record.release.is_android or record.release.version < rows.first_base())
    return (*shipped, *_labels(fitting)) if is_older else (*_labels(fitting), *shipped)


def rows_of_sysname(record: Record) -> tuple[WriterRow, ...]:
    """The writers that take "Linux" (sysname) for the release, where that is what it reads: kmemdump RFC v2."""
    if record.layout is None or record.release_text != SYSNAME:
        return ()
    return tuple(row for row in rows.posted_in(record.layout.alias) if row.posting and row.posting.is_sysname)


@cache
def stores_base_in(layout: Layout) -> bool:
    """Whether any writer of the layout stores `_relative_pa`; what is no posting always does."""
    posted = rows.posted_in(layout.alias)
    is_shipped = not posted or bool(rows.shipped_in(layout.alias))
    return is_shipped or any(row.posting is None or row.posting.stores_base for row in posted)


def _labels(found: Sequence[WriterRow]) -> tuple[str, ...]:
    return tuple(row.label for row in found)
