"""Tables that were found by their content, placed: what VMCOREINFO or the banner says of where the image runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from kinfo.arch.address import MASK, align
from kinfo.errors import HoleError, KernelError
from kinfo.kernel.kallsyms.addresses import PlaceRelative
from kinfo.kernel.kallsyms.find import FoundTables
from kinfo.kernel.kallsyms.seqs import NameOrder
from kinfo.kernel.kallsyms.tables import MARKED
from kinfo.kernel.unrecorded.by_vmcoreinfo import stated_voffset
from kinfo.kernel.unrecorded.stated import StatedPointers
from kinfo.memory import Memory, search
from kinfo.memory.vmcoreinfo import value

SOURCE = "the symbol tables' own content"
BANNER = b"Linux version "
_NEEDED = {"_stext", "linux_banner"}
_WANTED = ("_stext", "_text", "linux_banner", "swapper_pg_dir", "init_top_pgt")
_LINES = tuple(f"{name}\n" for name in _WANTED)
_BANNER = re.compile(BANNER + rb"(\d[ -~]{1,127}?) \(")
_LONGEST_BANNER = 160  # as far as it is read
_MOST_BANNERS = 64


def readings(
    memory: Memory, found: FoundTables, infos: Iterable[Mapping[str, str]], said: Iterable[tuple[int, str]]
) -> Iterator[StatedPointers]:
    """What the tables come to, at each place that something speaks for: a VMCOREINFO, or a banner (`said`).

    Raises KernelError where their names are broken.
    """
    here = _by_order(memory, found)
    if not here.keys() >= _NEEDED:
        here = _by_all_names(found)
    known = [values for values in infos if stated_voffset(values) is not None and value(values, "SYMBOL(_stext)")]
    for shift, release, table in _shifts(here, known, said, is_placed=found.form is PlaceRelative):
        yield _pointers(found, here, shift, release, table)


def _by_all_names(found: FoundTables) -> dict[str, int]:
    """Addresses of the symbols that are wanted, of those that are listed; of a name that is there twice the last."""
    addresses = found.addresses(0)
    here: dict[str, int] = {}
    for block, text in enumerate(found.names.texts()):
        if any(name in text for name in _LINES):
            names = enumerate(found.names.block(block), block * MARKED)
            here |= {name[1:]: addresses[index] for index, name in names if name[1:] in _WANTED}
    return here


def _by_order(memory: Memory, found: FoundTables) -> dict[str, int]:
    """The same by the order of names, of kernels that have it: behind the addresses, or in front of the token table."""
    tables, addresses = found.tables, found.addresses(0)
    pa = tables.seqs or align(tables.markers + 4 * tables.marks, 8)
    try:
        order = NameOrder(memory.view(pa, 3 * tables.num_syms), found.names)
        if not order.holds():
            return {}
        named = {name: [index for index in order.named(name) if found.names[index][1:] == name] for name in _WANTED}
    except (KernelError, HoleError):
        return {}
    return {name: addresses[max(indices)] for name, indices in named.items() if indices}


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
    return banners_at(memory, (pa for pa, _ in search.places(memory.as_dump, (BANNER,))))


def banners_at(memory: Memory, pas: Iterable[int]) -> list[tuple[int, str]]:
    """The same, of the places where `BANNER` lies."""
    read = ((pa, _BANNER.match(memory.view_up_to(pa, _LONGEST_BANNER))) for pa in pas)
    return list(islice(((pa, one[1].decode("ascii")) for pa, one in read if one), _MOST_BANNERS))


def _pointers(found: FoundTables, here: Mapping[str, int], shift: int, release: str, root: int) -> StatedPointers:
    tables = found.tables._asdict()
    counts = {"num_syms": tables.pop("num_syms"), "bit_per_long": 64}
    places = tables | {"stext": here.get("_stext", 0) + shift & MASK, "seqs_of_names": tables.pop("seqs")}
    if found.base_at:
        places["relative"] = shift
    return StatedPointers(SOURCE, release, 8, places, counts, root)
