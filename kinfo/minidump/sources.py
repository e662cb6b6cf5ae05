"""From what a user names to the plan of a core: region files, images that hold regions, cores, RAM with a table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO

from kinfo.errors import KinfoError
from kinfo.meminspect.ids import ELF
from kinfo.minidump import addresses, files
from kinfo.minidump.files import FoundFiles
from kinfo.minidump.of_regions import CoreRequest, of_regions, region_set
from kinfo.minidump.plan import CorePlan

__all__ = ["CoreRequest", "plan_of"]

_HEADERS = 1 << 16  # bytes that have the program headers of 201 regions


def plan_of(sources: Sequence[str], asked: CoreRequest, stdin: BinaryIO | None = None) -> CorePlan | None:
    """The plan for a core of regions; None where what was named is memory without regions of its own. Raises KinfoError."""
    if asked.from_table:
        from kinfo.minidump.from_table import plan_of_table

        return plan_of_table(sources, asked, stdin)
    found = files.find(sources)
    if found is not None:
        return _of_files(found, asked)
    return _of_one(sources[0], asked) if len(sources) == 1 and os.path.isfile(sources[0]) else None


def _of_one(path: str, asked: CoreRequest) -> CorePlan | None:
    """The plan for a raw dump that has regions, or for a core of regions."""
    from kinfo.meminspect.core import is_core
    from kinfo.sources import kinds, open_file

    file = open_file(path)
    plan: CorePlan | None = None
    try:
        kind = file.recognised.kind
        if kind is kinds.RAW_DMP:
            from kinfo.minidump.raw_dump import plan_of_raw_dump

            plan = plan_of_raw_dump(file, asked)
        elif kind is kinds.ELF_CORE and is_core(file.start(_HEADERS)):
            from kinfo.minidump.finished import mended

            known = addresses.named(asked.regions, asked.kinfo, asked.series) if asked.regions else None
            plan = mended(file.content, known)
    finally:
        if plan is None:
            file.close()
    return plan._replace(held=(file,)) if plan else None


def _of_files(found: FoundFiles, asked: CoreRequest) -> CorePlan:
    known = addresses.named(asked.regions, asked.kinfo, asked.series) if asked.regions else addresses.beside(found.others)
    regions = region_set(found.folder, found.regions)
    if found.downstream and ELF not in regions.by_id:
        raise KinfoError(
            f"{found.downstream}: is the header of Qualcomm's downstream kernels, another format",
            "assemble those files with linux-ramdump-parser-v2 (minidump_util.py)",
        )
    return of_regions(regions, known, asked)
