"""Rows that were made by layouts, column by column, as one Arrow table in the order of what they are of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinfo.survey.parted import Array, Parted, of_rows
from kinfo.survey.schema import TableRow

if TYPE_CHECKING:
    import pyarrow as pa


class Origin(NamedTuple):
    """Of which thing each row of a part is, by its number; `turns` order the rows of one thing."""

    numbers: NDArray[np.int64]
    turns: NDArray[np.int64]


def table_of(
    parts: Sequence[tuple[Parted, Origin]], rows: Sequence[tuple[int, int, TableRow]], wanted: pa.Schema
) -> tuple[pa.Table, NDArray[np.int64]]:
    """The table, and the number of the thing that each of its rows is of. `rows` have number and turn before them."""
    import pyarrow as pa

    columns = [part for part, _ in parts]
    origins = [origin for _, origin in parts]
    if rows:
        columns.append(of_rows([row for _, _, row in rows]))
        origins.append(Origin(np.array([at for at, _, _ in rows]), np.array([turn for _, turn, _ in rows])))
    numbers = np.concatenate([np.zeros(0, np.int64), *(origin.numbers for origin in origins)])
    turns = np.concatenate([np.zeros(0, np.int64), *(origin.turns for origin in origins)])
    order = np.lexsort((turns, numbers))
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    ends = np.cumsum([len(origin.numbers) for origin in origins]).tolist()
    joined = _Joined(columns, [places[start:end] for start, end in pairwise([0, *ends])], len(order))
    return pa.Table.from_arrays([joined.array(field) for field in wanted], schema=wanted), numbers[order]


class _Joined:
    """Parts, and where the rows of each go."""

    def __init__(self, parts: Sequence[Parted], places: Sequence[Array], size: int) -> None:
        self._parts, self._places, self._size = parts, places, size

    def array(self, field: pa.Field) -> Any:
        """A column of all of them."""
        import pyarrow as pa

        is_number = pa.types.is_integer(field.type) or pa.types.is_boolean(field.type)
        found = self._numbers(field) if is_number else self._chosen(field)
        return pa.nulls(self._size, field.type) if found is None else found

    def _numbers(self, field: pa.Field) -> Any:
        import pyarrow as pa

        values, is_there = np.zeros(self._size, field.type.to_pandas_dtype()), np.zeros(self._size, np.bool_)
        for part, places in zip(self._parts, self._places, strict=True):
            if column := part.columns.get(field.name):
                values[places], is_there[places] = column.numbers()
            elif (cell := part.same[field.name]) is not None:
                values[places], is_there[places] = cell, True
        if not is_there.any():
            return None
        return pa.array(values, field.type, mask=None if is_there.all() else ~is_there)

    def _chosen(self, field: pa.Field) -> Any:
        import pyarrow as pa

        values: list[Any] = [None]
        codes = np.zeros(self._size, np.int64)
        for part, places in zip(self._parts, self._places, strict=True):
            if column := part.columns.get(field.name):
                some, numbers = column.chosen()
                codes[places] = len(values) + numbers
                values += some
            elif (cell := part.same[field.name]) is not None:
                codes[places] = len(values)
                values.append(cell)
        return pa.array(values, field.type).take(pa.array(codes)) if len(values) > 1 else None
