"""Regions out of a Qualcomm raw dump: its sections md_K*, which have their addresses with them."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.findings import Findings
from kinfo.meminspect import core_rules as rules
from kinfo.memory import Dump
from kinfo.memory.raw_dmp import OfflineDump, sections
from kinfo.minidump import addresses, files
from kinfo.minidump.of_regions import CoreRequest, of_regions, region_set
from kinfo.minidump.plan import CorePlan
from kinfo.minidump.region import DumpedRegion
from kinfo.sources import Opened


def plan_of_raw_dump(file: Opened, asked: CoreRequest) -> CorePlan | None:
    """The plan for an image that holds regions; None where it holds RAM alone. Raises KinfoError."""
    found = sections(file.content)
    regions = list(_regions(file.content, found))
    if not regions:
        return None
    known = addresses.named(asked.regions, asked.kinfo, asked.series) if asked.regions else None
    plan = of_regions(region_set(file.name, regions), known, asked)
    told = [rules.RAW_DUMP.at(file.name, f"{file.name}: {words}") for words in found.faults()]
    return plan._replace(findings=Findings((*told, *plan.findings)))


def _regions(dump: Dump, found: OfflineDump) -> Iterator[DumpedRegion]:
    """The sections that are regions of the series; of one that is not marked as valid nothing is believed."""
    for one in found.sections:
        if files.is_named(one.name):
            id_, label = files.numbered(one.name)
            held = one.held if one.is_valid else 0
            pa = one.base if one.is_ddr or one.base else None
            yield DumpedRegion(one.name, id_, label, held, "", one.offset, dump, pa, one.size)
