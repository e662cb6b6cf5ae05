"""From what a user names to regions as memory: a folder of md_K*.BIN, the files, the core image of the series."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial

from kinfo.arch.address import MASK
from kinfo.elf import read as tables
from kinfo.elf.structs import ELF64, Program, form_of
from kinfo.errors import DumpError, KinfoError
from kinfo.findings import Severity
from kinfo.meminspect import core
from kinfo.meminspect.assemble import table_of
from kinfo.meminspect.entry import Entry, FoundEntries, Table, TableForm
from kinfo.meminspect.ids import ELF, MAX, VMCOREINFO, Series
from kinfo.meminspect.minidump import id_and_name, is_region_file
from kinfo.memory import open_dump
from kinfo.memory.vmcoreinfo import parse, value
from kinfo.named import NamedTuple
from kinfo.notices import tell
from kinfo.region_memory.agree import agreed
from kinfo.region_memory.held import HeldRegion, RegionMemory
from kinfo.sources.folder import has_dump

_HEADER_LIMIT = 1 << 20  # bytes of region 1 and 2
_VMCOREINFO_LIMIT = 1 << 16


class _RegionFile(NamedTuple):
    path: str
    id: int
    label: str
    size: int


def open_regions(paths: Sequence[str], series: Series | None = None) -> RegionMemory | None:
    """The regions in what was named; None where that is something else: RAM, a core of all memory, standard input.

    Raises KinfoError for a folder or a file that cannot be read, and for a core that no series fits.
    """
    files = _files(paths)
    if files:
        return _of_files(paths, files, series)
    if len(paths) == 1 and os.path.isfile(paths[0]):
        return _of_core(paths[0], series)
    return None


def _files(paths: Sequence[str]) -> list[_RegionFile]:
    """The region files that were named, by their folder or one by one; none where anything else was."""
    if len(paths) == 1 and os.path.isdir(paths[0]):
        return [] if has_dump(paths[0]) else _of_folder(paths[0])
    found = [one for path in paths if os.path.isfile(path) and (one := _file(path, os.path.getsize(path)))]
    return found if len(found) == len(paths) else []


def _of_folder(folder: str) -> list[_RegionFile]:
    try:
        with os.scandir(folder) as entries:
            found = [_file(one.path, one.stat().st_size) for one in entries if one.is_file()]
    except OSError as error:
        raise DumpError(f"{folder}: cannot be listed: {error.strerror}", "check its permissions") from error
    return sorted((one for one in found if one), key=lambda one: (one.id, one.path))


def _file(path: str, size: int) -> _RegionFile | None:
    name = os.path.basename(path)
    return _RegionFile(path, *id_and_name(name), size) if is_region_file(name) else None


def _of_files(paths: Sequence[str], files: Sequence[_RegionFile], series: Series | None) -> RegionMemory:
    source = paths[0] if len(paths) == 1 else f"{len(paths)} files"
    entries = tuple(Entry(one.id, one.label, None, None, one.size) for one in files)
    table, why = _table(source, FoundEntries(TableForm.FILES, entries), series)
    by_id = {one.id: one for one in files}
    info = _bytes(by_id.get(VMCOREINFO), _VMCOREINFO_LIMIT)
    values = parse(info)
    header = _bytes(by_id.get(ELF), _HEADER_LIMIT)
    placed, starts = _of_header(header + info, table.series if table else None) if header else ({}, frozenset())
    from kinfo.minidump.placed import addresses_of

    others = addresses_of(paths, series) if header and len(placed) + 2 < len(by_id) else {}
    regions = []
    for one in files:
        name = table.series.symbol(one.id) if table else ""
        where = placed.get(one.id)
        if where and where.size == one.size:
            va, pa = where.va, where.pa
        else:
            va, pa = others.get(one.id) or _stated(values, name)
        label = os.path.basename(one.path)
        regions.append(HeldRegion(one.id, name, label, va, pa, one.size, partial(_read_file, one.path)))
    return agreed(RegionMemory(source, tuple(regions), table.series if table else None, values, why), starts)


def _table(source: str, found: FoundEntries, series: Series | None) -> tuple[Table | None, str]:
    """The table with its series; None and why where no series fits: regions have their ids all the same."""
    try:
        return table_of(source, found, series), ""
    except KinfoError as error:
        return None, error.message


def _of_header(data: bytes, series: Series | None) -> tuple[dict[int, Entry], frozenset[int]]:
    """Where the header in region 1 has the regions, by id: as far as the order of its program headers tells which is which.

    Behind it all VAs at which the header has a region.

    `data` are regions 1 and 2, which follow each other in the core.
    """
    if not core.is_core(data):
        return {}, frozenset()
    found = core.read("md_KELF", data)
    starts = frozenset(one.va for one in found.entries if one.va is not None)
    try:
        table = table_of("md_KELF", found, series)
    except KinfoError:
        return {}, starts
    return {one.id: one for one in table.entries if one.id is not None}, starts


def _stated(values: dict[str, str], name: str) -> tuple[int | None, int | None]:
    """VA and PA of a symbol of the image by VMCOREINFO's lines."""
    va = value(values, f"SYMBOL({name})") if name and name != "mem_section" else None
    voffset = value(values, "NUMBER(kimage_voffset)")
    return va, None if va is None or voffset is None else va - voffset & MASK


def _bytes(file: _RegionFile | None, limit: int) -> bytes:
    return _read_file(file.path, 0, min(file.size, limit)) if file and file.size else b""


def _read_file(path: str, offset: int, size: int) -> bytes:
    with open_dump(path) as dump:
        return dump.read(offset, size)


def _of_core(path: str, series: Series | None) -> RegionMemory | None:
    """The core image of the series; None for any other file."""
    with open_dump(path) as dump:
        head = dump.read(0, _HEADER_LIMIT)
        if form_of(head[:16]) is not ELF64 or not core.is_core(head):
            return None
        from kinfo.minidump.finished import examined  # what is no core does without

        checked = examined(dump)
    for finding in checked.findings:
        if finding.severity is Severity.ERROR:
            tell(f"{finding.severity.value} {finding.code}: {finding.message}; {finding.remedy}")
    table = table_of(path, core.read(path, head), series)
    placed = [(one, by) for one, by in zip(checked.loads, checked.shifts, strict=True) if one.va]
    regions = []
    for entry, (load, by) in zip(table.entries, placed, strict=True):
        content: Callable[[int, int], bytes] = partial(_skipped, path, load)
        if by is not None:
            content = partial(_within, path, load.offset - by, load.in_file)
        label = entry.name or f"PA {load.pa:#x}"
        regions.append(HeldRegion(entry.id, entry.name, label, load.va, load.pa, load.in_file, content))
    at, size = _vmcoreinfo_of(head)
    if size:
        content = partial(_within, path, at, size)
        regions.insert(0, HeldRegion(VMCOREINFO, "VMCOREINFO", "VMCOREINFO", None, None, size, content))
    starts = frozenset(load.va for load, _ in placed)
    values = parse(head[at : at + size])
    return agreed(RegionMemory(path, tuple(regions), table.series, values, findings=checked.findings), starts)


def _programs(head: bytes) -> list[Program]:
    whole = memoryview(head)

    def view(at: int, size: int) -> memoryview:
        return whole[at : at + size]

    header = tables.header(view, ELF64)
    return (tables.programs(view, ELF64, header, 4 * MAX) if header else None) or []


def _vmcoreinfo_of(head: bytes) -> tuple[int, int]:
    """Place and size of region 2: the end of the notes."""
    note = _programs(head)[0]
    start = head.find(b"OSRELEASE=", note.offset, note.offset + min(note.in_file, _VMCOREINFO_LIMIT))
    return (start, note.offset + note.in_file - start) if start >= 0 else (0, 0)


def _skipped(path: str, load: Program, *_: int) -> bytes:
    """The bytes of a region that a core lacks, though others follow it: none."""
    what = f"{path}: has not the region at PA {load.pa:#x}, or where it begins cannot be told: files were skipped"
    raise DumpError(what, "fetch the region's file from the device again")


def _within(path: str, start: int, length: int, offset: int, size: int) -> bytes:
    if offset >= length:
        return b""
    return _read_file(path, start + offset, min(size, length - offset))
