"""Tables that were found by their content, placed: what VMCOREINFO or the banner says of where the image runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice

from kinfo.arch.address import MASK
from kinfo.errors import HoleError, KernelError
from kinfo.kernel.kallsyms.addresses import PlaceRelative
from kinfo.kernel.kallsyms.find import FoundTables
from kinfo.kernel.unrecorded.by_vmcoreinfo import stated_voffset
from kinfo.kernel.unrecorded.stated import StatedPointers
from kinfo.memory import Memory
from kinfo.memory.vmcoreinfo import value

SOURCE = "the symbol tables' own content"
_WANTED = ("_stext", "_text", "linux_banner", "swapper_pg_dir", "init_top_pgt")
_BANNER = re.compile(rb"Linux version (\d[ -~]{1,127}?) \(")
_MOST_BANNERS = 64


def readings(
    found: FoundTables, infos: Iterable[Mapping[str, str]], said: Iterable[tuple[int, str]]
) -> Iterator[StatedPointers]:
    """What the tables come to, at each place that something speaks for: a VMCOREINFO, or a banner (`said`)."""
    addresses = found.addresses(0)
    try:
        every = enumerate(chain.from_iterable(found.names.blocks()))
        here = {name[1:]: addresses[index] for index, name in every if name[1:] in _WANTED}
    except (KernelError, HoleError):
        return
    known = [values for values in infos if stated_voffset(values) is not None and value(values, "SYMBOL(_stext)")]
    for shift, release, table in _shifts(here, known, said, is_placed=found.form is PlaceRelative):
        yield _pointers(found, here, shift, release, table)


def _shifts(
    here: Mapping[str, int], infos: Iterable[Mapping[str, str]], banners: Iterable[tuple[int, str]], *, is_placed: bool
) -> Iterator[tuple[int, str, int]]:
    """What makes PAs of addresses, with the release and the page table's PA: by each VMCOREINFO, and by each banner."""
    for values in infos:
        voffset, stext, root = (
            stated_voffset(values) or 0,
            value(values, "SYMBOL(_stext)") or 0,
            value(values, "SYMBOL(swapper_pg_dir)"),
        )
        if "_stext" in here:
            yield stext - voffset - here["_stext"] & MASK, values.get("OSRELEASE", ""), root - voffset & MASK if root else 0
    root_at = here.get("swapper_pg_dir", here.get("init_top_pgt"))
    for pa, release in banners if "linux_banner" in here else ():
        shift = pa - here["linux_banner"] & MASK
        if not is_placed or not shift:
            yield shift, release, (root_at + shift) & MASK if root_at is not None else 0


def banners(memory: Memory) -> list[tuple[int, str]]:
    """PA and release of what reads as linux_banner."""
    found: list[tuple[int, str]] = []
    for start, window in memory.as_dump.windows():
        found += [(start + one.start(), one[1].decode("ascii")) for one in islice(_BANNER.finditer(window), _MOST_BANNERS)]
    return found[:_MOST_BANNERS]


def _pointers(found: FoundTables, here: Mapping[str, int], shift: int, release: str, root: int) -> StatedPointers:
    tables = found.tables._asdict()
    counts = {"num_syms": tables.pop("num_syms"), "bit_per_long": 64}
    places = tables | {"stext": here.get("_stext", 0) + shift & MASK, "seqs_of_names": tables.pop("seqs")}
    if found.base_at:
        places["relative"] = shift
    return StatedPointers(SOURCE, release, 8, places, counts, root)
