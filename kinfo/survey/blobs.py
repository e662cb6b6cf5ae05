"""Many small regions at once: how each is read comes from `examine.columns`; columns are made of all records of a layout.

What does not read together (several records, a record that begins later, most damaged ones) is looked at alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from kinfo.examine.columns import by_layout, read_many
from kinfo.memory import BytesDump
from kinfo.record.layouts import MAGICS, SMALLEST
from kinfo.sources import Opened
from kinfo.sources.specs import Spec
from kinfo.survey.look import rows_in
from kinfo.survey.parted import Parted, columns_of
from kinfo.survey.schema import TableRow

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from kinfo.examine.known_kernels import Read
    from kinfo.record.asked.blobs import Blobs

LARGEST = 1 << 16  # bytes of a blob that is read whole: regions are 4 to 64 KiB
_ERASED = (b"\0", b"\xff")
_STARTS = frozenset(magic.to_bytes(4, "little") for magic in MAGICS)


class BlobRows(NamedTuple):
    """Rows of some blobs: columns, and the blob that each row is of. `turn` orders the rows of one blob."""

    columns: Parted
    origins: NDArray[np.int64]
    turn: int


def parts_of_blobs(blobs: Sequence[bytes]) -> Iterator[BlobRows]:
    """The rows of those blobs that are read together."""
    import numpy as np

    at_once = [at for at, blob in enumerate(blobs) if blob[:4] in _STARTS and len(blob) <= LARGEST]
    origins = np.array(at_once, np.int64)
    for places, some, reads in read_many([blobs[at] for at in at_once], findings=True):
        for alike in by_layout(one for one in reads if _is_whole(one, some.size)):
            yield from _rows_of(some, alike, origins[places])


def _rows_of(blobs: Blobs, alike: Sequence[Read], origins: NDArray[np.int64]) -> Iterator[BlobRows]:
    """The records, and their vendor blocks."""
    import numpy as np

    half = alike[0].half
    rows, counts = np.concatenate([one.rows for one in alike]), [len(one.rows) for one in alike]
    of_records = [(one.reading, one.judgement) for one in alike if one.judgement]
    yield BlobRows(columns_of(blobs, rows, of_records, counts, 0), origins[rows], 0)
    of_blocks = [(one.vendor, one.vendor_judgement) for one in alike if one.vendor and one.vendor_judgement]
    if of_blocks:
        yield BlobRows(columns_of(blobs, rows, of_blocks, counts, half), origins[rows], 1)


def _is_whole(one: Read, size: int) -> bool:
    """Whether all is known of which rows are made; a record that is cut is left."""
    assert one.reading.layout is not None
    is_cut = one.reading.layout.size > (one.half or size)
    if one.vendor and one.vendor.layout:
        is_cut |= one.half + one.vendor.layout.size > size
    return not is_cut and (one.vendor is None or one.vendor_judgement is not None)


def rows_of_blobs(names: Sequence[str], blobs: Sequence[bytes]) -> Iterator[list[TableRow]]:
    """The rows of each blob, as `rows_in` has them; `names` are for messages."""
    found: list[list[TableRow]] = [[] for _ in blobs]
    for part in parts_of_blobs(blobs):
        for origin, row in zip(part.origins.tolist(), part.columns.rows(), strict=True):
            found[origin].append(row)
    for name, blob, rows in zip(names, blobs, found, strict=True):
        yield rows or _alone(name, blob)


def table_of_blobs(names: Sequence[str], blobs: Sequence[bytes], wanted: pa.Schema) -> tuple[pa.Table, NDArray[np.int64]]:
    """The same as an Arrow table, with the number of the blob that each row is of."""
    import numpy as np

    from kinfo.survey.joined import Origin, table_of

    parts, is_left = [], np.ones(len(blobs), np.bool_)
    for part in parts_of_blobs(blobs):
        is_left[part.origins] = False
        parts.append((part.columns, Origin(part.origins, np.full(len(part.origins), part.turn))))
    left = np.flatnonzero(is_left).tolist()
    return table_of(parts, [(at, turn, row) for at in left for turn, row in enumerate(_alone(names[at], blobs[at]))], wanted)


def _alone(name: str, blob: bytes) -> list[TableRow]:
    if SMALLEST <= len(blob) <= LARGEST and blob[:1] in _ERASED and not blob.strip(blob[:1]):
        return [row.copy() for row in _erased(blob)]
    return _read(name, blob)


@lru_cache(8)
def _erased(blob: bytes) -> list[TableRow]:
    """The rows of a region that nobody has written, of which a fleet has many: they are the same for all."""
    return _read("", blob)


def _read(name: str, blob: bytes) -> list[TableRow]:
    with Opened(Spec(name, None), BytesDump(blob, name)) as file:
        return list(rows_in([file]))
