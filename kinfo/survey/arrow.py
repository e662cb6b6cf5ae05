"""pyarrow, the extra `kinfo[survey]`: imported when it is asked for, with a word where it is not there; the Arrow schema."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from kinfo.errors import KinfoError
from kinfo.survey import schema
from kinfo.survey.schema import SurveyColumn, TableRow

if TYPE_CHECKING:
    import pyarrow as pa

MARK = b"kinfo.survey"  # of the table's metadata: whose table it is, and of which version


def pyarrow(wanted_for: str) -> Any:
    """The module. Raises KinfoError where it is not installed."""
    try:
        import pyarrow as pa
    except ImportError as error:
        raise KinfoError(
            f"{wanted_for}: needs pyarrow, which is not installed", "install kinfo[survey], or write .csv or .jsonl"
        ) from error
    return pa


@cache
def arrow_schema() -> pa.Schema:
    """The whole table's."""
    return schema_of(schema.COLUMNS)


def schema_of(columns: Iterable[SurveyColumn]) -> pa.Schema:
    """The Arrow schema of some columns, marked as ours."""
    import pyarrow as pa

    types = {
        schema.TEXT: pa.string(),
        schema.TEXTS: pa.list_(pa.string()),
        schema.FLAG: pa.bool_(),
        schema.TIME: pa.timestamp("us", tz="UTC"),
        schema.U8: pa.uint8(),
        schema.U16: pa.uint16(),
        schema.U32: pa.uint32(),
        schema.U64: pa.uint64(),
        schema.NUMBERS: pa.list_(pa.uint64()),
    }
    fields = [pa.field(one.name, types[one.kind], metadata={"meaning": one.meaning}) for one in columns]
    return pa.schema(fields, metadata={MARK: str(schema.VERSION).encode()})


def batch_of(rows: Sequence[TableRow], wanted: pa.Schema) -> pa.RecordBatch:
    """Rows as Arrow columns of this schema."""
    import pyarrow as pa

    columns = [pa.array([row[field.name] for row in rows], type=field.type) for field in wanted]
    return pa.RecordBatch.from_arrays(columns, schema=wanted)
