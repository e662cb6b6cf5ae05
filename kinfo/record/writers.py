"""Which writer left a record: the same layout means different things from different drivers.

C is written by the Android driver, by kmemdump RFC v2 (with the wrong `_relative_pa`), by RFC v3 and meminspect v1, and by
meminspect v2 (with none). The bytes often do not tell them apart; then all are named.
"""

from __future__ import annotations

from kinfo.record.record import Record

ANDROID = "Android debug_kinfo driver"
RFC_V2 = "kmemdump RFC v2"
RFC_V3 = "kmemdump RFC v3"
MEMINSPECT_V1 = "meminspect v1"
MEMINSPECT_V2 = "meminspect v2"
MEMINSPECT_V3 = "meminspect v3"
FIRST_POSTED_BASE = (6, 16)  # the series was never posted for an older kernel


def possible_writers(record: Record) -> tuple[str, ...]:
    """The drivers that can have left these bytes, likeliest first."""
    if record.layout is None:
        return ()
    if record.layout.alias == "D":
        return (MEMINSPECT_V3,)
    if record.layout.alias != "C":
        return record.layout.writers
    if is_rfc_v2(record):
        return (RFC_V2,)
    if not record.release_text:
        return (MEMINSPECT_V1, MEMINSPECT_V2, RFC_V3) if record.state.verified else (ANDROID,)
    if record.number("_relative_pa") == 0:
        return (MEMINSPECT_V2,)
    if record.release and (record.release.is_android or record.release.version < FIRST_POSTED_BASE):
        return (ANDROID, MEMINSPECT_V1, RFC_V3)
    return (MEMINSPECT_V1, RFC_V3, ANDROID)


def is_rfc_v2(record: Record) -> bool:
    """Whether this is kmemdump RFC v2: its release reads "Linux" (sysname), its base is the variable's own address."""
    return record.layout is not None and record.layout.alias == "C" and record.release_text == "Linux"
