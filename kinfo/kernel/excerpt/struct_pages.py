"""Whose a page is by the kernel's own struct page: the kernel's, a process's or a file's, nobody's.

A page is the kernel's where its struct page says so in several ways at once: one word that is damaged, or an array that is
not there, must not make a process's page one of the kernel's.

Where the array is: VMEMMAP_START of arm64's VMCOREINFO (5.8 on), from which memstart_addr's page is counted
(arch/arm64/include/asm/pgtable.h); vmemmap_base of x86-64.
"""

from __future__ import annotations

from enum import Enum

from kinfo.arch import arm64, machines, x86_64
from kinfo.arch.address import MASK, signed
from kinfo.errors import DumpError, KernelError
from kinfo.kernel import variables
from kinfo.kernel.boot.linear_map import linear_map
from kinfo.kernel.boot.vmcoreinfo import vmcoreinfo
from kinfo.kernel.excerpt.page_layout import page_layout
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.reader import Reader
from kinfo.memory.vmcoreinfo import value

_TAIL = 1  # bit 0 of page.compound_head: the rest is the VA of the first page's
_NOT_MAPPED = 0xFFFF_FFFF  # _mapcount of a page that no process has mapped, and that has no type
_MOST_USERS = 1 << 30  # of a page: more is a count that went below 0, or none
_LARGEST_ORDER = 18  # pages of one allocation: 1 GiB in 4K pages
_LARGEST_STACK = 4  # order of a stack's pages: 64 KiB in 4K pages with KASAN
_CANONICAL = 0xFFFF  # how VAs of the kernel begin
_ALIGNED = 1 << 21  # the array begins at a multiple of it: VMEMMAP_START since 5.8, KASLR's steps on x86-64


class PageOwner(Enum):
    """Whose a page is. NOBODYS: it is free, or its struct page cannot be read or makes no sense."""

    KERNELS = "the kernel"
    PROCESSS = "a process or a file"
    NOBODYS = "nobody"


class StructPages:
    """The struct page of each page. Raises KernelError where they cannot be found, or make no sense at the image's code."""

    def __init__(self, kernel: Kernel) -> None:
        if kernel.space is None or kernel.space.form is None:
            raise KernelError("without page tables no struct page can be read")
        if (machine := kernel.space.form.machine) not in (arm64.MACHINE, x86_64.MACHINE):
            raise KernelError(f"where {machines.name_of(machine)} kernels have their struct pages is not read")
        self._reader, self._shift = Reader(kernel.space), kernel.space.form.page_shift
        self._layout = page_layout(kernel)
        self._first = self._array(kernel)
        borders = kernel.kallsyms.borders
        for pa in range(borders.stext, borders.etext, 1 << self._shift):
            if not self.is_reserved(pa):
                message = f"the struct page of the kernel's own code at PA {pa:#x} does not call it the kernel's"
                raise KernelError(message, "the array of struct pages is damaged or not in the dump")

    def _array(self, kernel: Kernel) -> int:
        """VA of the struct page of PA 0, modulo 2^64: on arm64 the array begins with that of memstart_addr."""
        assert kernel.space
        assert kernel.space.form
        if kernel.space.form.machine == x86_64.MACHINE:
            start = variables.number(kernel, "vmemmap_base")
            if not start:
                raise KernelError("vmemmap_base is not known")
            return _aligned("vmemmap_base", start)
        start, linear = value(vmcoreinfo(kernel), "NUMBER(VMEMMAP_START)"), linear_map(kernel)
        if start is None or linear.phys_offset is None:
            raise KernelError("VMEMMAP_START or PHYS_OFFSET is not known")
        first = signed(linear.phys_offset) >> self._shift
        return _aligned("VMEMMAP_START", start) - first * self._layout.size & MASK

    def is_reserved(self, pa: int) -> bool:
        """Whether the page was set aside at boot and never given to the allocator; False where that cannot be read.

        Where the number of PG_reserved is not known: whether it is the kernel's.
        """
        raw = self._raw(self._place(pa))
        return bool(raw) and self._is_reserved(raw)

    @property
    def knows_reserved(self) -> bool:
        """Whether the number of PG_reserved is known."""
        return bool(self._layout.reserved)

    def is_of_process(self, pa: int) -> bool:
        """Whether a process or a file has the page."""
        return self.owner(pa) is PageOwner.PROCESSS

    def owner(self, pa: int) -> PageOwner:
        """Whose the page is; that of the first page of several that were allocated as one."""
        place = self._place(pa)
        found = self._owner(place, pa >> self._shift)
        return PageOwner.KERNELS if found is PageOwner.NOBODYS and self._follows_one(place, pa >> self._shift) else found

    def _owner(self, place: int, page: int) -> PageOwner:
        raw = self._raw(place)
        head = self._number(raw, self._layout.head) if raw else 0
        if head & _TAIL:
            raw = self._first_of(place, head - _TAIL, page)
        if not raw:
            return PageOwner.NOBODYS
        layout = self._layout
        flags, mapcount = self._number(raw, layout.flags), self._number(raw, layout.mapcount, 4)
        if flags & layout.lru:
            return PageOwner.PROCESSS
        if flags & layout.slab or layout.is_kernels_type(mapcount) or (layout.reserved and self._is_reserved(raw)):
            return PageOwner.KERNELS
        is_mapped = mapcount < _MOST_USERS  # by a process; what is above are types
        if self._number(raw, layout.mapping) or is_mapped or flags & layout.content:
            return PageOwner.PROCESSS if self._is_used(raw) else PageOwner.NOBODYS
        return PageOwner.KERNELS if mapcount == _NOT_MAPPED and self._is_used(raw) else PageOwner.NOBODYS

    def _follows_one(self, place: int, page: int) -> bool:
        """Whether the page is of an allocation of the kernel's without a compound head: stacks without CONFIG_VMAP_STACK.

        Only the first page of such has users, the others have nothing at all. What is free has a type, or is in a list.
        """
        for back in range(1 << _LARGEST_STACK):
            at = place - back * self._layout.size
            if not self._is_bare(at):
                is_aligned = back and not (page - back) % (1 << back.bit_length())
                return bool(is_aligned) and self._owner(at, page - back) is PageOwner.KERNELS
        return False

    def _is_bare(self, place: int) -> bool:
        """Whether there is nothing in a struct page.

        page.lru lies where compound_head does: of a page in no list it leads to itself, or is what list_del() left, no VA.
        """
        layout, raw = self._layout, self._raw(place)
        if not raw:
            return False
        link, mapcount = self._number(raw, layout.head), self._number(raw, layout.mapcount, 4)
        is_listed = link >> 48 == _CANONICAL and link != place + layout.head
        has_any = self._number(raw, layout.flags) & (layout.lru | layout.reserved | layout.slab | layout.content)
        is_used = self._number(raw, layout.refcount, 4) or self._number(raw, layout.mapping)
        return mapcount == _NOT_MAPPED and not (is_used or is_listed or has_any)

    def _is_reserved(self, raw: bytes) -> bool:
        """PG_reserved, and nothing that contradicts it; vDSO pages, which are the image's, are mapped by processes."""
        layout = self._layout
        flags, mapcount = self._number(raw, layout.flags), self._number(raw, layout.mapcount, 4)
        is_plain = not flags & layout.lru and not self._number(raw, layout.mapping) and self._is_used(raw)
        is_marked = bool(flags & layout.reserved) if layout.reserved else not flags & layout.content
        return is_plain and is_marked and (mapcount == _NOT_MAPPED or mapcount < _MOST_USERS)

    def _is_used(self, raw: bytes) -> bool:
        return 0 < self._number(raw, self._layout.refcount, 4) < _MOST_USERS

    def _first_of(self, place: int, head: int, page: int) -> bytes:
        """The struct page of the first page of an allocation; empty for what cannot be: not before, not aligned, no head."""
        back, rest = divmod(place - head, self._layout.size)
        raw = self._raw(head) if not rest and 0 < back < 1 << _LARGEST_ORDER else b""
        if not raw or (page - back) % (1 << back.bit_length()):  # an allocation is aligned to its size
            return b""
        is_head = not self._layout.compound or self._number(raw, self._layout.flags) & self._layout.compound
        return raw if is_head and not self._number(raw, self._layout.head) & _TAIL else b""

    def _place(self, pa: int) -> int:
        return self._first + (pa >> self._shift) * self._layout.size & MASK

    def _raw(self, place: int) -> bytes:
        """A struct page; empty where it is not mapped, or not in the dump."""
        try:
            return self._reader.read(place, self._layout.size)
        except (KernelError, DumpError):
            return b""

    def _number(self, raw: bytes, offset: int, size: int = 8) -> int:
        return int.from_bytes(raw[offset : offset + size], "little")


def _aligned(name: str, start: int) -> int:
    if start % _ALIGNED:
        raise KernelError(f"{name} is {start:#x}: no array of struct pages begins there", "the number is damaged")
    return start
