"""Arrays of entries in memory: the run-time table, the static section, the minidump driver's regions."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from kinfo.errors import KinfoError
from kinfo.meminspect import rules
from kinfo.meminspect.entry import LP64, SHAPES, Entry, EntryShape, FoundEntries, TableForm
from kinfo.meminspect.ids import MAX, WITHOUT_PA
from kinfo.meminspect.unique import symbol_of

_PADDED = 64  # bytes that GCC for x86-64 puts between the starts of 40-byte objects
_TABLE = LP64.code.size * MAX


def unpacked(data: bytes, shape: EntryShape, at: int = 0) -> Entry:
    """The entry at an offset."""
    values = dict(zip(shape.fields, shape.code.unpack_from(data, at), strict=True))
    return Entry(values["id"], "", values["va"], values.get("pa"), values["size"], values.get("type"))


def runtime(name: str, data: bytes) -> FoundEntries:
    """`inspect_entries[201]` (RFC v2: `kmemdump_zones`): slot k has id k, or is free. Raises KinfoError."""
    for shape in SHAPES:
        size = shape.code.size
        if len(data) % size or not 4 < len(data) // size <= MAX:
            continue
        slots = [unpacked(data, shape, at) for at in range(0, len(data), size)]
        taken = [(index, entry) for index, entry in enumerate(slots) if entry.id]
        is_padded = not any(data[at + 4 : at + 8].strip(b"\0") for at in range(0, len(data), size))  # no VA behind the id
        if taken and all(entry.id == index for index, entry in taken) and is_padded is (shape.pointer == 8):
            return FoundEntries(
                TableForm.RUNTIME, tuple(entry for _, entry in taken), series=WITHOUT_PA if "pa" not in shape.fields else ""
            )
    raise KinfoError(
        f"{name}: is no run-time table: no slots of which the k-th has id k", f"a 64-bit kernel's has {_TABLE} bytes"
    )


def section(name: str, data: bytes, pointers: Mapping[int, int], symbols: Mapping[int, str]) -> FoundEntries:
    """The `.inspect_table` section: entries 40 bytes apart, or 64 where the compiler aligned them.

    `pointers` are values by offset, from relocations, for words that are 0 in the file; `symbols` the names of the entries'
    own symbols by offset (`__UNIQUE_ID___inspect_entry_MEMINSPECT_ID_...`), which say the ids' names. Raises KinfoError.
    """
    stride = _stride(data, symbols)
    if not stride:
        raise KinfoError(
            f"{name}: {len(data)} bytes are no inspect table: no entries 40 or 64 bytes apart", "name another section"
        )
    entries = []
    for at in range(0, len(data) - LP64.code.size + 1, stride):
        entry = unpacked(data, LP64, at)
        va = pointers.get(at + 8, entry.va)
        entries.append(entry._replace(va=va, pa=None, name=symbol_of(symbols.get(at, ""))))
    findings = (rules.STRIDE.at(name, f"they are {stride} bytes apart, the struct has {LP64.code.size}"),)
    return FoundEntries(TableForm.SECTION, tuple(entries), findings if stride != LP64.code.size else ())


def _stride(data: bytes, symbols: Mapping[int, str]) -> int:
    """40 or 64, by the entries' symbols where they are there, else by whether every entry makes sense; 0 for neither."""
    places = sorted(symbols)
    if len(places) > 1:
        apart = {after - before for before, after in pairwise(places)}
        return apart.pop() if apart in ({LP64.code.size}, {_PADDED}) else 0
    for stride in (LP64.code.size, _PADDED):
        at = range(0, len(data) - LP64.code.size + 1, stride)
        if at and (len(data) - LP64.code.size) % stride == 0 and all(_is_static(unpacked(data, LP64, place)) for place in at):
            return stride
    return 0


def _is_static(entry: Entry) -> bool:
    return entry.id is not None and 0 < entry.id < MAX and not entry.pa and not entry.type and entry.size < 1 << 40
