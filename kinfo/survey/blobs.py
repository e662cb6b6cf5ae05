"""Many small regions at once: detection and findings by `decode_many`, the rows by the one function that makes rows.

What that does not tell (rivals, vendor blocks, several records, a record that is cut or begins later) is looked at alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinfo.examine import rules
from kinfo.examine.columns import Columns, decode_many
from kinfo.memory import BytesDump
from kinfo.record.checksum import Checksum, State, prefix_sums
from kinfo.record.detect import Confidence
from kinfo.record.layouts import MAGICS, layout_named
from kinfo.record.record import Record
from kinfo.sources import Opened
from kinfo.sources.specs import Spec
from kinfo.survey.look import rows_in
from kinfo.survey.rows import JudgedRecord, row_of
from kinfo.survey.schema import TableRow

LARGEST = 1 << 16  # bytes of a blob that is read whole: regions are 4 to 64 KiB
_STARTS = frozenset(magic.to_bytes(4, "little") for magic in MAGICS)
_RIVALS = {rules.LAYOUT_RIVALS.code, rules.LAYOUT_AMBIGUOUS.code}


def rows_of_blobs(names: Sequence[str], blobs: Sequence[bytes]) -> Iterator[list[TableRow]]:
    """The rows of each blob, as `rows_in` has them; `names` are for messages."""
    at_once = [at for at, blob in enumerate(blobs) if blob[:4] in _STARTS and len(blob) <= LARGEST]
    columns = decode_many([blobs[at] for at in at_once])
    rows = {at: _row(columns, number, blobs[at]) for number, at in enumerate(at_once)}
    for at, (name, blob) in enumerate(zip(names, blobs, strict=True)):
        row = rows.get(at)
        yield [row] if row else _alone(name, blob)


def _alone(name: str, blob: bytes) -> list[TableRow]:
    with Opened(Spec(name, None), BytesDump(blob, name)) as file:
        return list(rows_in([file]))


def _row(columns: Columns, at: int, blob: bytes) -> TableRow | None:
    """The row of a blob that holds one record, at its start, whole, without a doubt; None for any other."""
    assert columns.codes is not None
    assert columns.worst is not None
    assert columns.writers is not None
    codes = columns.codes[at]
    is_plain = columns.errors[at] is None and columns.aliases[at] and not (columns.vendors[at] or columns.others[at])
    if not is_plain or columns.offsets[at] or not _RIVALS.isdisjoint(codes):
        return None
    layout = layout_named(columns.aliases[at])
    raw = blob[: layout.size]
    if len(raw) < layout.size:
        return None
    state, stored = State(columns.states[at]), int.from_bytes(raw[4:8], "little")
    computed = stored if state is State.VALID else prefix_sums(raw)[layout.words]
    confidence = Confidence(columns.confidences[at])
    record = Record(layout, confidence, (), 0, None, raw, Checksum(state, stored, computed), layout.unpack(raw))
    return row_of(record, JudgedRecord(codes, columns.worst[at] or None, columns.writers[at]))
