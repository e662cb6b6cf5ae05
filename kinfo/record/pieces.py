"""The named pieces that every layout is built from, as construct fields.

The record is packed and little-endian on every machine that writes it (the drivers use native order). A layout is a sequence
of these pieces, so that it reads as what differs from its neighbour. Nothing here states an offset: construct derives them.
"""

from __future__ import annotations

from typing import Any

from construct import Array, Bytes, Int8ul, Int16ul, Int32ul, Int64ul

from kinfo.record.limits import UTS_LEN

Piece = tuple[Any, ...]  # construct ships no types: a piece is a tuple of named construct fields

BUILD_INFO_LEN = 256


def _u32(*names: str) -> Piece:
    return tuple(name / Int32ul for name in names)


def _u64(*names: str) -> Piece:
    return tuple(name / Int64ul for name in names)


HEAD: Piece = _u32("magic_number", "combined_checksum")
FLAGS: Piece = tuple(
    name / Int8ul for name in ("enabled_all", "enabled_base_relative", "enabled_absolute_percpu", "enabled_cfi_clang")
)
LENGTHS: Piece = (
    *_u32("num_syms"),
    *(name / Int16ul for name in ("name_len", "bit_per_long", "module_name_len", "symbol_len")),
)
START: Piece = (*HEAD, *FLAGS, *LENGTHS)

# What stands in front of the image's pointers: the only place where A/B, C and CR differ before byte 40.
ADDRESSES_AND_BASE: Piece = _u64("_addresses_pa", "_relative_pa")
BASE_AND_TEXT: Piece = _u64("_relative_pa", "_text_pa")
RESERVED_AND_TEXT: Piece = _u64("_reserved", "_text_pa")

IMAGE: Piece = _u64("_stext_pa", "_etext_pa", "_sinittext_pa", "_einittext_pa", "_end_pa")
TABLES: Piece = _u64("_offsets_pa", "_names_pa", "_token_table_pa", "_token_index_pa", "_markers_pa")
SEQS: Piece = _u64("_seqs_of_names_pa")
STACK_AND_PAGE_TABLE: Piece = (*_u32("thread_size"), *_u64("swapper_pg_dir_pa"))
RELEASE: Piece = ("last_uts_release" / Bytes(UTS_LEN),)
BUILD_INFO: Piece = ("build_info" / Bytes(BUILD_INFO_LEN),)

TREE_LOOKUP: Piece = _u32("enabled_modules_tree_lookup")
CORE_LAYOUT_OFFSETS: Piece = _u32("mod_core_layout_offset", "mod_init_layout_offset", "mod_kallsyms_offset")
MOD_MEM_OFFSETS: Piece = _u32("mod_mem_offset", "mod_kallsyms_offset")
MOD_KALLSYMS_OFFSET: Piece = _u32("mod_kallsyms_offset")
MODULE_RANGE: Piece = _u64("module_start_va", "module_end_va")
MODULE_PLT: Piece = _u64("module_plt_start_va")
SCMVERSION: Piece = _u32("enabled_module_scmversion", "mod_scmversion_offset")
RESERVED_DATA: Piece = ("reserved_data" / Array(4, Int64ul),)

# How the kernel maps memory: in A4 and again in the vendor block.
VA_SPACE: Piece = (*_u32("va_bits"), *_u64("page_offset", "page_end", "phys_offset", "kimage_voffset"))

# The 2018 predecessor holds virtual addresses under names of its own.
VIRTUAL_SYMBOLS: Piece = _u64(
    *("_addresses_va", "_relative_va", "_stext_va", "_etext_va", "_sinittext_va", "_einittext_va", "_end_va"),
    *("_offsets_va", "_names_va", "_token_table_va", "_token_index_va", "_markers_va"),
)
VIRTUAL_SPACE: Piece = (*_u32("thread_size", "va_bits"), *_u64("page_offset", "phys_offset", "kimage_voffset"))

# The A family up to its tail: 452 bytes that never changed between 2020 and 2024.
CLASSIC: Piece = (*START, *ADDRESSES_AND_BASE, *IMAGE, *TABLES, *STACK_AND_PAGE_TABLE, *RELEASE, *BUILD_INFO)

VENDOR_RELEASE: Piece = ("uts_release" / Bytes(UTS_LEN),)
VENDOR_MOD_ROOT: Piece = _u64("mod_root_pa")
VENDOR_NAMES_LEN: Piece = _u32("names_total_len")
VENDOR_SUSPEND: Piece = _u64("suspend_diag_va")
VENDOR_FREQUENCIES: Piece = ("dss_freq_name" / Array(32, Bytes(8)), *_u32("dss_freq_size"))
