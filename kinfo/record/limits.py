"""Bounds and groups that detection and checks share."""

from __future__ import annotations

from kinfo.arch import arm64

MODULE_STRUCT_LIMIT = 0x2000  # struct module is far smaller, debug options included
IMAGE_LIMIT = 64 << 20  # kernel images are smaller, debug ones excepted
NAMES_LIMIT = 64 << 20  # kallsyms_names of the largest kernels is some 3 MB
TEXT_GAP = 0x400000  # _text to _stext: the image's head, 64 KiB on arm64, 0 on x86-64
IMAGE_DOUBT = 256 << 20  # images with all debugging on stay below
SWAPPER_GAP = 2 * arm64.SEGMENT  # arm64 from 5.10: swapper_pg_dir ends the page in front of the init segment
UTS_LEN = 64  # __NEW_UTS_LEN: a whole release field; its writers stop at 63 characters and a NUL
VENDOR_HALF = 2048  # the vendor block lies here at the earliest: half of a page

STACK_LEAST, STACK_MOST = 0x1000, 0x40000  # THREAD_SIZE: 4 KiB to 256 KiB

FLAGS = ("enabled_all", "enabled_base_relative", "enabled_absolute_percpu", "enabled_cfi_clang")
TABLES = ("_offsets_pa", "_names_pa", "_token_table_pa", "_token_index_pa", "_markers_pa")  # beside seqs_of_names
TABLE_STEMS = tuple(name.removeprefix("_").removesuffix("_pa") for name in (*TABLES, "_seqs_of_names_pa"))


def is_stack_size(size: int) -> bool:
    """Whether a THREAD_SIZE can be so: a power of two from 4 KiB to 256 KiB."""
    return STACK_LEAST <= size <= STACK_MOST and size.bit_count() == 1
