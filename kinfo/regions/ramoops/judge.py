"""What is wrong with the zones of a region."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.findings import Finding
from kinfo.regions import rules
from kinfo.regions.ramoops.read import Ramoops, Zone


def findings(region: Ramoops) -> Iterator[Finding]:
    """Every finding, a zone at a time; what was corrected in one for all."""
    for zone in region.zones:
        yield from _of_zone(zone)
    if region.corrected:
        yield rules.CORRECTED.at(f"{region.at:#x}", f"{region.corrected} bytes were corrected")


def _of_zone(zone: Zone) -> Iterator[Finding]:
    where = f"{zone.at:#x}"
    what = f"{zone.kind} {zone.number}" if zone.kind else "a zone"
    if zone.lost:
        yield rules.LOST.at(where, f"{what}: {zone.lost} block{'s' * (zone.lost > 1)} cannot be put right")
    if zone.fault.startswith("the dump has"):
        yield rules.CUT.at(where, f"{what}: {zone.fault}")
    elif zone.fault.startswith("it begins"):
        yield rules.RECORD.at(where, f"{what}: {zone.fault}")
    elif zone.fault:
        yield rules.ZONE.at(where, f"{what}: {zone.fault}")
    if zone.record and zone.record.fault:
        yield rules.PACKED.at(where, f"{what}: {zone.record.fault}")
    if zone.kind == "console or pmsg":
        yield rules.KIND.at(where, f"{len(zone.data)} bytes can be either")
