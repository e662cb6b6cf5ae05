"""Tables that were found by their content, placed: what VMCOREINFO or the banner says of where the image runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import NamedTuple

from kinfo.errors import HoleError, KernelError
from kinfo.kernel.boot.vmcoreinfo import value
from kinfo.kernel.kallsyms import verify
from kinfo.kernel.kallsyms.addresses import AbsolutePercpu, Addresses, BaseRelative, PlaceRelative, numbers
from kinfo.kernel.kallsyms.names import Names
from kinfo.kernel.kallsyms.tables import Tables
from kinfo.kernel.unrecorded.by_content import Found
from kinfo.kernel.unrecorded.by_vmcoreinfo import stated_voffset
from kinfo.kernel.unrecorded.stated import StatedPointers
from kinfo.memory import Memory

SOURCE = "the symbol tables' own content"
_MASK = (1 << 64) - 1
_WANTED = ("_stext", "_text", "linux_banner", "swapper_pg_dir", "init_top_pgt")
_BANNER = re.compile(rb"Linux version (\d[ -~]{1,127}?) \(")
_MOST_BANNERS = 64


class Distances(NamedTuple):
    """Where symbols are, from a point that is not known yet; `is_placed`: it is 0, and they are PAs."""

    addresses: Mapping[str, int]
    table: int
    entry: int
    is_placed: bool


def readings(memory: Memory, found: Found, infos: Iterable[Mapping[str, str]]) -> Iterator[StatedPointers]:
    """What the tables come to, in each way in which their addresses can be meant and each place that something speaks for."""
    names = _names(memory, found)
    if names is None:
        return
    wanted = _indices(names)
    banners = _banners(memory)
    known = [values for values in infos if stated_voffset(values) is not None and value(values, "SYMBOL(_stext)")]
    for distances in _distances(memory, found, wanted):
        for shift, release, table in _shifts(distances, known, banners):
            yield _pointers(found, distances, shift, release, table)


def _names(memory: Memory, found: Found) -> Names | None:
    """The names, where they hold by the markers; lengths of two bytes are tried both ways."""
    tables = Tables(found.num_syms, found.names, found.markers, found.token_table, found.token_index, 0, 0, 0)
    for is_long in (True, False):
        try:
            names = Names(memory, tables, found.counter, is_long=is_long)
            verify.names(names, tables.marks)
        except (KernelError, HoleError):
            continue
        return names
    return None


def _indices(names: Names) -> dict[str, int]:
    """Where in the table the symbols are that something is known of."""
    try:
        every = enumerate(chain.from_iterable(names.blocks()))
        return {name[1:]: index for index, name in every if name[1:] in _WANTED}
    except (KernelError, HoleError):
        return {}


def _distances(memory: Memory, found: Found, wanted: Mapping[str, int]) -> Iterator[Distances]:
    """The symbols by every form of address table, at every place where it can be."""
    for table, entry in found.address_tables:
        try:
            view = memory.view(table, entry * found.num_syms)
        except (HoleError, OverflowError):
            continue
        for kind, first in _read(view, table, entry):
            if _rises(kind, first):
                placed = {name: kind[index] for name, index in wanted.items()}
                yield Distances(placed, table, entry, isinstance(kind, PlaceRelative))


def _read(view: memoryview, table: int, entry: int) -> Iterator[tuple[Sequence[int] | Addresses, int]]:
    """The numbers of a table in each form, and the index of the first that is an address."""
    if entry == 8:
        yield numbers(view, "Q"), 0
        return
    for kind in (PlaceRelative(view, table), BaseRelative(view), AbsolutePercpu(view, 0)):
        yield kind, kind.absolute


def _rises(addresses: Sequence[int] | Addresses, first: int) -> bool:
    """Whether samples of a table are in order, as addresses are."""
    step = max(len(addresses) // 64, 1)
    samples = [addresses[index] for index in range(first, len(addresses), step)]
    return len(samples) > 1 and samples == sorted(samples) and samples[0] < samples[-1]


def _shifts(
    distances: Distances, infos: Iterable[Mapping[str, str]], banners: Iterable[tuple[int, str]]
) -> Iterator[tuple[int, str, int]]:
    """What makes PAs of distances, with the release and the page table's PA: by each VMCOREINFO, and by each banner."""
    here = distances.addresses
    for values in infos:
        voffset, stext, root = (
            stated_voffset(values) or 0,
            value(values, "SYMBOL(_stext)") or 0,
            value(values, "SYMBOL(swapper_pg_dir)"),
        )
        if "_stext" in here:
            yield stext - voffset - here["_stext"] & _MASK, values.get("OSRELEASE", ""), root - voffset & _MASK if root else 0
    root_at = here.get("swapper_pg_dir", here.get("init_top_pgt"))
    for pa, release in banners if "linux_banner" in here else ():
        shift = pa - here["linux_banner"] & _MASK
        if not distances.is_placed or not shift:
            yield shift, release, (root_at + shift) & _MASK if root_at is not None else 0


def _banners(memory: Memory) -> list[tuple[int, str]]:
    """PA and release of what reads as linux_banner."""
    found: list[tuple[int, str]] = []
    for start, window in memory.as_dump.windows():
        found += [(start + one.start(), one[1].decode("ascii")) for one in islice(_BANNER.finditer(window), _MOST_BANNERS)]
    return found[:_MOST_BANNERS]


def _pointers(found: Found, distances: Distances, shift: int, release: str, root: int) -> StatedPointers:
    here = distances.addresses
    places = {
        "names": found.names,
        "markers": found.markers,
        "token_table": found.token_table,
        "token_index": found.token_index,
    }
    places["addresses" if distances.entry == 8 else "offsets"] = distances.table
    places["stext"] = here.get("_stext", 0) + shift & _MASK
    if not distances.is_placed and distances.entry == 4:
        places["relative"] = shift
    counts = {"num_syms": found.num_syms, "bit_per_long": 64}
    return StatedPointers(SOURCE, release, 8, places, counts, root)
