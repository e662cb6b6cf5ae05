/* Typed by hand from the format's published facts, independently of kinfo's model; tests compare gcc's offsetof over these with it. MIT. */

#ifndef KINFO_TESTS_ORACLE_STRUCTS_H
#define KINFO_TESTS_ORACLE_STRUCTS_H

#include <stdint.h>

/* The compiler's builtin is used because offsetof would need a second header. */
#define KINFO_ORACLE_SIZE(alias, total) \
	_Static_assert(sizeof(struct kinfo_##alias) == (total), \
		       "total size of " #alias)
#define KINFO_ORACLE_AT(alias, field, off) \
	_Static_assert(__builtin_offsetof(struct kinfo_##alias, field) == (off), \
		       "offset of " #alias "." #field)

/* Z0: written once at boot by the 2018 kdebuginfo predecessor; virtual addresses, 64-bit phys_addr_t. */
struct kinfo_Z0 {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t enabled_all;
	uint8_t enabled_base_relative;
	uint8_t enabled_absolute_percpu;
	uint8_t enabled_cfi_clang;
	uint32_t num_syms;
	uint16_t name_len;
	uint16_t bit_per_long;
	uint16_t module_name_len;
	uint16_t symbol_len;
	uint64_t _addresses_va;
	uint64_t _relative_va;
	uint64_t _stext_va;
	uint64_t _etext_va;
	uint64_t _sinittext_va;
	uint64_t _einittext_va;
	uint64_t _end_va;
	uint64_t _offsets_va;
	uint64_t _names_va;
	uint64_t _token_table_va;
	uint64_t _token_index_va;
	uint64_t _markers_va;
	uint32_t thread_size;
	uint32_t va_bits;
	uint64_t page_offset;
	uint64_t phys_offset;
	uint64_t kimage_voffset;
	uint8_t last_uts_release[64];
} __attribute__((packed));

KINFO_ORACLE_SIZE(Z0, 216);
KINFO_ORACLE_AT(Z0, num_syms, 12);
KINFO_ORACLE_AT(Z0, _addresses_va, 24);
KINFO_ORACLE_AT(Z0, va_bits, 124);
KINFO_ORACLE_AT(Z0, kimage_voffset, 144);
KINFO_ORACLE_AT(Z0, last_uts_release, 152);

/* A0: written by the first Android debug-kinfo driver; no module fields yet. */
struct kinfo_A0 {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t enabled_all;
	uint8_t enabled_base_relative;
	uint8_t enabled_absolute_percpu;
	uint8_t enabled_cfi_clang;
	uint32_t num_syms;
	uint16_t name_len;
	uint16_t bit_per_long;
	uint16_t module_name_len;
	uint16_t symbol_len;
	uint64_t _addresses_pa;
	uint64_t _relative_pa;
	uint64_t _stext_pa;
	uint64_t _etext_pa;
	uint64_t _sinittext_pa;
	uint64_t _einittext_pa;
	uint64_t _end_pa;
	uint64_t _offsets_pa;
	uint64_t _names_pa;
	uint64_t _token_table_pa;
	uint64_t _token_index_pa;
	uint64_t _markers_pa;
	uint32_t thread_size;
	uint64_t swapper_pg_dir_pa;
	uint8_t last_uts_release[64];
	uint8_t build_info[256];
} __attribute__((packed));

KINFO_ORACLE_SIZE(A0, 452);
KINFO_ORACLE_AT(A0, _addresses_pa, 24);
KINFO_ORACLE_AT(A0, swapper_pg_dir_pa, 124);
KINFO_ORACLE_AT(A0, last_uts_release, 132);
KINFO_ORACLE_AT(A0, build_info, 196);

/* A1: written by the 2021 staging driver; adds the offsets of a module's core and init layouts. */
struct kinfo_A1 {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t enabled_all;
	uint8_t enabled_base_relative;
	uint8_t enabled_absolute_percpu;
	uint8_t enabled_cfi_clang;
	uint32_t num_syms;
	uint16_t name_len;
	uint16_t bit_per_long;
	uint16_t module_name_len;
	uint16_t symbol_len;
	uint64_t _addresses_pa;
	uint64_t _relative_pa;
	uint64_t _stext_pa;
	uint64_t _etext_pa;
	uint64_t _sinittext_pa;
	uint64_t _einittext_pa;
	uint64_t _end_pa;
	uint64_t _offsets_pa;
	uint64_t _names_pa;
	uint64_t _token_table_pa;
	uint64_t _token_index_pa;
	uint64_t _markers_pa;
	uint32_t thread_size;
	uint64_t swapper_pg_dir_pa;
	uint8_t last_uts_release[64];
	uint8_t build_info[256];
	uint32_t enabled_modules_tree_lookup;
	uint32_t mod_core_layout_offset;
	uint32_t mod_init_layout_offset;
	uint32_t mod_kallsyms_offset;
} __attribute__((packed));

KINFO_ORACLE_SIZE(A1, 468);
KINFO_ORACLE_AT(A1, last_uts_release, 132);
KINFO_ORACLE_AT(A1, build_info, 196);
KINFO_ORACLE_AT(A1, enabled_modules_tree_lookup, 452);
KINFO_ORACLE_AT(A1, mod_kallsyms_offset, 464);

/* A1n: written by one vendor's copy of the A1 driver in kernels built without modules. */
struct kinfo_A1n {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t enabled_all;
	uint8_t enabled_base_relative;
	uint8_t enabled_absolute_percpu;
	uint8_t enabled_cfi_clang;
	uint32_t num_syms;
	uint16_t name_len;
	uint16_t bit_per_long;
	uint16_t module_name_len;
	uint16_t symbol_len;
	uint64_t _addresses_pa;
	uint64_t _relative_pa;
	uint64_t _stext_pa;
	uint64_t _etext_pa;
	uint64_t _sinittext_pa;
	uint64_t _einittext_pa;
	uint64_t _end_pa;
	uint64_t _offsets_pa;
	uint64_t _names_pa;
	uint64_t _token_table_pa;
	uint64_t _token_index_pa;
	uint64_t _markers_pa;
	uint32_t thread_size;
	uint64_t swapper_pg_dir_pa;
	uint8_t last_uts_release[64];
	uint8_t build_info[256];
	uint32_t enabled_modules_tree_lookup;
} __attribute__((packed));

KINFO_ORACLE_SIZE(A1n, 456);
KINFO_ORACLE_AT(A1n, last_uts_release, 132);
KINFO_ORACLE_AT(A1n, build_info, 196);
KINFO_ORACLE_AT(A1n, enabled_modules_tree_lookup, 452);

/* A2: written by the driver of the 5.10 to 6.1 device trees; adds the modules' address range. */
struct kinfo_A2 {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t enabled_all;
	uint8_t enabled_base_relative;
	uint8_t enabled_absolute_percpu;
	uint8_t enabled_cfi_clang;
	uint32_t num_syms;
	uint16_t name_len;
	uint16_t bit_per_long;
	uint16_t module_name_len;
	uint16_t symbol_len;
	uint64_t _addresses_pa;
	uint64_t _relative_pa;
	uint64_t _stext_pa;
	uint64_t _etext_pa;
	uint64_t _sinittext_pa;
	uint64_t _einittext_pa;
	uint64_t _end_pa;
	uint64_t _offsets_pa;
	uint64_t _names_pa;
	uint64_t _token_table_pa;
	uint64_t _token_index_pa;
	uint64_t _markers_pa;
	uint32_t thread_size;
	uint64_t swapper_pg_dir_pa;
	uint8_t last_uts_release[64];
	uint8_t build_info[256];
	uint32_t enabled_modules_tree_lookup;
	uint32_t mod_core_layout_offset;
	uint32_t mod_init_layout_offset;
	uint32_t mod_kallsyms_offset;
	uint64_t module_start_va;
	uint64_t module_end_va;
} __attribute__((packed));

KINFO_ORACLE_SIZE(A2, 484);
KINFO_ORACLE_AT(A2, last_uts_release, 132);
KINFO_ORACLE_AT(A2, build_info, 196);
KINFO_ORACLE_AT(A2, module_start_va, 468);
KINFO_ORACLE_AT(A2, module_end_va, 476);

/* A3: written by a common-kernel staging driver; adds the module source-version pair. */
struct kinfo_A3 {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t enabled_all;
	uint8_t enabled_base_relative;
	uint8_t enabled_absolute_percpu;
	uint8_t enabled_cfi_clang;
	uint32_t num_syms;
	uint16_t name_len;
	uint16_t bit_per_long;
	uint16_t module_name_len;
	uint16_t symbol_len;
	uint64_t _addresses_pa;
	uint64_t _relative_pa;
	uint64_t _stext_pa;
	uint64_t _etext_pa;
	uint64_t _sinittext_pa;
	uint64_t _einittext_pa;
	uint64_t _end_pa;
	uint64_t _offsets_pa;
	uint64_t _names_pa;
	uint64_t _token_table_pa;
	uint64_t _token_index_pa;
	uint64_t _markers_pa;
	uint32_t thread_size;
	uint64_t swapper_pg_dir_pa;
	uint8_t last_uts_release[64];
	uint8_t build_info[256];
	uint32_t enabled_modules_tree_lookup;
	uint32_t mod_core_layout_offset;
	uint32_t mod_init_layout_offset;
	uint32_t mod_kallsyms_offset;
	uint64_t module_start_va;
	uint64_t module_end_va;
	uint32_t enabled_module_scmversion;
	uint32_t mod_scmversion_offset;
} __attribute__((packed));

KINFO_ORACLE_SIZE(A3, 492);
KINFO_ORACLE_AT(A3, last_uts_release, 132);
KINFO_ORACLE_AT(A3, build_info, 196);
KINFO_ORACLE_AT(A3, enabled_module_scmversion, 484);
KINFO_ORACLE_AT(A3, mod_scmversion_offset, 488);

/* A4: written by one staging copy of the driver, seen as a header only; adds the address-space constants. */
struct kinfo_A4 {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t enabled_all;
	uint8_t enabled_base_relative;
	uint8_t enabled_absolute_percpu;
	uint8_t enabled_cfi_clang;
	uint32_t num_syms;
	uint16_t name_len;
	uint16_t bit_per_long;
	uint16_t module_name_len;
	uint16_t symbol_len;
	uint64_t _addresses_pa;
	uint64_t _relative_pa;
	uint64_t _stext_pa;
	uint64_t _etext_pa;
	uint64_t _sinittext_pa;
	uint64_t _einittext_pa;
	uint64_t _end_pa;
	uint64_t _offsets_pa;
	uint64_t _names_pa;
	uint64_t _token_table_pa;
	uint64_t _token_index_pa;
	uint64_t _markers_pa;
	uint32_t thread_size;
	uint64_t swapper_pg_dir_pa;
	uint8_t last_uts_release[64];
	uint8_t build_info[256];
	uint32_t enabled_modules_tree_lookup;
	uint32_t mod_core_layout_offset;
	uint32_t mod_init_layout_offset;
	uint32_t mod_kallsyms_offset;
	uint64_t module_start_va;
	uint64_t module_end_va;
	uint32_t enabled_module_scmversion;
	uint32_t mod_scmversion_offset;
	uint32_t va_bits;
	uint64_t page_offset;
	uint64_t page_end;
	uint64_t phys_offset;
	uint64_t kimage_voffset;
} __attribute__((packed));

KINFO_ORACLE_SIZE(A4, 528);
KINFO_ORACLE_AT(A4, last_uts_release, 132);
KINFO_ORACLE_AT(A4, build_info, 196);
KINFO_ORACLE_AT(A4, va_bits, 492);
KINFO_ORACLE_AT(A4, page_offset, 496);
KINFO_ORACLE_AT(A4, kimage_voffset, 520);

/* A5: written by a short-lived 6.4-era driver, after core and init layouts went; as long as A2. */
struct kinfo_A5 {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t enabled_all;
	uint8_t enabled_base_relative;
	uint8_t enabled_absolute_percpu;
	uint8_t enabled_cfi_clang;
	uint32_t num_syms;
	uint16_t name_len;
	uint16_t bit_per_long;
	uint16_t module_name_len;
	uint16_t symbol_len;
	uint64_t _addresses_pa;
	uint64_t _relative_pa;
	uint64_t _stext_pa;
	uint64_t _etext_pa;
	uint64_t _sinittext_pa;
	uint64_t _einittext_pa;
	uint64_t _end_pa;
	uint64_t _offsets_pa;
	uint64_t _names_pa;
	uint64_t _token_table_pa;
	uint64_t _token_index_pa;
	uint64_t _markers_pa;
	uint32_t thread_size;
	uint64_t swapper_pg_dir_pa;
	uint8_t last_uts_release[64];
	uint8_t build_info[256];
	uint32_t enabled_modules_tree_lookup;
	uint32_t mod_kallsyms_offset;
	uint64_t module_start_va;
	uint64_t module_end_va;
	uint64_t module_plt_start_va;
} __attribute__((packed));

KINFO_ORACLE_SIZE(A5, 484);
KINFO_ORACLE_AT(A5, last_uts_release, 132);
KINFO_ORACLE_AT(A5, build_info, 196);
KINFO_ORACLE_AT(A5, mod_kallsyms_offset, 456);
KINFO_ORACLE_AT(A5, module_start_va, 460);
KINFO_ORACLE_AT(A5, module_plt_start_va, 476);

/* A6: written by the 6.6-era driver for the google,debug-kinfo node. */
struct kinfo_A6 {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t enabled_all;
	uint8_t enabled_base_relative;
	uint8_t enabled_absolute_percpu;
	uint8_t enabled_cfi_clang;
	uint32_t num_syms;
	uint16_t name_len;
	uint16_t bit_per_long;
	uint16_t module_name_len;
	uint16_t symbol_len;
	uint64_t _addresses_pa;
	uint64_t _relative_pa;
	uint64_t _stext_pa;
	uint64_t _etext_pa;
	uint64_t _sinittext_pa;
	uint64_t _einittext_pa;
	uint64_t _end_pa;
	uint64_t _offsets_pa;
	uint64_t _names_pa;
	uint64_t _token_table_pa;
	uint64_t _token_index_pa;
	uint64_t _markers_pa;
	uint32_t thread_size;
	uint64_t swapper_pg_dir_pa;
	uint8_t last_uts_release[64];
	uint8_t build_info[256];
	uint32_t enabled_modules_tree_lookup;
	uint32_t mod_mem_offset;
	uint32_t mod_kallsyms_offset;
} __attribute__((packed));

KINFO_ORACLE_SIZE(A6, 464);
KINFO_ORACLE_AT(A6, last_uts_release, 132);
KINFO_ORACLE_AT(A6, build_info, 196);
KINFO_ORACLE_AT(A6, mod_mem_offset, 456);
KINFO_ORACLE_AT(A6, mod_kallsyms_offset, 460);

/* A6v2: written by the same driver for the google,debug-kinfo-v2 node; the checksum covers the reserved words. */
struct kinfo_A6v2 {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t enabled_all;
	uint8_t enabled_base_relative;
	uint8_t enabled_absolute_percpu;
	uint8_t enabled_cfi_clang;
	uint32_t num_syms;
	uint16_t name_len;
	uint16_t bit_per_long;
	uint16_t module_name_len;
	uint16_t symbol_len;
	uint64_t _addresses_pa;
	uint64_t _relative_pa;
	uint64_t _stext_pa;
	uint64_t _etext_pa;
	uint64_t _sinittext_pa;
	uint64_t _einittext_pa;
	uint64_t _end_pa;
	uint64_t _offsets_pa;
	uint64_t _names_pa;
	uint64_t _token_table_pa;
	uint64_t _token_index_pa;
	uint64_t _markers_pa;
	uint32_t thread_size;
	uint64_t swapper_pg_dir_pa;
	uint8_t last_uts_release[64];
	uint8_t build_info[256];
	uint32_t enabled_modules_tree_lookup;
	uint32_t mod_mem_offset;
	uint32_t mod_kallsyms_offset;
	uint64_t _seqs_of_names_pa;
	uint64_t reserved_data[4];
} __attribute__((packed));

KINFO_ORACLE_SIZE(A6v2, 504);
KINFO_ORACLE_AT(A6v2, last_uts_release, 132);
KINFO_ORACLE_AT(A6v2, build_info, 196);
KINFO_ORACLE_AT(A6v2, _seqs_of_names_pa, 464);
KINFO_ORACLE_AT(A6v2, reserved_data, 472);
KINFO_ORACLE_AT(A6v2, reserved_data[3], 496);

/* B: written by a common-kernel driver that put the seqs table after the markers and kept the address table. */
struct kinfo_B {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t enabled_all;
	uint8_t enabled_base_relative;
	uint8_t enabled_absolute_percpu;
	uint8_t enabled_cfi_clang;
	uint32_t num_syms;
	uint16_t name_len;
	uint16_t bit_per_long;
	uint16_t module_name_len;
	uint16_t symbol_len;
	uint64_t _addresses_pa;
	uint64_t _relative_pa;
	uint64_t _stext_pa;
	uint64_t _etext_pa;
	uint64_t _sinittext_pa;
	uint64_t _einittext_pa;
	uint64_t _end_pa;
	uint64_t _offsets_pa;
	uint64_t _names_pa;
	uint64_t _token_table_pa;
	uint64_t _token_index_pa;
	uint64_t _markers_pa;
	uint64_t _seqs_of_names_pa;
	uint32_t thread_size;
	uint64_t swapper_pg_dir_pa;
	uint8_t last_uts_release[64];
	uint8_t build_info[256];
	uint32_t enabled_modules_tree_lookup;
	uint32_t mod_mem_offset;
	uint32_t mod_kallsyms_offset;
} __attribute__((packed));

KINFO_ORACLE_SIZE(B, 472);
KINFO_ORACLE_AT(B, _addresses_pa, 24);
KINFO_ORACLE_AT(B, _relative_pa, 32);
KINFO_ORACLE_AT(B, _seqs_of_names_pa, 120);
KINFO_ORACLE_AT(B, last_uts_release, 140);
KINFO_ORACLE_AT(B, build_info, 204);
KINFO_ORACLE_AT(B, mod_kallsyms_offset, 468);

/* C: written by later common-kernel drivers and by the upstream postings before July 2026. */
struct kinfo_C {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t enabled_all;
	uint8_t enabled_base_relative;
	uint8_t enabled_absolute_percpu;
	uint8_t enabled_cfi_clang;
	uint32_t num_syms;
	uint16_t name_len;
	uint16_t bit_per_long;
	uint16_t module_name_len;
	uint16_t symbol_len;
	uint64_t _relative_pa;
	uint64_t _text_pa;
	uint64_t _stext_pa;
	uint64_t _etext_pa;
	uint64_t _sinittext_pa;
	uint64_t _einittext_pa;
	uint64_t _end_pa;
	uint64_t _offsets_pa;
	uint64_t _names_pa;
	uint64_t _token_table_pa;
	uint64_t _token_index_pa;
	uint64_t _markers_pa;
	uint64_t _seqs_of_names_pa;
	uint32_t thread_size;
	uint64_t swapper_pg_dir_pa;
	uint8_t last_uts_release[64];
	uint8_t build_info[256];
	uint32_t enabled_modules_tree_lookup;
	uint32_t mod_mem_offset;
	uint32_t mod_kallsyms_offset;
} __attribute__((packed));

KINFO_ORACLE_SIZE(C, 472);
KINFO_ORACLE_AT(C, _relative_pa, 24);
KINFO_ORACLE_AT(C, _text_pa, 32);
KINFO_ORACLE_AT(C, _seqs_of_names_pa, 120);
KINFO_ORACLE_AT(C, last_uts_release, 140);
KINFO_ORACLE_AT(C, build_info, 204);
KINFO_ORACLE_AT(C, mod_kallsyms_offset, 468);

/* CR: written by a driver for kernels without a relative base; its slot is reserved. */
struct kinfo_CR {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t enabled_all;
	uint8_t enabled_base_relative;
	uint8_t enabled_absolute_percpu;
	uint8_t enabled_cfi_clang;
	uint32_t num_syms;
	uint16_t name_len;
	uint16_t bit_per_long;
	uint16_t module_name_len;
	uint16_t symbol_len;
	uint64_t _reserved;
	uint64_t _text_pa;
	uint64_t _stext_pa;
	uint64_t _etext_pa;
	uint64_t _sinittext_pa;
	uint64_t _einittext_pa;
	uint64_t _end_pa;
	uint64_t _offsets_pa;
	uint64_t _names_pa;
	uint64_t _token_table_pa;
	uint64_t _token_index_pa;
	uint64_t _markers_pa;
	uint64_t _seqs_of_names_pa;
	uint32_t thread_size;
	uint64_t swapper_pg_dir_pa;
	uint8_t last_uts_release[64];
	uint8_t build_info[256];
	uint32_t enabled_modules_tree_lookup;
	uint32_t mod_mem_offset;
	uint32_t mod_kallsyms_offset;
} __attribute__((packed));

KINFO_ORACLE_SIZE(CR, 472);
KINFO_ORACLE_AT(CR, _reserved, 24);
KINFO_ORACLE_AT(CR, _text_pa, 32);
KINFO_ORACLE_AT(CR, last_uts_release, 140);
KINFO_ORACLE_AT(CR, build_info, 204);
KINFO_ORACLE_AT(CR, mod_kallsyms_offset, 468);

/* D: written by the upstream posting of July 2026; no build_info; as long as Z0. */
struct kinfo_D {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t enabled_all;
	uint8_t enabled_base_relative;
	uint8_t enabled_absolute_percpu;
	uint8_t enabled_cfi_clang;
	uint32_t num_syms;
	uint16_t name_len;
	uint16_t bit_per_long;
	uint16_t module_name_len;
	uint16_t symbol_len;
	uint64_t _relative_pa;
	uint64_t _text_pa;
	uint64_t _stext_pa;
	uint64_t _etext_pa;
	uint64_t _sinittext_pa;
	uint64_t _einittext_pa;
	uint64_t _end_pa;
	uint64_t _offsets_pa;
	uint64_t _names_pa;
	uint64_t _token_table_pa;
	uint64_t _token_index_pa;
	uint64_t _markers_pa;
	uint64_t _seqs_of_names_pa;
	uint32_t thread_size;
	uint64_t swapper_pg_dir_pa;
	uint8_t last_uts_release[64];
	uint32_t enabled_modules_tree_lookup;
	uint32_t mod_mem_offset;
	uint32_t mod_kallsyms_offset;
} __attribute__((packed));

KINFO_ORACLE_SIZE(D, 216);
KINFO_ORACLE_AT(D, _text_pa, 32);
KINFO_ORACLE_AT(D, last_uts_release, 140);
KINFO_ORACLE_AT(D, enabled_modules_tree_lookup, 204);
KINFO_ORACLE_AT(D, mod_mem_offset, 208);
KINFO_ORACLE_AT(D, mod_kallsyms_offset, 212);

/* V1: written by the vendor module's probe into the second half of the region. */
struct kinfo_V1 {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t uts_release[64];
} __attribute__((packed));

KINFO_ORACLE_SIZE(V1, 72);
KINFO_ORACLE_AT(V1, magic_number, 0);
KINFO_ORACLE_AT(V1, combined_checksum, 4);
KINFO_ORACLE_AT(V1, uts_release, 8);

/* V2: written by the vendor module's polling work; adds the root of the module list or tree. */
struct kinfo_V2 {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t uts_release[64];
	uint64_t mod_root_pa;
} __attribute__((packed));

KINFO_ORACLE_SIZE(V2, 80);
KINFO_ORACLE_AT(V2, combined_checksum, 4);
KINFO_ORACLE_AT(V2, uts_release, 8);
KINFO_ORACLE_AT(V2, mod_root_pa, 72);

/* V3: written by the vendor module; adds the byte length of the names stream instead. */
struct kinfo_V3 {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t uts_release[64];
	uint32_t names_total_len;
} __attribute__((packed));

KINFO_ORACLE_SIZE(V3, 76);
KINFO_ORACLE_AT(V3, combined_checksum, 4);
KINFO_ORACLE_AT(V3, uts_release, 8);
KINFO_ORACLE_AT(V3, names_total_len, 72);

/* V3s: written by a vendor module that adds only the suspend diagnostics' address to V3. */
struct kinfo_V3s {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t uts_release[64];
	uint32_t names_total_len;
	uint64_t suspend_diag_va;
} __attribute__((packed));

KINFO_ORACLE_SIZE(V3s, 84);
KINFO_ORACLE_AT(V3s, uts_release, 8);
KINFO_ORACLE_AT(V3s, names_total_len, 72);
KINFO_ORACLE_AT(V3s, suspend_diag_va, 76);

/* V3l: written by a vendor module that has V4's address-space constants but no frequency names. */
struct kinfo_V3l {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t uts_release[64];
	uint32_t names_total_len;
	uint64_t suspend_diag_va;
	uint32_t va_bits;
	uint64_t page_offset;
	uint64_t page_end;
	uint64_t phys_offset;
	uint64_t kimage_voffset;
} __attribute__((packed));

KINFO_ORACLE_SIZE(V3l, 120);
KINFO_ORACLE_AT(V3l, uts_release, 8);
KINFO_ORACLE_AT(V3l, suspend_diag_va, 76);
KINFO_ORACLE_AT(V3l, va_bits, 84);
KINFO_ORACLE_AT(V3l, page_offset, 88);
KINFO_ORACLE_AT(V3l, kimage_voffset, 112);

/* V4: written by the newest vendor module; ends with the frequency domains' names and their count. */
struct kinfo_V4 {
	uint32_t magic_number;
	uint32_t combined_checksum;
	uint8_t uts_release[64];
	uint32_t names_total_len;
	uint64_t suspend_diag_va;
	uint32_t va_bits;
	uint64_t page_offset;
	uint64_t page_end;
	uint64_t phys_offset;
	uint64_t kimage_voffset;
	uint8_t dss_freq_name[32][8];
	uint32_t dss_freq_size;
} __attribute__((packed));

KINFO_ORACLE_SIZE(V4, 380);
KINFO_ORACLE_AT(V4, uts_release, 8);
KINFO_ORACLE_AT(V4, names_total_len, 72);
KINFO_ORACLE_AT(V4, kimage_voffset, 112);
KINFO_ORACLE_AT(V4, dss_freq_name, 120);
KINFO_ORACLE_AT(V4, dss_freq_size, 376);

#endif
