"""The rows of many records of one layout, column by column: the same cells as `rows.row_of` gives of each record alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinfo.examine.rules import RECORD_BUILD_INFO_STALE
from kinfo.record.checksum import HEAD_SIZE
from kinfo.record.limits import TABLE_STEMS, TEXT_GAP
from kinfo.record.model import Field, Layout
from kinfo.survey.rows import TABLE_SIZES, kind_of_layout, of_fingerprint, of_release, shown_text
from kinfo.survey.schema import EMPTY, Cell, TableRow

if TYPE_CHECKING:
    from kinfo.examine.traced import Codes
    from kinfo.record.asked.blobs import Blobs
    from kinfo.record.asked.follow import Rows
    from kinfo.record.decode import Detected

Array = NDArray[Any]


class _Numbers(NamedTuple):
    """A number a row; `there` is False where there is none."""

    values: Array
    there: NDArray[np.bool_] | None = None

    def cells(self) -> Iterable[Cell]:
        values: list[Cell] = self.values.tolist()
        if self.there is None:
            return values
        return [value if there else None for value, there in zip(values, self.there.tolist(), strict=True)]

    def numbers(self) -> tuple[Array, Array | bool]:
        return self.values, True if self.there is None else self.there

    def chosen(self) -> tuple[Sequence[Any], Array]:
        return [*self.cells()], np.arange(len(self.values))


class _Chosen(NamedTuple):
    """One of a few values a row."""

    values: Sequence[Any]
    codes: Array

    def cells(self) -> Iterable[Cell]:
        return [self.values[code] for code in self.codes.tolist()]

    def numbers(self) -> tuple[Array, Array | bool]:
        values, is_there = _Listed(self.values).numbers()
        return values[self.codes], is_there[self.codes]

    def chosen(self) -> tuple[Sequence[Any], Array]:
        return self.values, self.codes


class _Listed(NamedTuple):
    """A cell a row."""

    values: Sequence[Any]

    def cells(self) -> Iterable[Cell]:
        return self.values

    def numbers(self) -> tuple[Array, Array]:
        is_there = np.array([value is not None for value in self.values], np.bool_)
        return np.array([value or 0 for value in self.values], np.uint64), is_there

    def chosen(self) -> tuple[Sequence[Any], Array]:
        return self.values, np.arange(len(self.values))


_OneColumn = _Numbers | _Chosen | _Listed


class Parted(NamedTuple):
    """Columns that differ from row to row, and the cells that do not."""

    size: int
    same: TableRow
    columns: dict[str, _OneColumn]

    def rows(self) -> Iterable[TableRow]:
        """A row each."""
        names = list(self.columns)
        cells = zip(*(column.cells() for column in self.columns.values()), strict=True)
        return (self.same | dict(zip(names, row, strict=True)) for row in cells)


def of_rows(rows: Sequence[TableRow]) -> Parted:
    """Columns of rows that were made one by one."""
    return Parted(len(rows), {}, {name: _Listed([row[name] for row in rows]) for name in rows[0]})


def columns_of(
    blobs: Blobs, rows: Rows, readings: Sequence[tuple[Detected, Codes]], counts: Sequence[int], offset: int
) -> Parted:
    """Records of one layout, each at an offset of its blob: so many `counts` that were read alike, one after another."""
    layout = readings[0][0].layout
    assert layout
    part = blobs.part(offset, offset + layout.size)[rows]
    same: TableRow = {
        **EMPTY,
        "kind": kind_of_layout(layout),
        "offset": offset,
        "layout": layout.alias,
        "layout_name": layout.name,
        "size": layout.size,
        "truncated": False,
    }
    fields = {field.name: field for field in layout.fields}
    numbers = {name: _numbers(part, field) for name, field in fields.items() if not (field.is_text or field.elements)}
    texts = {name: _texts(part, field) for name, field in fields.items() if field.is_text and not field.elements}
    which = np.repeat(np.arange(len(readings)), counts)
    columns: dict[str, _OneColumn] = {
        **{name: _Chosen(values, which) for name, values in _of_readings(readings).items()},
        "computed_checksum": _Numbers(_sums(part, layout)),
        "sha256": _Listed(_hashes(part)),
        **{name: _Numbers(values) for name, values in numbers.items()},
        **{name: _Chosen([shown_text(raw) for raw in column.values], column.codes) for name, column in texts.items()},
        **{field.name: _Listed(_items(part, field)) for field in layout.fields if field.elements},
        **_of_image(layout, numbers),
        **_taken_apart(
            texts["uts_release" if layout.vendor else "last_uts_release"], lambda raw: of_release(shown_text(raw))
        ),
    }
    if build_info := texts.get("build_info"):
        columns |= _fingerprints(build_info, readings, which)
    return Parted(len(part), same, columns)


def _of_readings(readings: Sequence[tuple[Detected, Codes]]) -> dict[str, list[Cell]]:
    return {
        "confidence": [reading.confidence.value for reading, _ in readings],
        "rivals": [[rival.layout.alias for rival in reading.rivals] for reading, _ in readings],
        "state": [reading.state.value for reading, _ in readings],
        "writers": [list(codes.writers) for _, codes in readings],
        "findings": [list(dict.fromkeys(codes.codes)) for _, codes in readings],
        "severity": [codes.worst or None for _, codes in readings],
    }


def _fingerprints(build_info: _Chosen, readings: Sequence[tuple[Detected, Codes]], which: Array) -> dict[str, _OneColumn]:
    """Of build_info taken apart; not where another one's tail stands behind it."""
    is_stale = np.array([RECORD_BUILD_INFO_STALE.code in codes.codes for _, codes in readings])[which]
    values = [*build_info.values, b""]
    codes = np.where(is_stale, len(values) - 1, build_info.codes)
    return _taken_apart(_Chosen(values, codes), of_fingerprint)


def _taken_apart(texts: _Chosen, take: Callable[[bytes], TableRow]) -> dict[str, _OneColumn]:
    found = [take(raw) for raw in texts.values]
    names = dict.fromkeys(name for one in found for name in one)
    return {name: _Chosen([one.get(name) for one in found], texts.codes) for name in names}


def _flat(part: NDArray[np.uint8], field: Field, kind: str) -> Any:
    return np.ascontiguousarray(part[:, field.offset : field.end]).view(kind)


def _numbers(part: NDArray[np.uint8], field: Field) -> Array:
    found: Array = _flat(part, field, f"<u{field.size}").ravel()
    return found


def _texts(part: NDArray[np.uint8], field: Field) -> _Chosen:
    numbers: dict[bytes, int] = {}
    codes = [numbers.setdefault(raw, len(numbers)) for raw in _flat(part, field, f"S{field.size}").ravel().tolist()]
    return _Chosen(list(numbers), np.array(codes, np.int64))


def _items(part: NDArray[np.uint8], field: Field) -> list[Any]:
    width = field.size // field.elements
    items: list[list[Any]] = _flat(part, field, f"S{width}" if field.is_text else f"<u{width}").tolist()
    return [[shown_text(one) for one in row] for row in items] if field.is_text else items


def _hashes(part: NDArray[np.uint8]) -> list[str]:
    data, size = part.tobytes(), part.shape[1]
    return [hashlib.sha256(data[at : at + size]).hexdigest() for at in range(0, len(data), size)]


def _sums(part: NDArray[np.uint8], layout: Layout) -> Array:
    words = np.ascontiguousarray(part[:, HEAD_SIZE : HEAD_SIZE + 4 * layout.words]).view("<u4")
    found: Array = np.bitwise_xor.reduce(words, axis=1)
    return found


def _of_image(layout: Layout, numbers: dict[str, Array]) -> dict[str, _OneColumn]:
    """What `rows` says of the image, as `image_range` has its borders."""

    def pointer(stem: str) -> Array | None:
        return numbers.get(f"_{stem}_{layout.suffix}")

    found: dict[str, _OneColumn] = {}
    start, end = pointer("stext"), pointer("end")
    if start is not None and end is not None:
        is_known, first = (start != 0) & (end != 0) & (start < end), start
        for base in (pointer("text"), pointer("relative")):
            if base is not None:
                is_base = (base != 0) & (base <= start) & (start - base < np.uint64(TEXT_GAP))
                first = np.where(is_base & (base < first), base, first)
        found |= {"image_start": _Numbers(first, is_known), "image_size": _Numbers(end - first, is_known)}
    for column, low, high in TABLE_SIZES:
        start, end = pointer(low), pointer(high)
        if start is not None and end is not None:
            found[column] = _Numbers(end - start, (start != 0) & (end != 0) & (start < end))
    places = [place for stem in TABLE_STEMS if (place := pointer(stem)) is not None]
    if places:
        table = np.stack(places)
        least = np.where(table == 0, np.uint64((1 << 64) - 1), table).min(axis=0)
        found["tables_span"] = _Numbers(table.max(axis=0) - least, (table != 0).sum(axis=0) > 1)
    return found
