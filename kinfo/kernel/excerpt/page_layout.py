"""Where struct page has what tells whose a page is: by BTF and by VMCOREINFO, which must not contradict each other.

include/linux/mm_types.h and page-flags.h; VMCOREINFO has most of it for makedumpfile (kernel/vmcore_info.c), PG_reserved not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kinfo.errors import KernelError
from kinfo.kernel.boot.vmcoreinfo import vmcoreinfo
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.types.btf import ENUM, Btf
from kinfo.kernel.types.types import Types
from kinfo.memory.vmcoreinfo import value
from kinfo.named import NamedTuple

_MEMBERS = {"flags": ("flags.f", "flags"), "compound_head": (), "mapping": (), "_refcount": (), "_mapcount": ()}
_OF_CONTENT = ("PG_uptodate", "PG_dirty", "PG_active", "PG_swapbacked")  # what the kernel sets on processes' and files' pages
_NUMBER = 0xFFFF_FFFF
_TOP = 24  # page types are a number in the top byte since 6.12
_TABLE, _SLAB = 0xF2, 0xF5  # PGTY_table and PGTY_slab there, for kernels whose BTF does not say
_TABLE_BIT = 0x200  # PG_table of 5.11 to 6.10, a bit that is cleared
_LARGEST = 1 << 10  # bytes of struct page: 56 to 128


class PageLayout(NamedTuple):
    """struct page: its size and its members' offsets in bytes, its flags as masks (0: not known, or there is no such flag).

    `content` are flags that pages of processes and files have; `types` what the kernel's own page types come to, each with
    how far _mapcount is shifted for it.
    """

    size: int
    flags: int
    head: int
    mapping: int
    refcount: int
    mapcount: int
    lru: int
    reserved: int
    slab: int
    compound: int
    content: int
    types: tuple[tuple[int, int], ...]

    def is_kernels_type(self, mapcount: int) -> bool:
        """Whether _mapcount is a type of the kernel's own: slab, page table, large kmalloc; not buddy, hugetlb, zsmalloc."""
        return any(mapcount >> shift == kind for shift, kind in self.types)


def page_layout(kernel: Kernel) -> PageLayout:
    """The layout. Raises KernelError where neither source has a part of it, and where they differ."""
    info, types = vmcoreinfo(kernel), _types(kernel)
    page = types.find("page") if types else None
    of_types = {name: page.first(*(paths or (name,))) for name, paths in _MEMBERS.items()} if page else {}
    places = {
        name: _agreed(
            f"page.{name}", found.offset if (found := of_types.get(name)) else None, _stated(info, f"OFFSET(page.{name})")
        )
        for name in _MEMBERS
    }
    size = _agreed("the size of struct page", page.size if page else None, _stated(info, "SIZE(page)"))
    if not 0 < size <= _LARGEST or max(places.values()) + kernel.word > size:
        raise KernelError(f"struct page of {size} bytes cannot be", "the BTF or VMCOREINFO is damaged, or another kernel's")
    bits = _flag_bits(types.btf) if types else {}
    lru = _agreed("PG_lru", bits.get("PG_lru"), _stated(info, "NUMBER(PG_lru)"))
    slab = bits.get("PG_slab", _stated(info, "NUMBER(PG_slab)"))
    compound = 1 << bits["PG_head"] if "PG_head" in bits else _stated(info, "NUMBER(PG_head_mask)") or 0
    content = sum(1 << bits[name] for name in _OF_CONTENT if name in bits)
    return PageLayout(
        size,
        places["flags"],
        places["compound_head"],
        places["mapping"],
        places["_refcount"],
        places["_mapcount"],
        lru=_mask(lru),
        reserved=_mask(bits.get("PG_reserved")),
        slab=_mask(slab),
        compound=compound,
        content=content,
        types=tuple(_page_types(info, types.btf if types else None)),
    )


def _types(kernel: Kernel) -> Types | None:
    try:
        return kernel.types
    except KernelError:
        return None


def _stated(info: Mapping[str, str], key: str) -> int | None:
    return value(info, key, 10)


def _mask(bit: int | None) -> int:
    return 0 if bit is None or not 0 <= bit < 64 else 1 << bit


def _agreed(what: str, by_types: int | None, by_info: int | None) -> int:
    if by_types is not None and by_info is not None and by_types != by_info:
        raise KernelError(
            f"{what} is {by_types} by BTF, {by_info} by VMCOREINFO", "one of them is damaged, or another kernel's"
        )
    found = by_info if by_types is None else by_types
    if found is None:
        raise KernelError(
            f"{what} is not known: neither BTF nor VMCOREINFO has it", "name the build's vmlinux with --btf FILE"
        )
    return found


def _flag_bits(btf: Btf) -> dict[str, int]:
    """The numbers of enum pageflags; empty where the types have none."""
    for found in btf.named("pageflags", ENUM):
        words = btf.words[found.at + 3 : found.at + 3 + 2 * found.vlen]
        bits = {btf.name(words[at]): words[at + 1] for at in range(0, len(words), 2)}
        if "PG_lru" in bits:
            return bits
    return {}


def _page_types(info: Mapping[str, str], btf: Btf | None) -> Iterator[tuple[int, int]]:
    """The types: by enum pagetype of 6.12 on or 6.11; else as VMCOREINFO's slab (6.10 on) shows, else as up to 6.10."""
    stated = _stated(info, "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)")
    slab = None if stated is None else stated & _NUMBER
    named = [btf.constant(name) for name in ("PGTY_table", "PGTY_slab", "PGTY_large_kmalloc")] if btf else []
    yield from ((_TOP, kind) for kind in named if kind is not None)
    if slab == _SLAB << _TOP and not any(named):
        yield from ((_TOP, _TABLE), (_TOP, _SLAB))
    elif slab is not None and not any(named):
        yield 0, slab
    if not any(named) and slab != _SLAB << _TOP:
        bit = (btf.constant("PG_table") if btf else None) or _TABLE_BIT
        yield 0, ~bit & _NUMBER
