"""arm64: arch/arm64/include/asm/memory.h, Documentation/arch/arm64/memory.rst, booting.rst, the Arm ARM (DDI 0487).

The kernel's VAs are two halves: the linear map in one, the image, modules, vmalloc and vmemmap in the other. 5.4 swapped
them ("arm64: mm: Flip kernel VA space"): until 5.3 the image is in the lower half, since then in the upper one.
"""

from __future__ import annotations

import struct

from kinfo.arch.address import MASK, SPACE

MACHINE, NAME = 183, "arm64"  # ELF e_machine, EM_AARCH64
RELATIVE = 1027  # R_AARCH64_RELATIVE
PC_IN_PRSTATUS = (112 + 8 * 32, 8)  # place and bytes: pr_reg begins at 112, pc is word 32 of struct user_pt_regs
REGISTERS = (*(f"x{number}" for number in range(31)), "sp", "pc", "pstate")  # struct user_pt_regs

FLIPPED = (5, 4)  # the release that put the linear map below the image
WIDE = 52  # CONFIG_ARM64_VA_BITS_52 (FEAT_LVA, FEAT_LPA2): the kernel runs with fewer where the CPU has no more
MEMSTART_ALIGN_LEAST = 1 << 27  # in any release: a memory section (SECTION_SIZE_BITS since 5.12)
_MEMSTART_ALIGN_SHIFTS = {16: 29}  # ARM64_MEMSTART_ALIGN by page shift: 512 MiB at the least with 64K pages, else:
_MEMSTART_ALIGN_SHIFT = 30
MIN_THREAD_SHIFT = 14  # the stack without KASAN: asm/memory.h

SEGMENT = 0x10000  # SEGMENT_ALIGN of vmlinux.lds.S: the head of the image, _text to _stext, since 5.11
BLOCK = 2 << 20  # the image lies at a multiple of it, and text_offset above that (MIN_KIMG_ALIGN)
HEAD_GAPS = (0x1000, SEGMENT, BLOCK)  # _text to _stext: before 5.11, since, with DEBUG_ALIGN_RODATA
TEXT_OFFSET = 0x80000  # of the image until 5.7, then 0

# From which release: bytes between the start of the half that modules and image share, and the image's link address.
# The half starts at PAGE_END since 5.4, at VA_START before. None: not the same in every kernel of these releases.
_MIB = 1 << 20
_LINK_GAPS: tuple[tuple[tuple[int, int], int | None], ...] = (
    ((4, 14), 128 * _MIB + TEXT_OFFSET),
    ((5, 0), None),  # the BPF JIT area came in between
    ((5, 1), 256 * _MIB + TEXT_OFFSET),
    ((5, 8), 256 * _MIB),
    ((5, 15), None),  # and went, with backports to some 5.15.y
    ((5, 17), 128 * _MIB),
    ((6, 5), 2048 * _MIB),
)

# struct arm64_image_header: text_offset, image_size (BSS included), flags; the magic at 56. booting.rst
IMAGE_HEADER = struct.Struct("<8xQQQ24x4s")
IMAGE_MAGIC, IMAGE_MAGIC_AT = b"ARM\x64", 56
IMAGE_BIG_ENDIAN = 1  # bit 0 of flags

_WHICH_HALF = 55  # the VA bit that chooses TTBR1, the kernel's tables


def is_flipped(version: tuple[int, int]) -> bool:
    """Whether the linear map is below the image in this release."""
    return version >= FLIPPED


def va_bits_min(va_bits: int, page_shift: int) -> int:
    """VA_BITS_MIN: the VA bits that a kernel built for `va_bits` runs with at least; its image lies as they have it."""
    return va_bits if va_bits <= 48 else 47 if page_shift == 14 else 48


def page_offset(va_bits: int, *, flipped: bool = True) -> int:
    """PAGE_OFFSET, where the linear map begins."""
    return SPACE - (1 << (va_bits if flipped else va_bits - 1))


def page_end(va_bits: int) -> int:
    """The middle of the kernel's VAs: PAGE_END for VA_BITS_MIN since 5.4, PAGE_OFFSET for VA_BITS before."""
    return SPACE - (1 << va_bits - 1)


def link_address(version: tuple[int, int], va_bits: int, page_shift: int) -> int | None:
    """VA of `_text` as it is linked by default (no KASAN); None for releases of which that is not known."""
    gap = next((gap for since, gap in reversed(_LINK_GAPS) if version >= since), None)
    if gap is None:
        return None
    start = page_end(va_bits_min(va_bits, page_shift)) if is_flipped(version) else page_offset(va_bits)
    return start + gap


def memstart_align(page_shift: int) -> int:
    """ARM64_MEMSTART_ALIGN, what PHYS_OFFSET is a multiple of: asm/kernel-pgtable.h."""
    return 1 << _MEMSTART_ALIGN_SHIFTS.get(page_shift, _MEMSTART_ALIGN_SHIFT)


def without_pac(number: int, half: int) -> int | None:
    """The kernel VA that a signed or tagged pointer stands for; `half` is the lowest of them. None for a user's.

    Bit 55 chooses the half; what is above the VA bits is a pointer authentication code and perhaps a tag, and reads as ones
    in the kernel's half (Arm ARM, D8.10; ptrauth_strip_kernel_insn_pac in the kernel).
    """
    return number | half if number >> _WHICH_HALF & 1 else None


def block_size(page_size: int) -> int:
    """Bytes that an entry of the level above pages maps: 2 MiB, 32 MiB or 512 MiB. A table is a page of 8-byte entries."""
    return page_size * (page_size // 8)


def voffset(text: int, text_pa: int) -> int:
    """kimage_voffset: VA minus PA of the image, modulo 2^64."""
    return text - text_pa & MASK
