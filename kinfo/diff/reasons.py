"""What differs between writers and releases although neither is wrong, with the source of each fact."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kinfo.diff.builds import Pair
from kinfo.examine.written_by import rows_of_sysname
from kinfo.named import NamedTuple
from kinfo.record import kernels
from kinfo.record.record import Record
from kinfo.writer_rows import rows
from kinfo.writer_rows.android import LEAVES_BASE_FLAG
from kinfo.writer_rows.model import WriterRow


class Reason(NamedTuple):
    """Why `field` is 0, or not what the other record has, in a record of which `holds` is true.

    `is_habit`: of a writer or a release, so that it explains nothing between two records of one; otherwise it follows from
    another field.
    """

    field: str
    holds: Callable[[Record], bool]
    text: str
    source: str
    is_habit: bool = True


def _since(version: kernels.Version) -> Callable[[Record], bool]:
    return lambda record: record.release is not None and record.release.version >= version


def _layout(*aliases: str) -> Callable[[Record], bool]:
    return lambda record: record.layout is not None and record.layout.alias in aliases


def _is_zero(field: str, holds: Callable[[Record], bool]) -> Callable[[Record], bool]:
    return lambda record: not record.number(field) and holds(record)


def _has_addresses(record: Record) -> bool:
    return bool(record.number("_addresses_pa")) and not record.number("enabled_base_relative")


def _is_alone(row: WriterRow) -> bool:
    """Whether nothing that ships writes the posting's layouts: then the layout alone shows who wrote it."""
    return not any(rows.shipped_in(alias) for alias in row.layouts)


def _can_be_of(row: WriterRow) -> Callable[[Record], bool]:
    """Whether a record can be the posting's.

    Where Android writes the layout too, its kernel must be one that the series was posted for, and not Android's: that driver
    always stores the base.
    """
    if row.posting and row.posting.is_sysname:
        return lambda record: row in rows_of_sysname(record)
    has_layout = _layout(*row.layouts)
    if _is_alone(row):
        return has_layout

    def holds(record: Record) -> bool:
        release = record.release
        is_posted = release is not None and release.version >= rows.first_base() and not release.is_android
        return is_posted and has_layout(record)

    return holds


def _of_rows(*, alone: bool) -> Iterator[Reason]:
    """What the postings leave 0 or get wrong. A writer that is known by its layout is asked first."""
    for row in sorted(rows.postings(), key=lambda row: row.is_rfc):
        for gap in row.gaps if _is_alone(row) is alone else ():
            holds = _can_be_of(row)
            is_wrong = row.posting is not None and row.posting.is_sysname
            yield Reason(gap.field, holds if is_wrong else _is_zero(gap.field, holds), gap.text, gap.source)


_ONLY_IF = "drivers/android/debug_kinfo.c: only one of the two forms is set"

REASONS = (
    *_of_rows(alone=True),
    Reason(
        *("_relative_pa", _is_zero("_relative_pa", _since(kernels.PLACE_RELATIVE))),
        "kernels from 7.0 on have no relative base",
        "kallsyms: Get rid of kallsyms relative base",
    ),
    *_of_rows(alone=False),
    Reason("_relative_pa", _is_zero("_relative_pa", _has_addresses), "its table has absolute addresses", _ONLY_IF, False),
    Reason("_offsets_pa", _is_zero("_offsets_pa", _has_addresses), "its table has absolute addresses", _ONLY_IF, False),
    Reason("_addresses_pa", _has_addresses, "its table has absolute addresses", _ONLY_IF, False),
    Reason(
        *("_addresses_pa", lambda record: not record.number("_addresses_pa") and not _has_addresses(record)),
        "its table has offsets, not addresses",
        _ONLY_IF,
    ),
    Reason(
        *("enabled_base_relative", _is_zero("enabled_base_relative", _since(kernels.NO_BASE_CHOICE))),
        "enabled_base_relative is 0 since 6.11: the option is gone",
        "kallsyms: get rid of code for absolute kallsyms",
    ),
    Reason(
        *("enabled_base_relative", _is_zero("enabled_base_relative", _layout(*LEAVES_BASE_FLAG.layouts))),
        "the driver of layout C does not assign it",
        "kernel_common drivers/android/debug_kinfo.c; kmemdump RFC v2",
    ),
    Reason(
        *("enabled_cfi_clang", _is_zero("enabled_cfi_clang", _since(kernels.CFI_RENAMED))),
        "enabled_cfi_clang is 0 since 6.18: the option is called CONFIG_CFI",
        "IS_ENABLED(CONFIG_CFI_CLANG) in every writer",
    ),
)


def reason_for(field: str, pair: Pair) -> Reason | None:
    """Why the field may differ between these two; the same whichever of them is called old."""
    for reason in REASONS:
        if reason.field != field or (reason.is_habit and pair.one_writer):
            continue
        if reason.holds(pair.old) or reason.holds(pair.new):
            return reason
    return None
