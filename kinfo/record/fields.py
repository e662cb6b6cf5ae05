"""What each field of the record means, where its writer takes it from, and its unit.

One note per C name: the same name means the same in every layout. Sources are the Android driver
(drivers/android/debug_kinfo.c and its staging predecessors), the meminspect postings and the Pixel vendor module.
"""

from __future__ import annotations

from kinfo.named import NamedTuple

PA = "physical address"
VA = "virtual address"
FLAG = "0 or 1"
BYTES = "bytes"


HEAD_FIELDS = ("magic_number", "combined_checksum")


class Note(NamedTuple):
    """A field's meaning, the kernel expression its writer stores, and its unit."""

    meaning: str
    taken_from: str
    unit: str


def _config(option: str, meaning: str) -> Note:
    return Note(meaning, f"IS_ENABLED({option})", FLAG)


def _symbol_pa(symbol: str, meaning: str) -> Note:
    return Note(meaning, f"__pa_symbol({symbol})", PA)


def _symbol_va(symbol: str, meaning: str) -> Note:
    return Note(meaning, f"(u64){symbol}", VA)


_IMAGE = {
    "stext": "Start of the kernel's executable text",
    "etext": "End of the kernel's executable text",
    "sinittext": "Start of the init text, freed after boot",
    "einittext": "End of the init text",
    "end": "End of the kernel image, BSS included",
}
_TABLES = {
    "offsets": "kallsyms_offsets: one signed 32-bit offset a symbol; place-relative from 7.0",
    "names": "kallsyms_names: the compressed names, length byte(s) then tokens",
    "token_table": "kallsyms_token_table: 256 NUL-terminated tokens",
    "token_index": "kallsyms_token_index: 256 u16 offsets into the token table",
    "markers": "kallsyms_markers: where every 256th name begins",
}

NOTES: dict[str, Note] = {
    "magic_number": Note("Says that a record is here", "a constant of the driver, set before the sum", "magic"),
    "combined_checksum": Note("XOR of the body's 32-bit words", "update_kernel_all_info()", "XOR sum"),
    "enabled_all": _config("CONFIG_KALLSYMS_ALL", "Data symbols are in the table too"),
    "enabled_base_relative": _config(
        "CONFIG_KALLSYMS_BASE_RELATIVE", "Offsets count from a base; 0 on 6.11+, where every table does"
    ),
    "enabled_absolute_percpu": _config(
        "CONFIG_KALLSYMS_ABSOLUTE_PERCPU", "Non-negative offsets are absolute (x86-64 SMP only)"
    ),
    "enabled_cfi_clang": _config("CONFIG_CFI_CLANG", "Built with clang's control-flow integrity"),
    "num_syms": Note("Number of symbols in the kernel's table", "kallsyms_num_syms", "symbols"),
    "name_len": Note("Longest symbol name, with its NUL", "KSYM_NAME_LEN", BYTES),
    "bit_per_long": Note("Width of a kernel long", "BITS_PER_LONG", "bits"),
    "module_name_len": Note("Longest module name, with its NUL", "MODULE_NAME_LEN", BYTES),
    "symbol_len": Note("Longest formatted symbol (name+offset/size [module])", "KSYM_SYMBOL_LEN", BYTES),
    "_addresses_pa": _symbol_pa("kallsyms_addresses", "Absolute symbol addresses; 0 when the table is base-relative"),
    "_relative_pa": Note(
        "Physical address of the base that offsets count from (the value of kallsyms_relative_base, not its place)",
        "__pa_symbol((void *)kallsyms_relative_base)",
        PA,
    ),
    "_reserved": Note("Held _relative_pa before 6.19", "left 0", "reserved"),
    "_text_pa": _symbol_pa("_text", "Start of the kernel image"),
    **{f"_{name}_pa": _symbol_pa(f"_{name}", meaning) for name, meaning in _IMAGE.items()},
    **{f"_{name}_pa": _symbol_pa(f"kallsyms_{name}", meaning) for name, meaning in _TABLES.items()},
    "_seqs_of_names_pa": _symbol_pa("kallsyms_seqs_of_names", "kallsyms_seqs_of_names: 3-byte indices sorted by name"),
    "thread_size": Note("Size of a kernel stack", "THREAD_SIZE", BYTES),
    "swapper_pg_dir_pa": _symbol_pa("swapper_pg_dir", "The kernel's top-level page table"),
    "last_uts_release": Note("Kernel release, at most 63 characters", "init_utsname()->release", "text"),
    "build_info": Note(
        "Build fingerprint; no NUL is written, a shorter second write leaves the tail of the first",
        "module parameter build_info (ro.build.fingerprint)",
        "text",
    ),
    "enabled_modules_tree_lookup": _config("CONFIG_MODULES_TREE_LOOKUP", "Modules are found through a latched tree"),
    "mod_core_layout_offset": Note(
        "Where struct module keeps its core memory (before 6.4)", "offsetof(struct module, core_layout)", BYTES
    ),
    "mod_init_layout_offset": Note(
        "Where struct module keeps its init memory (before 6.4)", "offsetof(struct module, init_layout)", BYTES
    ),
    "mod_mem_offset": Note("Where struct module keeps mem[] (6.4 on)", "offsetof(struct module, mem)", BYTES),
    "mod_kallsyms_offset": Note("Where struct module keeps its symbol table", "offsetof(struct module, kallsyms)", BYTES),
    "module_start_va": Note("Start of the range modules are loaded into", "module_alloc_base or MODULES_VADDR", VA),
    "module_end_va": Note("End of that range", "module_alloc_base + MODULES_VSIZE or MODULES_END", VA),
    "module_plt_start_va": Note("Start of the range for modules with PLTs", "module_plt_base", VA),
    "enabled_module_scmversion": _config("CONFIG_MODULE_SCMVERSION", "Modules carry their source version"),
    "mod_scmversion_offset": Note(
        "Where struct module keeps its source version", "offsetof(struct module, scmversion)", BYTES
    ),
    "reserved_data": Note("Reserved; summed with the rest", "left 0", "reserved"),
    "va_bits": Note("Bits of a kernel virtual address", "VA_BITS", "bits"),
    "page_offset": Note("Start of the linear map", "PAGE_OFFSET", VA),
    "page_end": Note("End of the linear map", "PAGE_END", VA),
    "phys_offset": Note(
        "Physical address that the linear map begins at; signed under linear-map randomisation", "PHYS_OFFSET", PA
    ),
    "kimage_voffset": Note("Kernel image: virtual minus physical address", "kimage_voffset", "difference of addresses"),
    "_addresses_va": _symbol_va("kallsyms_addresses", "Absolute symbol addresses; 0 when the table is base-relative"),
    "_relative_va": Note("The base that offsets count from", "kallsyms_relative_base", VA),
    **{f"_{name}_va": _symbol_va(f"_{name}", meaning) for name, meaning in _IMAGE.items()},
    **{f"_{name}_va": _symbol_va(f"kallsyms_{name}", meaning) for name, meaning in _TABLES.items()},
    "uts_release": Note(
        "Kernel release; newer vendor modules put their own commit into it", "init_utsname()->release", "text"
    ),
    "mod_root_pa": Note("The module tree, or the list head `modules` without tree lookup", "found by name", PA),
    "names_total_len": Note("Length of kallsyms_names", "counted by walking the names", BYTES),
    "suspend_diag_va": Note("The suspend diagnosis structure", "dbg_snapshot suspend_diag", VA),
    "dss_freq_name": Note("Names of the frequency domains, 8 bytes each", "dss_freq_name[]", "text"),
    "dss_freq_size": Note("Number of frequency domains; not capped at 32 by its writer", "dss_freq_size", "names"),
}
