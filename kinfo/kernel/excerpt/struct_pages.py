"""What the kernel's own struct page says of a page: whether it was set aside at boot, whether a process or a file has it.

struct page and its flags: include/linux/mm_types.h, page-flags.h. Where the array is: VMEMMAP_START of arm64's VMCOREINFO
(5.8 on), from which memstart_addr's page is counted (arch/arm64/include/asm/pgtable.h); vmemmap_base of x86-64.
"""

from __future__ import annotations

from kinfo.arch import arm64, machines, x86_64
from kinfo.arch.address import MASK, signed
from kinfo.errors import DumpError, KernelError, KinfoError
from kinfo.kernel import variables
from kinfo.kernel.boot.linear_map import linear_map
from kinfo.kernel.boot.vmcoreinfo import vmcoreinfo
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.reader import Reader
from kinfo.kernel.types.btf import ENUM
from kinfo.memory.vmcoreinfo import value

_TAIL = 1  # bit 0 of page.compound_head: the rest is the VA of the first page's


class StructPages:
    """The struct page of each page. Raises KernelError where they cannot be found, or make no sense at the image's code."""

    def __init__(self, kernel: Kernel) -> None:
        if kernel.space is None or kernel.space.form is None:
            raise KernelError("without page tables no struct page can be read")
        self._reader, self._shift = Reader(kernel.space), kernel.space.form.page_shift
        page = kernel.types.struct("page")
        flags, head = page.first("flags.f", "flags"), page.find("compound_head")
        if flags is None or head is None:
            raise KernelError("struct page has no flags or no compound_head", "the BTF is another kernel's")
        self._size, self._flags, self._head = page.size, flags.offset, head.offset
        bits = _flag_bits(kernel)
        self._reserved, self._lru = 1 << bits["PG_reserved"], 1 << bits["PG_lru"]
        self._first = self._array(kernel)
        if not self.is_reserved(kernel.kallsyms.borders.stext):
            raise KernelError("the struct page of the kernel's own code is not marked reserved")

    def _array(self, kernel: Kernel) -> int:
        """VA of the struct page of PA 0, modulo 2^64: on arm64 the array begins with that of memstart_addr."""
        assert kernel.space
        assert kernel.space.form
        machine = kernel.space.form.machine
        if machine not in (arm64.MACHINE, x86_64.MACHINE):
            raise KernelError(f"where {machines.name_of(machine)} kernels have their struct pages is not read")
        if machine == x86_64.MACHINE:
            base = variables.number(kernel, "vmemmap_base")
            if not base:
                raise KernelError("vmemmap_base is not known")
            return base
        start, linear = value(vmcoreinfo(kernel), "NUMBER(VMEMMAP_START)"), linear_map(kernel)
        if start is None or linear.phys_offset is None:
            raise KernelError("VMEMMAP_START or PHYS_OFFSET is not known")
        return start - (signed(linear.phys_offset) >> self._shift) * self._size & MASK

    def is_reserved(self, pa: int) -> bool:
        """Whether the page was set aside at boot, and never given to the allocator. Raises KinfoError as a read does."""
        return bool(self._word(pa, self._flags) & self._reserved)

    def is_of_process(self, pa: int) -> bool:
        """Whether the page is in the lists of those of processes and files; False where that is not known."""
        try:
            head = self._word(pa, self._head)
            flags = self._reader.number(head - _TAIL + self._flags) if head & _TAIL else self._word(pa, self._flags)
        except (KernelError, DumpError):
            return False
        return bool(flags & self._lru)

    def _word(self, pa: int, offset: int) -> int:
        return self._reader.number((self._first + (pa >> self._shift) * self._size & MASK) + offset)


def _flag_bits(kernel: Kernel) -> dict[str, int]:
    """The numbers of enum pageflags. Raises KernelError where the types lack one that is needed."""
    btf = kernel.types.btf
    for found in btf.named("pageflags", ENUM):
        words = btf.words[found.at + 3 : found.at + 3 + 2 * found.vlen]
        bits = {btf.name(words[at]): words[at + 1] for at in range(0, len(words), 2)}
        if "PG_reserved" in bits and "PG_lru" in bits:
            return bits
    raise KernelError("the types have no enum pageflags", "the BTF is another kernel's")


def struct_pages(kernel: Kernel) -> StructPages | None:
    """The same; None where they cannot be had."""
    try:
        return StructPages(kernel)
    except KinfoError:
        return None
