"""What differs between writers and releases although neither is wrong, with the source of each fact."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kinfo.diff.builds import Pair
from kinfo.record import kernels
from kinfo.record.record import Record
from kinfo.record.writers import FIRST_POSTED_BASE, is_rfc_v2


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


def _can_be_posted_c(record: Record) -> bool:
    """Layout C from a kernel that the series was posted for, and that is not Android's: its driver always stores the base."""
    release = record.release
    is_posted = release is not None and release.version >= FIRST_POSTED_BASE and not release.is_android
    return is_posted and _layout("C")(record)


_V2 = "meminspect v2 15/25: kallsyms_relative_base is no longer registered"
_V3 = "meminspect v3 kernel/meminspect/kinfo.c: no case for it"
_ONLY_IF = "drivers/android/debug_kinfo.c: only one of the two forms is set"

REASONS = (
    Reason("_relative_pa", _is_zero("_relative_pa", _layout("D")), "v3 never stores _relative_pa", _V3),
    Reason(
        *("_relative_pa", _is_zero("_relative_pa", _since(kernels.PLACE_RELATIVE))),
        "kernels from 7.0 on have no relative base",
        "kallsyms: Get rid of kallsyms relative base",
    ),
    Reason("_relative_pa", _is_zero("_relative_pa", _can_be_posted_c), "v2 stores no _relative_pa", _V2),
    Reason("_relative_pa", is_rfc_v2, "RFC v2 stores the variable's own address", "kmemdump RFC v2 mm/kmemdump/kinfo.c"),
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
        *("enabled_base_relative", _is_zero("enabled_base_relative", _layout("C"))),
        "the driver of layout C does not assign it",
        "kernel_common drivers/android/debug_kinfo.c; kmemdump RFC v2",
    ),
    Reason(
        *("enabled_cfi_clang", _is_zero("enabled_cfi_clang", _since(kernels.CFI_RENAMED))),
        "enabled_cfi_clang is 0 since 6.18: the option is called CONFIG_CFI",
        "IS_ENABLED(CONFIG_CFI_CLANG) in every writer",
    ),
    Reason(
        *("last_uts_release", is_rfc_v2),
        'RFC v2 copies the first member of init_uts_ns, which is "Linux"',
        "kmemdump RFC v2 mm/kmemdump/kinfo.c",
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
