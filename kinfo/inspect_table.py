"""The inspect table out of whatever holds it: the form is recognised by content."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from kinfo.errors import DrawError, KinfoError
from kinfo.meminspect import array, core, listing, log, minidump
from kinfo.meminspect.assemble import table_of
from kinfo.meminspect.entry import LP64, ZONE, FoundEntries, Table
from kinfo.meminspect.ids import MAX, Series
from kinfo.sources import Opened, RawDump, kinds, open_all
from kinfo.sources.folder import has_dump
from kinfo.sources.memory import close_all, joined

if TYPE_CHECKING:
    from kinfo.kernel.kernel import Kernel
    from kinfo.memory import Dump, Memory

_SECTION, _START, _END = ".inspect_table", "__inspect_table", "__inspect_table_end"
_RUNTIME = "inspect_entries"
_BYTES = LP64.code.size * MAX
_BORDERS = ((LP64, 29), (ZONE, 32))  # the id of _sinittext: in v1 to v3, and in RFC v2
_POINTER = 8  # bytes that a border is registered with
_SMALL = 16 << 20  # bytes of a listing, a log, a core image of regions
Parse = Callable[[bytes], Any]


def read_table(
    path: str, series: Series | None = None, *, parse: Parse, stdin: BinaryIO | None = None, kinfo: str | None = None
) -> Table:
    """The table in a listing, log, vmlinux, RAM dump, raw array or section, core image, or folder of md_*.BIN.

    `parse` reads YAML or JSON text safely; `kinfo` names the record for a RAM dump, as for open_kernel. Raises KinfoError.
    """
    if os.path.isdir(path) and not has_dump(path):
        with os.scandir(path) as entries:
            found = minidump.files(path, [(entry.name, entry.stat().st_size) for entry in entries if entry.is_file()])
        return table_of(path, found, series)
    files = open_all([path], stdin)
    try:
        return table_of(path, _found(files, parse, kinfo), series)
    finally:
        close_all(files)


def table_of_ram(files: Sequence[Opened], series: Series | None = None, kinfo: str | None = None) -> Table:
    """The run-time table in a RAM dump that is open. Raises KinfoError where there is none."""
    return table_of(files[0].name, _ram(files, kinfo), series)


def _found(files: Sequence[Opened], parse: Parse, kinfo: str | None) -> FoundEntries:
    """By what the file is; what was named with its address is memory."""
    file = files[0]
    if file.spec.base is not None:
        return _ram(files, kinfo)
    kind, dump = file.recognised.kind, file.content
    if kind in (kinds.ELF, kinds.ELF_CORE):
        return _vmlinux(dump) if kind is kinds.ELF else _core(files, dump, kinfo)
    if kind in (*kinds.KDUMPS, kinds.LIME):
        return _ram(files, kinfo)
    if _is_text(file.head):
        return _text(dump, parse)
    return _raw(dump.name, dump.read(0, dump.size)) if dump.size <= _SMALL else _ram(files, kinfo)


def _is_text(head: bytes) -> bool:
    return b"\0" not in head and bool(head.strip())


def _core(files: Sequence[Opened], dump: Dump, kinfo: str | None) -> FoundEntries:
    """The image that the series writes has the table's regions; any other core is a dump with the table in it."""
    if dump.size <= _SMALL:
        data = dump.read(0, dump.size)
        if core.is_core(data):
            return core.read(dump.name, data)
    return _ram(files, kinfo)


def _text(dump: Dump, parse: Parse) -> FoundEntries:
    if dump.size > _SMALL:
        raise KinfoError(f"{dump.name}: has {dump.size} bytes of text", "cut the lines about regions out of it")
    text = dump.read(0, dump.size)
    lines = text.decode("utf-8", "replace").splitlines()
    first = next((line.strip() for line in lines if line.strip()), "")
    try:
        if set(first.split(",")) <= set(listing.KEYS):
            return listing.of_csv(lines)
        if (
            first.startswith(("{", "[{", "- ", "#", "---"))
            or first == "["
            or first.split(":")[0] in ("series", "entries", "schema_version")
        ):
            return listing.of_data(parse(text))
    except KinfoError as error:
        raise KinfoError(f"{dump.name}: {error.message}", error.hint) from None
    return log.read(dump.name, lines)


def _raw(name: str, data: bytes) -> FoundEntries:
    """Bytes without a header: what makes sense of them."""
    readers: list[Callable[[], FoundEntries]] = [
        lambda: array.runtime(name, data),
        lambda: minidump.regions(name, data),
        lambda: array.section(name, data, {}, {}),
    ]
    for reader in readers:
        try:
            return reader()
        except KinfoError:
            continue
    hint = "name inspect_entries[], the .inspect_table section, a region array, a listing, a log, a vmlinux or a dump"
    raise KinfoError(f"{name}: {len(data)} bytes are no inspect table in any form", hint)


def _vmlinux(dump: Dump) -> FoundEntries:
    """The section, with its pointers as relocations give them, and the names of the entries' symbols."""
    from kinfo.kernel_build.vmlinux import Vmlinux

    image = Vmlinux(dump)
    bounds = image.symbols((_START, _END))
    section = next((one for one in image.sections if one.name == _SECTION), None)
    if _START in bounds and _END in bounds:
        start, size = bounds[_START], bounds[_END] - bounds[_START]
    elif section is not None:
        start, size = section.va, section.size
    else:
        raise KinfoError(
            f"{dump.name}: has no {_SECTION} section", "build the kernel with CONFIG_MEMINSPECT, or name a listing"
        )
    if not 0 < size <= _SMALL:
        raise KinfoError(f"{dump.name}: its inspect table has {size} bytes", "check the symbols of the image")
    data = image.read(start, size)
    pointers = {at: va for at in range(8, size - 7, 8) if (va := image.pointer(start + at)) is not None}
    symbols = {va - start: name for name, va in image.named_within(start, start + size) if "inspect_entry" in name}
    return array.section(dump.name, data, pointers, symbols)


def _ram(files: Sequence[Opened], kinfo: str | None) -> FoundEntries:
    """inspect_entries[] in a RAM dump: by its symbol where the kernel's table has it (KALLSYMS_ALL), else by its shape."""
    from kinfo.kernel.open import kernel_in

    memory = joined(files)  # raises what the file cannot be read for
    kernel: Kernel | None = None
    try:
        kernel = kernel_in(memory, kinfo)
    except DrawError:
        raise  # each kernel has a table of its own
    except KinfoError:
        pass  # no record, or its symbols cannot be read: the array may still be found
    return _array(files[0].name, memory, kernel)


def table_in(name: str, memory: Memory | RawDump, kernel: Kernel | None, series: Series | None = None) -> Table:
    """The run-time table in memory, by the kernel in it where one is known. Raises KinfoError."""
    return table_of(name, _array(name, memory, kernel), series)


def has_array(kernel: Kernel) -> bool:
    """Whether a kernel's symbols name the run-time table, so that it need not be looked for."""
    return any(place.pa is not None for place in kernel.named(_RUNTIME))


def _array(name: str, memory: Memory | RawDump, kernel: Kernel | None) -> FoundEntries:
    for place in kernel.named(_RUNTIME) if kernel else ():
        if kernel and place.pa is not None and kernel.memory.holds(place.pa, _BYTES):
            try:
                return array.runtime(name, kernel.memory.read(place.pa, _BYTES))
            except KinfoError:
                continue
    dump = memory.dump if isinstance(memory, RawDump) else memory.as_dump
    for at, size in _candidates(dump):
        try:
            found = array.runtime(name, dump.read(max(at, 0), size))
        except KinfoError:
            continue
        if _are_borders(found):
            return found
    raise KinfoError(f"{name}: has no inspect_entries[]", "the kernel needs CONFIG_MEMINSPECT; a record alone has no table")


def _are_borders(found: FoundEntries) -> bool:
    """Whether the six entries are borders: of an address, with the bytes of a pointer each.

    Kernels have other arrays whose entries are numbered, of {number, name} say.
    """
    by_id = {entry.id: entry for entry in found.entries}
    for _, first in _BORDERS:
        six = [by_id.get(first + place) for place in range(6)]
        if all(one and one.va and 0 < one.size <= _POINTER for one in six):
            return True
    return False


def _candidates(dump: Dump) -> Iterator[tuple[int, int]]:
    """Place and size of what may be the array: six slots in a row have the ids of the image's borders.

    Those have no options behind them: _sinittext, _einittext, _end, _text, _stext, _etext.
    """
    for offset, window in dump.windows():
        yield from [(offset + at, size) for at, size in _borders(window)]  # whole: the window is gone behind it


def _borders(window: memoryview) -> list[tuple[int, int]]:
    import numpy as np

    view, found = np.frombuffer(window, "<u8", len(window) // 8), []
    for shape, first in _BORDERS:
        step = shape.code.size // 8
        usable = max(len(view) - 5 * step, 0)
        hits = np.ones(usable, bool)
        for place in range(6):
            hits &= view[place * step : place * step + usable] == first + place
        found += [(8 * int(index) - first * shape.code.size, shape.code.size * MAX) for index in np.flatnonzero(hits)]
    return found
