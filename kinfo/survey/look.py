"""One dump looked through for a survey: the row of every record in it, or that of the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from kinfo.errors import KinfoError, RecordError
from kinfo.examine import Examined
from kinfo.memory import Dump
from kinfo.record.locate import MAX_MAGICS, find, locate
from kinfo.record.record import Record
from kinfo.record.scan import WORD, magic_offsets
from kinfo.sources import Opened
from kinfo.sources.memory import as_source
from kinfo.survey.rows import UNREAD, of_record, without_record
from kinfo.survey.schema import TableRow


def rows_in(files: Sequence[Opened]) -> Iterator[TableRow]:
    """The rows of what was opened as one source, packed or not: see `rows_of`."""
    try:
        dump = as_source(files)
    except KinfoError as error:
        yield without_record(str(error), UNREAD)
        return
    yield from rows_of(dump)


def rows_of(dump: Dump) -> Iterator[TableRow]:
    """The rows of a dump, in the order of its records; a last one says where its end was not reached.

    The columns of the file are for whoever knows it.
    """
    try:
        records, cut = _records(dump)
    except RecordError as error:
        yield without_record(str(error))
        return
    except KinfoError as error:  # a disk that fails, packed data that is damaged
        yield without_record(str(error), UNREAD)
        return
    for record in records:
        yield from of_record(Examined.of(record))
    if cut:
        yield without_record(cut, UNREAD)


def _records(dump: Dump) -> tuple[list[Record], str]:
    """The records, and why there may be more: `locate` returns what it found until a dump turned out to be made of magics."""
    records: list[Record] = []
    cut = ""
    try:
        for hit in find(dump, base=dump.base):
            if hit.record:
                records.append(hit.record)  # noqa: PERF401  # those before an error are kept
    except RecordError as error:
        cut = str(error)
    if not any(record.state.verified for record in records):
        records = list(locate(dump, base=dump.base))
        if not cut and sum(1 for _ in islice(magic_offsets(dump, WORD), MAX_MAGICS + 1)) > MAX_MAGICS:
            cut = f"{dump.name}: more than {MAX_MAGICS} magics; name the place of a record that is missing with --offset"
    owned = {record.vendor.offset for record in records if record.vendor}  # of a record whose magic is damaged
    return sorted((one for one in records if one.offset not in owned), key=lambda one: one.offset), cut
