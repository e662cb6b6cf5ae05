"""32-bit arm: arch/arm/include/asm/memory.h and pgtable-*level*.h, Kconfig (VMSPLIT_*), head.S, the Arm ARM (DDI 0406C).

The image lies in the linear map, which begins at PAGE_OFFSET and ends where vmalloc begins; modules lie below PAGE_OFFSET.
No release moves the image away from where it was linked.
"""

from __future__ import annotations

from kinfo.arch.address import MASK

MACHINE, NAME = 40, "arm (32-bit)"  # ELF e_machine, EM_ARM
PC_IN_PRSTATUS = (72 + 4 * 15, 4)  # place and bytes: pr_reg begins at 72, pc is word 15 of struct pt_regs
PA_LIMIT = 1 << 40  # LPAE
SPACE = 1 << 32  # of VAs
THREAD_SIZE = 1 << 13  # THREAD_SIZE_ORDER is 1 without KASAN

PAGE_OFFSETS = (0x40000000, 0x80000000, 0xB0000000, 0xC0000000)  # VMSPLIT_1G, 2G, 3G_OPT, 3G
MODULES_SIZE = 16 << 20  # below PAGE_OFFSET: MODULES_VADDR, which is TASK_SIZE too (Thumb kernels use the upper 8 MiB)
# The image lies that near to PAGE_OFFSET (TEXT_OFFSET is 2 MiB or less, images some 30 MiB); below 0xbf000000 for 0xb0000000
_IMAGE_WITHIN = 240 << 20
ROOT_ALIGN = 1 << 14  # of swapper_pg_dir with short descriptors: TTBR0 with 4096 entries, 16 KiB below the image


def page_offset(image_va: int) -> int | None:
    """PAGE_OFFSET of a kernel whose image has this VA; None where it is near none (a kernel that runs from flash, XIP)."""
    return next((start for start in PAGE_OFFSETS if start <= image_va < start + _IMAGE_WITHIN), None)


def voffset(pv_offset: int) -> int:
    """VA minus PA of the image, modulo 2^64: the other way round than the variable __pv_offset (asm/memory.h) has it."""
    return -pv_offset & MASK
