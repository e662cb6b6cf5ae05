"""The survey's function for engines that hand over Arrow tables: Ray Data, PySpark's mapInArrow, Daft. See docs/survey.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinfo.errors import KinfoError
from kinfo.survey.arrow import pyarrow, schema_of
from kinfo.survey.blobs import table_of_blobs
from kinfo.survey.schema import OF_FIELDS, OF_RECORD

if TYPE_CHECKING:
    import pyarrow as pa

BYTES = "bytes"  # as Ray's read_binary_files calls it
_NAMES = ("path", "source")  # columns that name what the bytes are of


def batch(table: pa.Table, column: str = BYTES) -> pa.Table:
    """Decode the bytes in a column: a row for each record (and vendor block) in them, or for the reason why there is none.

    The bytes are a region, a record, a piece of RAM or a whole dump, packed or not. The answer has the table's other columns,
    repeated where a row has several records, then those of a survey's table, but for the file's own. Rows can be
    shared among machines in any way. Raises KinfoError where the column is not there or holds no bytes, where
    another column has the name of one of the answer, and without pyarrow.
    """
    pa = pyarrow("kinfo.survey.batch")
    kept = _others(table, column)
    names: list[object] = next((table.column(name).to_pylist() for name in _NAMES if name in kept), [])
    blobs = [blob or b"" for blob in table.column(column).to_pylist()]
    called = [f"row {at}" if not names or names[at] is None else str(names[at]) for at in range(len(blobs))]
    wanted = schema_of((*OF_RECORD, *OF_FIELDS))
    made, origins = table_of_blobs(called, blobs, wanted)
    taken = [table.column(name).take(pa.array(origins)) for name in kept]
    fields = [*(table.schema.field(name) for name in kept), *wanted]
    return pa.Table.from_arrays([*taken, *made.columns], schema=pa.schema(fields))


def _others(table: pa.Table, column: str) -> list[str]:
    """The columns that stay. Raises KinfoError as `batch` does."""
    import pyarrow as pa

    if column not in table.column_names:
        raise KinfoError(
            f"the table has no column {column!r}", f"name the one with the bytes: {', '.join(table.column_names)}"
        )
    kind = table.schema.field(column).type
    if kind not in (pa.binary(), pa.large_binary()):
        raise KinfoError(f"the column {column!r} holds {kind}, no bytes", "name the one with the bytes")
    kept = [name for name in table.column_names if name != column]
    if taken := {one.name for one in (*OF_RECORD, *OF_FIELDS)}.intersection(kept):
        raise KinfoError(f"the table has a column {min(taken)!r}, as the answer has", "rename it before")
    return kept
