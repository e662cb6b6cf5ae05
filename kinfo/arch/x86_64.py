"""x86-64: Documentation/arch/x86/x86_64/mm.rst, arch/x86/include/asm/page_64_types.h, arch/x86/mm/kaslr.c."""

from __future__ import annotations

from kinfo.arch.address import MASK

MACHINE, NAME = 62, "x86-64"  # ELF e_machine, EM_X86_64
RELATIVE = 8  # R_X86_64_RELATIVE
PC_IN_PRSTATUS = (112 + 8 * 16, 8)  # place and bytes: pr_reg begins at 112, rip is word 16 of struct user_regs_struct
REGISTERS = (  # struct user_regs_struct
    *("r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi", "orig_rax"),
    *("rip", "cs", "eflags", "rsp", "ss"),
)

START_KERNEL_MAP = 0xFFFFFFFF80000000  # __START_KERNEL_map: the image is mapped from here, at phys_base
LINK_ADDRESS = START_KERNEL_MAP + 0x1000000  # of _text: CONFIG_PHYSICAL_START as it is by default
IMAGE_ALIGN = 2 << 20  # PHYSICAL_ALIGN at the least
KERNEL_IMAGE_SIZE = 1 << 30  # with KASLR; 512 MiB without

LINEAR_START = {48: 0xFFFF880000000000, 57: 0xFF10000000000000}  # by VA bits: the lowest that PAGE_OFFSET was in any release
LINEAR_END = 0xFFFFFE0000000000  # CPU_ENTRY_AREA_BASE: above it are no maps that KASLR moves
LINEAR_ALIGN = 1 << 30  # KASLR moves the linear map by PUD_SIZE


def voffset(phys_base: int) -> int:
    """VA minus PA of the image, modulo 2^64, which arm64 calls kimage_voffset. Its own inverse: of a voffset, phys_base."""
    return START_KERNEL_MAP - phys_base & MASK


def is_image(va: int) -> bool:
    """Whether a VA is in the image's map, or above it (modules)."""
    return va >= START_KERNEL_MAP


def image_pa(va: int, phys_base: int) -> int:
    """PA of a VA of the image."""
    return va - START_KERNEL_MAP + phys_base & MASK
