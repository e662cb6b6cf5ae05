"""Plausibility checks on a decoded record, one subject a module.

A check is a function from a record to findings; gravest findings are shown first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from kinfo.examine import bitflip, rules
from kinfo.examine.check import completeness, flags, image, modules, strings, tables, vendor, verdict
from kinfo.findings import Finding, gravest_first
from kinfo.record.record import Record

Check = Callable[[Record], Iterable[Finding]]


PLAUSIBILITY: tuple[Check, ...] = (
    completeness.check,
    flags.check,
    image.check,
    tables.check,
    strings.check,
    modules.check,
    vendor.check,
)


def run(record: Record) -> tuple[Finding, ...]:
    """Every finding on a record, the gravest first."""
    answered = bitflip.answers(record, PLAUSIBILITY)
    plausibility = (finding for one in answered for finding in one.findings)
    found = [*verdict.checksum(record), *_suspect(record, answered), *verdict.layout(record), *plausibility]
    return gravest_first(found)


def _suspect(record: Record, answered: Sequence[bitflip.Answered]) -> Iterable[Finding]:
    found = bitflip.suspect(record, answered)
    if found:
        name, mended = found
        now, then = (record.fields[name], mended.fields[name])
        yield rules.CHECKSUM_SUSPECT.at(
            name, f"it is {_shown(now)}; with the bit flipped back, {_shown(then)} raises no such finding"
        )


def _shown(value: object) -> str:
    return f"{value:#x}" if isinstance(value, int) else f"{value}"
