"""Many records at once: a column for each thing that is known of a record, a row for each blob of bytes.

The answers are those of `kinfo.decode`, blob by blob: the best record of each, at its place there, its base not known.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from kinfo.errors import KinfoError
from kinfo.examine.examined import Examined
from kinfo.examine.traced import judged
from kinfo.memory import BytesDump
from kinfo.printable import brief
from kinfo.record import text
from kinfo.record.locate import locate
from kinfo.record.model import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kinfo.examine.known_kernels import Read
    from kinfo.record.asked.blobs import Blob, Blobs
    from kinfo.record.model import Field

TOGETHER = 8  # blobs of one size from which on they are read together: fewer do not pay for numpy
_ROWS = 8192  # read together: their columns stay in the cache
_BYTES = 64 << 20
VENDOR = "vendor."  # before the names of the vendor block's fields


class NumberColumn(NamedTuple):
    """An integer field of every row: `values` are 0 where `there` is not True, which says that the row's record has it."""

    values: NDArray[np.uint64]
    there: NDArray[np.bool_]


class Columns(NamedTuple):
    """What is known of many blobs; every list and array has an element for each of them, in their order.

    `aliases` are the layouts' (`Layout.alias`; "" for an erased region and where there is no record), `confidences` and
    `states` the words of Confidence and State ("" without a record), `offsets` where the record begins in its blob, `others`
    how many more records the blob has (`kinfo.decode_all` gives them). `regions` are the sizes of the blobs.
    `vendors` and `vendor_states` are alias and state of the vendor block in the region's second half, "" where there is none.

    `numbers` has the integer fields by name, checksum and magic among them, `texts` the text up to the NUL, escaped as
    everywhere (None where the record has no such field), `arrays` the fields of several elements, likewise. Names of the
    vendor block's fields begin with "vendor.". A field that no row has is not among them.

    `codes` are the findings' codes, the gravest first and as often as they were found, `worst` the word of the gravest
    severity ("" for none), `writers` as in `Examined.writers`; all three are None where findings were not asked for.
    `errors` says why there is no record; None where there is one.
    """

    aliases: list[str]
    confidences: list[str]
    states: list[str]
    offsets: NDArray[np.uint64]
    regions: NDArray[np.uint64]
    others: NDArray[np.uint64]
    vendors: list[str]
    vendor_states: list[str]
    numbers: dict[str, NumberColumn]
    texts: dict[str, list[str | None]]
    arrays: dict[str, list[list[int] | list[str] | None]]
    codes: list[tuple[str, ...]] | None
    worst: list[str] | None
    writers: list[tuple[str, ...]] | None
    errors: list[str | None]

    def __repr__(self) -> str:
        records = sum(error is None for error in self.errors)
        return brief(self, f"{len(self.errors):,} blobs, {records:,} records, {len(self.numbers) + len(self.texts)} fields")


def decode_many(blobs: Sequence[Blob], *, findings: bool = True) -> Columns:
    """The best record of each blob, as `kinfo.decode` gives it, in columns.

    A blob is a region, a record alone, or a piece of RAM. No blob raises: what cannot be read has its reason in `errors`.
    Without `findings` neither they nor the writers are worked out.
    """
    columns = _empty(len(blobs), findings=findings)
    columns.regions[:] = [len(blob) for blob in blobs]
    for places, some, reads in read_many(blobs, findings=findings):
        for one in reads:
            _put_reading(columns, places[one.rows].tolist(), one)
        for alike in by_layout(reads):
            _put_many(columns, some, places, alike)
        _alone(columns, blobs, places[not_read(len(places), reads)].tolist())
    return columns


def read_many(blobs: Sequence[Blob], *, findings: bool) -> Iterator[tuple[NDArray[np.intp], Blobs, list[Read]]]:
    """Blobs of one shape, so many at a time: their places, their bytes, and how those are read that can be together."""
    import numpy as np

    from kinfo.examine import together
    from kinfo.record.asked.blobs import Blobs, by_shape

    for shape, rows in by_shape(blobs).items():
        step = max(TOGETHER, min(_ROWS, _BYTES // max(shape.size, 1)))
        for start in range(0, len(rows), step):
            places = rows[start : start + step]
            some = Blobs.of([blobs[row] for row in places], shape)
            yield np.array(places), some, together.read(some, findings=findings) if len(places) >= TOGETHER else []


def by_layout(reads: Iterable[Read]) -> Iterable[list[Read]]:
    """Those of one layout each, with one layout of a vendor block at one place: their fields lie alike."""
    alike: dict[Hashable, list[Read]] = {}
    for one in reads:
        alike.setdefault((one.reading.layout, one.vendor and one.vendor.layout, one.half), []).append(one)
    return alike.values()


def not_read(count: int, reads: Sequence[Read]) -> NDArray[np.intp]:
    """The rows of so many that are not among those."""
    import numpy as np

    left = np.ones(count, np.bool_)
    for one in reads:
        left[one.rows] = False
    return np.flatnonzero(left)


def _put_reading(columns: Columns, rows: list[int], one: Read) -> None:
    """What rows that were read alike have in common."""
    assert one.reading.layout is not None
    _repeat(columns.aliases, rows, one.reading.layout.alias)
    _repeat(columns.confidences, rows, one.reading.confidence.value)
    _repeat(columns.states, rows, one.reading.state.value)
    if one.vendor and one.vendor.layout:
        _repeat(columns.vendors, rows, one.vendor.layout.alias)
        _repeat(columns.vendor_states, rows, one.vendor.state.value)
    if one.judgement and columns.codes is not None and columns.worst is not None and columns.writers is not None:
        _repeat(columns.codes, rows, one.judgement.codes)
        _repeat(columns.worst, rows, one.judgement.worst)
        _repeat(columns.writers, rows, one.judgement.writers)


def _put_many(columns: Columns, blobs: Blobs, places: NDArray[np.intp], alike: list[Read]) -> None:
    """The fields of rows of one layout; `places` are those of the rows among all blobs."""
    import numpy as np

    rows, first = np.concatenate([one.rows for one in alike]), alike[0]
    assert first.reading.layout is not None
    parts = [("", blobs.part(0, min(first.reading.layout.size, first.half or blobs.size)), first.reading.layout)]
    if first.vendor and first.vendor.layout:
        end = min(first.half + first.vendor.layout.size, blobs.size)
        parts.append((VENDOR, blobs.part(first.half, end), first.vendor.layout))
    for prefix, whole, layout in parts:
        part = whole[rows]
        for field in layout.fields:
            if field.end <= part.shape[1]:
                _put_fields(columns, places[rows], prefix + field.name, field, part[:, field.offset : field.end])


def _repeat(column: list[Any], rows: list[int], value: object) -> None:
    for row in rows:
        column[row] = value


def _put_fields(columns: Columns, rows: NDArray[np.intp], name: str, field: Field, part: NDArray[np.uint8]) -> None:
    import numpy as np

    flat = np.ascontiguousarray(part)
    size = len(columns.errors)
    if field.elements:
        width = field.size // field.elements
        items = flat.view(f"S{width}" if field.is_text else f"<u{width}").tolist()
        arrays = columns.arrays.setdefault(name, [None] * size)
        for row, item in zip(rows.tolist(), items, strict=True):
            arrays[row] = [_shown_before(one) for one in item] if field.is_text else item
    elif field.is_text:
        texts, raws = columns.texts.setdefault(name, [None] * size), flat.view(f"S{field.size}").ravel().tolist()
        said = {raw: _shown_before(raw) for raw in set(raws)}
        for row, raw in zip(rows.tolist(), raws, strict=True):
            texts[row] = said[raw]
    else:
        column = numbers_of(columns, name)
        column.values[rows] = flat.view(f"<u{field.size}").ravel()
        column.there[rows] = True


def _alone(columns: Columns, blobs: Sequence[Blob], rows: list[int]) -> None:
    """Blobs one by one."""
    for row in rows:
        blob = blobs[row]
        try:
            found = locate(BytesDump(blob))
        except KinfoError as error:
            columns.errors[row] = str(error)
            continue
        columns.others[row] = len(found) - 1
        _put(columns, row, Examined.of(found[0]))


def _empty(size: int, *, findings: bool) -> Columns:
    import numpy as np

    return Columns(
        aliases=[""] * size,
        confidences=[""] * size,
        states=[""] * size,
        offsets=np.zeros(size, np.uint64),
        regions=np.zeros(size, np.uint64),
        others=np.zeros(size, np.uint64),
        vendors=[""] * size,
        vendor_states=[""] * size,
        numbers={},
        texts={},
        arrays={},
        codes=[()] * size if findings else None,
        worst=[""] * size if findings else None,
        writers=[()] * size if findings else None,
        errors=[None] * size,
    )


def _put(columns: Columns, row: int, record: Examined) -> None:
    """One record into its row."""
    columns.aliases[row] = record.layout.alias if record.layout else ""
    columns.confidences[row] = record.confidence.value
    columns.states[row] = record.state.value
    columns.offsets[row] = record.offset
    for name, value in record.values.items():
        _put_field(columns, row, name, value)
    if record.vendor and record.vendor.layout:
        columns.vendors[row] = record.vendor.layout.alias
        columns.vendor_states[row] = record.vendor.state.value
        for name, value in record.vendor.values.items():
            _put_field(columns, row, VENDOR + name, value)
    if columns.codes is not None and columns.worst is not None and columns.writers is not None:
        columns.codes[row], columns.worst[row], columns.writers[row] = judged(record)


def _put_field(columns: Columns, row: int, name: str, value: Value) -> None:
    size = len(columns.errors)
    if isinstance(value, int):
        numbers_of(columns, name).values[row] = value
        numbers_of(columns, name).there[row] = True
    elif isinstance(value, bytes):
        columns.texts.setdefault(name, [None] * size)[row] = shown(value)
    else:
        columns.arrays.setdefault(name, [None] * size)[row] = [
            shown(item) if isinstance(item, bytes) else item for item in value
        ]  # type: ignore[assignment]  # one kind of item an array


def numbers_of(columns: Columns, name: str) -> NumberColumn:
    """The column of an integer field, made where it is not there yet."""
    import numpy as np

    if name not in columns.numbers:
        size = len(columns.errors)
        columns.numbers[name] = NumberColumn(np.zeros(size, np.uint64), np.zeros(size, np.bool_))
    return columns.numbers[name]


@lru_cache(1 << 12)
def _shown_before(raw: bytes) -> str:
    """The same, kept: texts repeat in a fleet."""
    return shown(raw)


def shown(raw: bytes) -> str:
    """A text field as it can be shown anywhere."""
    return text.escape(text.before_nul(raw))
