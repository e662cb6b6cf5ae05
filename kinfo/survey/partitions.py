"""A table in a folder, a file and more for each day or kernel version, as Hive has it: `day=2026-11-26/rows-00000.parquet`.

Every run that adds rows adds files. They are made in the folder of the parts, and moved when all are there: a run that ends
between two moves has left `ready`, and the next one goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from kinfo.errors import KinfoError
from kinfo.survey import remote
from kinfo.survey.formats import ParquetForm, SurveyForm, form_of
from kinfo.survey.parts import Parts, keys_of, must_be_ours, payloads_of
from kinfo.survey.schema import Cell
from kinfo.survey.storage import Storage, joined_name, storage_of

DAY, RELEASE = "day", "release"
PARTITIONS = (DAY, RELEASE)
_KEYS = {DAY: "day", RELEASE: "kernel"}  # the folders' names: no column has them
_NOTHING = "__HIVE_DEFAULT_PARTITION__"  # Hive's name for rows that have no value
_READY = "ready"
_DAY = 86_400 * 10**6  # us


def files_of(storage: Storage, folder: str) -> Iterator[str]:
    """The files of a table in a folder."""
    for part in storage.names(folder):
        if "=" in part:
            names = storage.names(joined_name(folder, part))
            yield from (joined_name(folder, part, name) for name in names if name.endswith(ParquetForm.suffix))


class TableFolder:
    """A table in a folder. Parquet alone: what reads folders of tables reads that."""

    def __init__(self, name: str, partition: str) -> None:
        if not isinstance(form_of(name), ParquetForm):
            raise KinfoError(f"{name}: a table in a folder is of Parquet files", "let its name end in .parquet")
        self.name, self.storage, self._partition = name, storage_of(name), partition
        self.form: SurveyForm = ParquetForm()

    @property
    def identity(self) -> str:
        """See Target: its files, of which each run adds some."""
        if not self.storage.identity(self.name):
            return ""
        return f"{len(list(files_of(self.storage, self.name)))} files"

    def keys(self) -> Iterator[tuple[Cell, ...]]:
        """See Target."""
        self._must_be_a_folder()
        for name in files_of(self.storage, self.name):
            yield from keys_of(self.storage, self.form, name)

    def must_be_ours(self) -> None:
        """See Target."""
        self._must_be_a_folder()
        names = list(files_of(self.storage, self.name))
        if not names:
            raise KinfoError(f"{self.name}: holds no table of kinfo's survey", "name another folder, or remove it")
        for name in names:
            must_be_ours(self.storage, self.form, name)

    def _must_be_a_folder(self) -> None:
        if not self.storage.is_folder(self.name):
            raise KinfoError(
                f"{self.name}: is no folder, as a table in partitions is", "leave --partition out, or name another"
            )

    def finish(self, parts: Parts) -> None:
        """See Target."""
        if _READY not in self.storage.names(parts.folder):
            return
        made = joined_name(parts.folder, "made")
        for value in self.storage.names(made):
            for name in self.storage.names(joined_name(made, value)):
                self.storage.rename(joined_name(made, value, name), joined_name(self.name, value, name))
        parts.remove()

    def write(self, parts: Parts, *, is_added: bool) -> None:
        """See Target."""
        number = self._next_number() if is_added else 0
        split, made = (joined_name(parts.folder, name) for name in ("split", "made"))
        self.storage.remove(split)
        self.storage.remove(made)
        for at, payload in enumerate(parts.payloads()):
            for value, rows in self._split(payload):
                self.storage.write(joined_name(split, value, f"{at:05}.parquet"), _writer(self.form, [rows]))
        for value in self.storage.names(split):
            pieces = self._pieces(joined_name(split, value))
            self.storage.write(joined_name(made, value, f"rows-{number:05}.parquet"), _writer(self.form, pieces))
        if not is_added:
            self.storage.remove(self.name)
        self.storage.write(joined_name(parts.folder, _READY), lambda file: file.write(b"1"))
        self.finish(parts)

    def _pieces(self, folder: str) -> Iterator[Any]:
        for name in self.storage.names(folder):
            yield from payloads_of(self.storage, self.form, joined_name(folder, name))

    def _next_number(self) -> int:
        names = [remote.shown(name).partition("?")[0] for name in files_of(self.storage, self.name)]
        numbers = [name.rpartition("-")[2].removesuffix(ParquetForm.suffix) for name in names]
        return max((int(number) for number in numbers if number.isdigit()), default=-1) + 1

    def _split(self, table: Any) -> Iterator[tuple[str, Any]]:
        """The rows of each value, under the name of its folder."""
        import pyarrow as pa
        from pyarrow import compute

        if self._partition == DAY:
            column = compute.divide(table.column("modified").cast(pa.int64()), _DAY)
        else:
            column = table.column("version")
        for value in compute.unique(column):
            is_this = compute.equal(column, value) if value.is_valid else compute.is_null(column)
            yield f"{_KEYS[self._partition]}={self._shown(value.as_py())}", table.filter(is_this)

    def _shown(self, value: Any) -> str:
        if value is None:
            return _NOTHING
        return f"{datetime.fromtimestamp(value * 86_400, UTC):%Y-%m-%d}" if self._partition == DAY else str(value)


def _writer(form: SurveyForm, payloads: Any) -> Any:
    return lambda file: form.write(file, payloads)
