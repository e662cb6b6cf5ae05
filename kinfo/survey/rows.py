"""The row of a record, and that of a file without one."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import NamedTuple

from kinfo.examine import Examined
from kinfo.examine.check.image import image_range
from kinfo.examine.rules import RECORD_BUILD_INFO_STALE
from kinfo.findings import worst
from kinfo.printable import printable
from kinfo.record import kernels, text
from kinfo.record.checksum import State
from kinfo.record.limits import TABLE_STEMS
from kinfo.record.model import Layout, Value
from kinfo.record.record import Record
from kinfo.survey import build_words
from kinfo.survey.schema import BY_NAME, EMPTY, TEXTS, Cell, TableRow

NONE, UNREAD = "none", "unread"
_FIRST, _LAST = -30_610_224_000_000_000, 253_402_300_799_999_999  # microseconds: the years 1000 to 9999


class FileFacts(NamedTuple):
    """A file: its name as it can be opened, bytes, time (us since 1970), and whether the two tell it from a later state."""

    source: str
    size: int | None
    modified: int | None
    is_settled: bool

    @property
    def cells(self) -> TableRow:
        """Its columns."""
        return {
            "source": self.source,
            "file_size": self.size,
            "modified": self.modified,
            "settled": self.is_settled,
        }


def file_time(nanoseconds: int | None) -> int | None:
    """A file's time in microseconds since 1970; None where it is not known, or not of the years 1000 to 9999."""
    found = None if nanoseconds is None else nanoseconds // 1000
    return found if found is not None and _FIRST <= found <= _LAST else None


def without_record(reason: str, kind: str = NONE) -> TableRow:
    """The columns of what holds no record (`none`), or cannot be read (`unread`)."""
    return {**EMPTY, "kind": kind, "reason": printable(reason)}


class JudgedRecord(NamedTuple):
    """What the checks say of a record: codes, gravest first, the worst severity, and who can have written it."""

    codes: tuple[str, ...]
    severity: str | None
    writers: tuple[str, ...]


def of_record(record: Examined) -> list[TableRow]:
    """The columns of a record, and those of its vendor block: a row each."""
    return [row_of(one, _judged(one)) for one in (record, record.vendor) if one]


def _judged(record: Examined) -> JudgedRecord:
    gravest = worst(record.findings)
    codes = tuple(finding.code for finding in record.findings)
    return JudgedRecord(codes, gravest.value if gravest else None, record.writers)


def row_of(record: Record, judged: JudgedRecord) -> TableRow:
    """The columns of one record."""
    layout = record.layout
    codes = list(dict.fromkeys(judged.codes))
    return {
        **EMPTY,
        "kind": kind_of(record),
        "offset": record.offset,
        "address": record.address,
        "layout": layout.alias if layout else None,
        "layout_name": layout.name if layout else None,
        "confidence": record.confidence.value if layout else None,
        "rivals": [rival.layout.alias for rival in record.rivals],
        "state": record.state.value,
        "computed_checksum": record.checksum.computed if layout else None,
        "size": record.size if layout else None,
        "truncated": record.is_truncated,
        "sha256": hashlib.sha256(record.raw).hexdigest(),
        "writers": list(judged.writers),
        "findings": codes,
        "severity": judged.severity,
        **of_release(record.release_text),
        **(of_fingerprint(record.string("build_info") or b"") if RECORD_BUILD_INFO_STALE.code not in codes else {}),
        **_of_image(record),
        **{name: _cell(name, value) for name, value in record.values.items()},
    }


@lru_cache(4096)
def of_release(release: str) -> TableRow:
    """The columns of a release, escaped."""
    found = kernels.parse_release(release)
    return build_words.of_release(release, found.version if found else None)


@lru_cache(4096)
def of_fingerprint(build_info: bytes) -> TableRow:
    """The columns of a fingerprint, which is in build_info."""
    shown = text.escape(text.before_nul(build_info).removesuffix(b"\n"))  # `echo` leaves one
    return build_words.of_fingerprint(shown)


def kind_of(record: Record) -> str:
    """What sort of record it is."""
    return State.ERASED.value if record.layout is None else kind_of_layout(record.layout)


def kind_of_layout(layout: Layout) -> str:
    """What sort of record has this layout."""
    return "vendor" if layout.vendor else "record"


def _cell(name: str, value: Value) -> Cell:
    if isinstance(value, tuple):
        if BY_NAME[name].kind == TEXTS:
            return [shown_text(item) for item in value if isinstance(item, bytes)]
        return [item for item in value if isinstance(item, int)]
    return shown_text(value) if isinstance(value, bytes) else value


@lru_cache(4096)
def shown_text(raw: bytes) -> str:
    """A text field as every table has it; kept, as they repeat in a fleet."""
    return text.escape(text.before_nul(raw))


TABLE_SIZES = (("names_size", "names", "markers"), ("token_table_size", "token_table", "token_index"))
"""A column, and the tables from one of which to the other it counts."""


def _of_image(record: Record) -> TableRow:
    found: TableRow = {}
    if image := image_range(record):
        found = {"image_start": image[0], "image_size": image[1] - image[0]}
    for column, low, high in TABLE_SIZES:
        start, end = record.pointer(low), record.pointer(high)
        if start and end and start < end:
            found[column] = end - start
    if len(places := [place for stem in TABLE_STEMS if (place := record.pointer(stem))]) > 1:
        found["tables_span"] = max(places) - min(places)
    return found
