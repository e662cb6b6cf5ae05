"""What each kernel release does otherwise, from drivers/of/fdt.c and drivers/of/of_reserved_mem.c of that release.

The releases between two rows are taken for the older one. Read were 5.4.286, 5.10.4, 5.15.y, 6.1.192, 6.5's successor before
6.12, 6.12.117, 7.2.13 and 7.3-rc7; where a step came between two of them, its commit's first release is named. 64 entries
are mainline's; some vendors' kernels have 128.
"""

from __future__ import annotations

from kinfo.named import NamedTuple

MEMRESERVE, FIXED, ELFCOREHDR, DYNAMIC = "memreserve", "fixed", "elfcorehdr", "dynamic"


class EarlyMemory(NamedTuple):
    """How one release reads reserved memory.

    `order`: the steps of early_init_fdt_scan_reserved_mem(). `limit`: entries of reserved_mem[]. `counts_fixed`: whether
    regions with reg take of these (before 6.12), or have an array made to measure (from 6.12 on, where they are
    listed by a second scan once memory is mapped, fdt_scan_reserved_mem_reg_nodes()). `removes`: no-map takes the memory out
    of memblock without a look at who has it (before 5.12: memblock_remove(); afterwards memblock_mark_nomap(), refused with
    -EBUSY where something is reserved). `nested`: nodes below the regions are read as regions too (__fdt_scan_reserved_mem()
    by depth, before 5.17). `stable`: regions that are placed come in the tree's order (from 6.6 on), and not as a heap sort
    leaves equal ones. `near`: a place is sought beside reserved neighbours of alloc-ranges (from 6.6 on). `late`: see
    counts_fixed. `strict`: properties are read by of_flat_dt_get_addr_size_prop() and fdt_stringlist_get() (7.x): an empty
    reg is none, an empty status is none, only the first entry of reg is reserved. `memory_status`: a memory node's status
    counts (from 5.17 on), and only children of the root are looked at. `inward`: whole pages only are mapped, see linear.py
    (a fix of 2026, in 7.3 and in 6.12.117, not in 6.1.192 and 7.2.13; of the other rows' updates it is not known).
    """

    name: str
    version: tuple[int, int]
    order: tuple[str, ...]
    limit: int
    removes: bool = False
    nested: bool = False
    stable: bool = True
    near: bool = True
    late: bool = False
    strict: bool = False
    memory_status: bool = True
    inward: bool = False

    @property
    def counts_fixed(self) -> bool:
        """Whether regions with reg take entries of reserved_mem[]."""
        return not self.late


_OLD = (MEMRESERVE, FIXED, DYNAMIC, ELFCOREHDR)
_LATE = (ELFCOREHDR, FIXED, DYNAMIC, MEMRESERVE)

RELEASES = (
    EarlyMemory("5.4", (5, 4), _OLD, 32, removes=True, nested=True, stable=False, near=False, memory_status=False),
    EarlyMemory("5.10", (5, 10), _OLD, 64, removes=True, nested=True, stable=False, near=False, memory_status=False),
    EarlyMemory("5.15", (5, 15), _OLD, 64, nested=True, stable=False, near=False, memory_status=False),
    EarlyMemory("6.1", (6, 1), (MEMRESERVE, FIXED, ELFCOREHDR, DYNAMIC), 64, stable=False, near=False),
    EarlyMemory("6.6", (6, 6), (FIXED, ELFCOREHDR, MEMRESERVE, DYNAMIC), 64),
    EarlyMemory("6.12", (6, 12), _LATE, 64, late=True, inward=True),
    EarlyMemory("7.2", (7, 2), _LATE, 64, late=True, strict=True),
    EarlyMemory("7.3", (7, 3), _LATE, 64, late=True, strict=True, inward=True),
)


def release_of(version: tuple[int, int]) -> EarlyMemory:
    """The row for a kernel: the newest that is not newer than it, the oldest for what comes before."""
    fitting = [release for release in RELEASES if release.version <= version]
    return fitting[-1] if fitting else RELEASES[0]
