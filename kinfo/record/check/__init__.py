"""Plausibility checks on a decoded record, one subject a module.

A check is a function from a record to findings; `ALL` lists them in the order in which findings are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kinfo.findings import Finding
from kinfo.record.check import completeness, flags, image, modules, strings, tables, vendor, verdict
from kinfo.record.record import Record

Check = Callable[[Record], Iterable[Finding]]

ALL: tuple[Check, ...] = (
    verdict.checksum,
    verdict.layout,
    completeness.check,
    flags.check,
    image.check,
    tables.check,
    strings.check,
    modules.check,
    vendor.check,
)


def run(record: Record) -> tuple[Finding, ...]:
    """Every finding on a record. Of an erased region nothing but that is said."""
    return tuple(finding for check in ALL for finding in check(record))
