"""The files that a table can be: Parquet, CSV, JSON lines. Rows are made into a payload where they are found, in a worker."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from kinfo.errors import KinfoError
from kinfo.survey import schema
from kinfo.survey.arrow import MARK, arrow_schema, batch_of, pyarrow
from kinfo.survey.schema import BY_NAME, COLUMNS, EMPTY, Cell, SurveyColumn, TableRow

_NUMBERS = (schema.U8, schema.U16, schema.U32, schema.U64)
_OTHER = "name another file, or the table that `kinfo survey` wrote"
_AT_ONCE = 4096  # rows of a batch that is read


class SurveyForm(Protocol):
    """One kind of file."""

    suffix: str

    def payload(self, rows: Sequence[TableRow]) -> Any:
        """Rows as they are written; it can be sent from one process to another."""

    def kept(self, payload: Any, mask: Sequence[bool]) -> Any:
        """Those rows of a payload for which the mask says so."""

    def joined(self, payloads: Sequence[Any]) -> Sequence[Any]:
        """The same rows in fewer payloads, where that makes a better file."""

    def write(self, file: Any, payloads: Iterable[Any]) -> None:
        """A whole table of these."""

    def payloads(self, file: Any, name: str) -> Iterator[Any]:
        """What a table holds, to be written into another. Raises KinfoError for what is no table of ours."""

    def rows(self, file: Any, name: str, columns: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
        """The cells of these columns, row by row. Raises KinfoError as `payloads` does."""


class ParquetForm:
    """Parquet, by pyarrow; a payload is a record batch, and a row group of a part is what came in one go.

    Pages have their checksums, which readers leave out where they are not asked for: a flipped bit is no other number.
    """

    suffix = ".parquet"

    def payload(self, rows: Sequence[TableRow]) -> Any:
        """See SurveyForm."""
        return batch_of(rows, arrow_schema())

    def kept(self, payload: Any, mask: Sequence[bool]) -> Any:
        """See SurveyForm."""
        import pyarrow as pa

        return payload.filter(pa.array(mask, pa.bool_()))

    def joined(self, payloads: Sequence[Any]) -> Sequence[Any]:
        """See SurveyForm: one table, which becomes one row group."""
        import pyarrow as pa

        return [pa.Table.from_batches(payloads)]

    def write(self, file: Any, payloads: Iterable[Any]) -> None:
        """See SurveyForm."""
        from pyarrow import parquet

        wanted = arrow_schema()
        with parquet.ParquetWriter(file, wanted, compression="zstd", write_page_checksum=True) as writer:
            for one in payloads:
                writer.write(one)

    def payloads(self, file: Any, name: str) -> Iterator[Any]:
        """See SurveyForm: a row group at a time."""
        pa = pyarrow(name)
        opened = self._opened(file, name)
        try:
            for group in range(opened.num_row_groups):
                yield opened.read_row_group(group)
        except (OSError, pa.ArrowException) as error:
            raise _damaged(name, error) from error

    def rows(self, file: Any, name: str, columns: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
        """See SurveyForm."""
        pa = pyarrow(name)
        opened = self._opened(file, name)
        try:
            for batch in opened.iter_batches(_AT_ONCE, columns=list(columns)):
                cells = [cells_of(batch.column(column)) for column in columns]
                yield from zip(*cells, strict=True)
        except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
            raise _damaged(name, error) from error

    def _opened(self, file: Any, name: str) -> Any:
        pa = pyarrow(name)
        from pyarrow import parquet

        try:
            opened = parquet.ParquetFile(file, page_checksum_verification=True)
            metadata = opened.schema_arrow.metadata or {}
        except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
            raise _damaged(name, error) from error
        if metadata.get(MARK) != str(schema.VERSION).encode() or opened.schema_arrow.names != list(BY_NAME):
            raise KinfoError(f"{name}: is Parquet, but no table of this kinfo's survey", _OTHER)
        return opened


def cells_of(column: Any) -> list[Cell]:
    """An Arrow column's cells; times as microseconds."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    found: list[Cell] = column.to_pylist()
    return found


def _damaged(name: str, error: Exception) -> KinfoError:
    return KinfoError(f"{name}: is no whole table: {str(error).partition(chr(10))[0]}", "move it away, and survey anew")


def _unreadable(name: str, error: OSError) -> KinfoError:
    """A disk that fails, a network that is gone."""
    return KinfoError(f"{name}: cannot be read: {str(error).partition(chr(10))[0]}", "try again")


class _Lines:
    """A row a line; a payload is the lines as bytes."""

    def __init__(self, suffix: str, head: bytes) -> None:
        self.suffix, self._head = suffix, head

    def kept(self, payload: bytes, mask: Sequence[bool]) -> bytes:
        """See SurveyForm."""
        return b"".join(line for line, is_kept in zip(payload.splitlines(keepends=True), mask, strict=True) if is_kept)

    def joined(self, payloads: Sequence[bytes]) -> Sequence[bytes]:
        """See SurveyForm."""
        return payloads

    def write(self, file: Any, payloads: Iterable[bytes]) -> None:
        """See SurveyForm."""
        file.write(self._head)
        for one in payloads:
            file.write(one)

    def payloads(self, file: Any, name: str) -> Iterator[bytes]:
        """See SurveyForm."""
        for _ in self.checked(file, name):
            pass
        file.seek(len(self._head))
        while piece := file.read(1 << 20):
            yield piece

    def rows(self, file: Any, name: str, columns: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
        """See SurveyForm."""
        for row in self.checked(file, name):
            yield tuple(row[column] for column in columns)

    def checked(self, file: Any, name: str) -> Iterator[TableRow]:
        """Every row, with all of its columns. Raises KinfoError for what is no whole table of ours."""
        try:
            head = file.read(len(self._head))
        except OSError as error:
            raise _unreadable(name, error) from error
        if head != self._head:
            raise KinfoError(f"{name}: does not begin as a table of this kinfo's survey", _OTHER)
        at = 0
        for at, line in enumerate(_text_lines(file, name), 1):
            try:
                row = self.parsed(line)
            except (ValueError, TypeError) as error:
                raise _damaged(name, ValueError(f"row {at}: {error}")) from error
            yield row

    def parsed(self, line: str) -> TableRow:
        """The row of a line. Raises ValueError, TypeError."""
        raise NotImplementedError


def _text_lines(file: Any, name: str) -> Iterator[str]:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="\n")
    try:
        for line in text:
            if not line.endswith("\n"):
                raise _damaged(name, ValueError("its last line has no end"))
            yield line
    except UnicodeDecodeError as error:
        raise _damaged(name, error) from error
    except OSError as error:
        raise _unreadable(name, error) from error
    finally:
        text.detach()


class CsvForm(_Lines):
    """CSV as RFC 4180 has it but for its line ends (LF); lists with "; " between, ISO 8601 times, flags 0 and 1."""

    def __init__(self) -> None:
        super().__init__(".csv", (",".join(BY_NAME) + "\n").encode())

    def payload(self, rows: Sequence[TableRow]) -> bytes:
        """See SurveyForm."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        for row in rows:
            writer.writerow([_csv_cell(column.kind, row[column.name]) for column in COLUMNS])
        return out.getvalue().encode()

    def parsed(self, line: str) -> TableRow:
        """See _Lines."""
        (cells,) = csv.reader([line], strict=True)
        if len(cells) != len(COLUMNS):
            raise ValueError(f"{len(cells)} cells of {len(COLUMNS)}")
        return {column.name: _of_csv(column, cell) for column, cell in zip(COLUMNS, cells, strict=True)}


_LIST_MARK = "; "


def _csv_cell(kind: str, cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, list):
        return _LIST_MARK.join(map(str, cell))
    if kind == schema.TIME:
        assert isinstance(cell, int)
        return iso_time(cell)
    return str(int(cell)) if isinstance(cell, bool) else str(cell)


def _of_csv(column: SurveyColumn, cell: str) -> Cell:
    kind = column.kind
    if not cell:
        return EMPTY[column.name]
    if kind in (schema.TEXTS, schema.NUMBERS):
        words = cell.split(_LIST_MARK)
        return words if kind == schema.TEXTS else [int(word) for word in words]
    if kind == schema.FLAG:
        return bool(int(cell))
    return of_iso_time(cell) if kind == schema.TIME else int(cell) if kind in _NUMBERS else cell


def iso_time(microseconds: int) -> str:
    """A time in ISO 8601, UTC, to the microsecond: Python has no finer times."""
    seconds, rest = divmod(microseconds, 10**6)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06}Z"


def of_iso_time(text: str) -> int:
    """What `iso_time` wrote. Raises ValueError."""
    moment, _, rest = text.removesuffix("Z").partition(".")
    return int(datetime.fromisoformat(f"{moment}+00:00").timestamp()) * 10**6 + int(rest)


class JsonLinesForm(_Lines):
    """A JSON object a line, all columns in each; 64-bit numbers as numbers (Python, jq 1.7 and DuckDB keep them whole)."""

    def __init__(self) -> None:
        super().__init__(".jsonl", b"")

    def payload(self, rows: Sequence[TableRow]) -> bytes:
        """See SurveyForm."""
        return "".join(f"{json.dumps(_timed(row, iso_time))}\n" for row in rows).encode()

    def parsed(self, line: str) -> TableRow:
        """See _Lines."""
        row = json.loads(line)
        if not isinstance(row, dict) or list(row) != list(BY_NAME):
            raise ValueError("not the columns of this kinfo's survey")
        return _timed(row, of_iso_time)


def _timed(row: TableRow, turned: Any) -> TableRow:
    times = {one.name: turned(row[one.name]) for one in COLUMNS if one.kind == schema.TIME and row[one.name] is not None}
    return {**row, **times}


FORMS: tuple[SurveyForm, ...] = (ParquetForm(), CsvForm(), JsonLinesForm())


def form_of(name: str) -> SurveyForm:
    """The form of a table by its name. Raises KinfoError for another ending, and for Parquet where pyarrow is not there."""
    path = name.partition("?")[0]
    for form in FORMS:
        if path.endswith(form.suffix):
            if isinstance(form, ParquetForm):
                pyarrow(name)
            return form
    endings = ", ".join(form.suffix for form in FORMS)
    raise KinfoError(f"{name}: its name does not say what table it is", f"let {os.path.basename(path)} end in {endings}")
