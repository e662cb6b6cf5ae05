"""Kernel builds: their facts, the records that drivers leave on them, and the test of one driver against the other."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from kinfo.diff.crosscheck import Crossed
    from kinfo.kernel_build.model import Facts
    from kinfo.meminspect.entry import Table
    from kinfo.record.record import Record
    from kinfo.region_memory.values import RegionValue
    from kinfo.writers import Built, Driver, Registered

Path = str | os.PathLike[str]
AnyFacts = Mapping[str, int | str]


def facts(
    sources: Path | Sequence[Path],
    *,
    phys_base: int | None = None,
    phys_offset: int | None = None,
    settings: Sequence[str] = (),
    kinfo: Path | int | None = None,
) -> Facts:
    """What a writer of the record stores, out of vmlinux, Image, System.map, .config, /proc/kallsyms, RAM dumps.

    `phys_base` is the PA that `_text` runs at; `phys_offset` the start of RAM (x86-64: the kernel's phys_base), from which
    that follows. `settings` are NAME=VALUE, for what nothing else gives; `kinfo` is a RAM dump's record: a file, or its PA.
    Raises KinfoError for files that are no sources, and for facts that contradict one another.
    """
    from kinfo.kernel.open import record_word
    from kinfo.kernel_build.gather import Given, gather

    paths = [sources] if isinstance(sources, (str, os.PathLike)) else sources
    return gather([os.fspath(path) for path in paths], Given(phys_base, phys_offset, settings, record_word(kinfo)))


def build(
    facts: Mapping[str, int | str],
    driver: Driver | str,
    layout: str | None = None,
    *,
    build_info: Sequence[str] = (),
    entries: Sequence[Registered] | None = None,
    after: int | None = None,
    only: Collection[str] | None = None,
) -> Built:
    """The record that a driver leaves on the kernel of these facts (`kinfo.facts` has them, or any mapping of their names).

    `layout` is one of the driver's (default: as the release calls for). `build_info` are successive writes to the parameter.
    `entries` are the regions that meminspect registers (default: those with a field); `after` stops behind so many of them,
    `only` lets those of these names or ids through. Raises KinfoError, with the missing facts and how to give them.
    """
    from kinfo.kernel_build.model import Facts
    from kinfo.writers import Request, driver_named

    chosen = driver_named(driver) if isinstance(driver, str) else driver
    if isinstance(facts, Facts) and layout is None and len(chosen.layouts) > 1:
        facts.require(("release",))
    request = Request(facts, chosen.layout(facts, layout), build_info, entries, after, only)
    if isinstance(facts, Facts):
        facts.require(chosen.missing(request))
    return chosen.build(request)


def crosscheck(
    facts: AnyFacts,
    upstream: str | None = None,
    downstream: str | None = None,
    *,
    regions: Table | Path | None = None,
    build_info: Sequence[str] = (),
    dump: tuple[str, Record] | Path | None = None,
    ignore: Collection[str] = (),
) -> Crossed:
    """The records that the upstream and the downstream driver leave on one kernel, compared: the test of the cover letter.

    `upstream` is a posting ("v3", "v1", "rfc-v2"; default: the newest), `downstream` the layout of Android's driver (default:
    as the release calls for). `regions` is the table of those that are registered (default: all that the driver needs),
    `build_info` are writes to the module parameter of both, `dump` is a record that a real kernel left (a file, or a name and
    the record), `ignore` names fields to leave
    out. `findings` of the answer are differences without a reason. Raises KinfoError: missing facts, a table of another
    series, an unknown posting, layout or field.
    """
    from kinfo.diff.crosscheck import crosscheck as crossed
    from kinfo.diff.policy import Policy
    from kinfo.writer_rows import rows

    policy = Policy().ignoring(ignore)
    row = rows.posting_named(upstream) if upstream else rows.postings()[-1]
    up_info = () if row.posting and not row.posting.info else build_info  # v3 has no such parameter
    up = build(facts, row.name, build_info=up_info, entries=None if regions is None else registered(regions, row.name))
    down = build(facts, "android", downstream, build_info=build_info)
    return crossed(up, down, _found(dump), policy=policy)


def _found(dump: tuple[str, Record] | Path | None) -> tuple[str, Record] | None:
    from kinfo.diff.of_files import READER

    return (os.fspath(dump), READER.record(dump)) if isinstance(dump, (str, os.PathLike)) else dump


def region_values(
    source: Path, *, series: str | None = None, kinfo: Path | int | None = None, stdin: BinaryIO | None = None
) -> tuple[RegionValue, ...]:
    """What the regions of an inspect table hold, in words and as plain data.

    `source` is a folder of md_*.BIN or one of these, the core image that the series wrote, or RAM with the table in it;
    `series`, `kinfo` and `stdin` as for `table`. Raises KinfoError where there are no regions' bytes.
    """
    from kinfo.kernel.open import record_word
    from kinfo.meminspect.ids import series_named
    from kinfo.region_memory.values import RegionValues
    from kinfo.region_memory.values_of import regions_with_bytes

    forced = series_named(series) if series else None
    with regions_with_bytes(os.fspath(source), forced, record_word(kinfo), stdin) as memory:
        return tuple(RegionValues(memory).all)


def table(
    source: Path, *, series: str | None = None, kinfo: Path | int | None = None, stdin: BinaryIO | None = None
) -> Table:
    """The inspect table that a kernel registers its regions in, out of whatever holds it.

    `source` is a vmlinux, RAM dump (FILE or FILE@BASE), raw array or section, core image or region array that the series
    wrote, folder of md_*.BIN, log, or listing in YAML, JSON, CSV. `series` forces the posting (as in "v1");
    `kinfo` is the record of a RAM dump that holds none: a file, or its PA. `stdin` is behind the name "-".
    Region files have the addresses that their md_KELF gives them; what of the regions is missing, cut off or shifted is
    among the findings, as `kinfo core` has it. Raises KinfoError where there is no table, or no series fits.
    """
    from kinfo.inspect_table import read_table
    from kinfo.kernel.open import record_word
    from kinfo.meminspect.entry import TableForm
    from kinfo.meminspect.ids import series_named
    from kinfo.plain_data import plain

    forced = series_named(series) if series else None
    path = os.fspath(source)
    found = read_table(path, forced, parse=plain, stdin=stdin, kinfo=record_word(kinfo))
    if found.form not in (TableForm.CORE, TableForm.FILES):
        return found
    from kinfo.minidump.placed import with_places

    return with_places(found, forced)


def registered(source: Table | Path, driver: str) -> tuple[Registered, ...]:
    """The regions of a table as a driver is handed them: what `build` takes as `entries`.

    Raises KinfoError: for what is no table, for one that has an error (unknown ids, entries without an address or that wrap
    around), and for one of another series than the driver's.
    """
    from kinfo.diff.crosscheck import entries_for

    return entries_for(table(source) if isinstance(source, (str, os.PathLike)) else source, driver)
