"""The record that a kernel made for tests leaves."""

from __future__ import annotations

from typing import Any

import kinfo
from tests.kernels.kernel import Kernel

_BORDERS = {"stext": "text", "etext": "rodata", "sinittext": "inittext", "einittext": "einittext", "end": "end"}
_TABLES = ("addresses", "offsets", "names", "token_table", "token_index", "markers")
_WITH_SEQS = ("A6v2", "B", "C", "CR", "D")
_WITH_TEXT = ("C", "CR", "D")
_FORGETFUL = ("C", "CR")  # their drivers never assign enabled_base_relative
_CORE = ("A1", "A2", "A3", "A4")
_RANGES = ("A2", "A3", "A4", "A5")
_MEM = ("A6", "A6v2", *_WITH_TEXT, "B")
BUILD_INFO = "google/husky/husky:15/AP4A.000007.001/10000007:user/release-keys"


def make_record(kernel: Kernel) -> bytes:
    """The record of this kernel in the layout that its spec names."""
    alias = kernel.spec.record_layout
    fields = _head(kernel, alias) | (_virtual(kernel) if alias == "Z0" else _physical(kernel, alias))
    fields["last_uts_release"] = kernel.spec.release
    if alias not in ("Z0", "D"):
        fields["build_info"] = BUILD_INFO
    return kinfo.encode(fields | _modules(kernel, alias), alias)


def _head(kernel: Kernel, alias: str) -> dict[str, Any]:
    spec = kernel.spec
    bits, version = 8 * spec.word, spec.version
    name_len, module_name_len = 512 if version >= (6, 1) else 128, 64 - spec.word
    build_id = 43 if version >= (5, 15) else 0
    encoding = spec.shape.encoding
    return {
        "enabled_all": int(spec.keep_all),
        "enabled_base_relative": int(encoding != "absolute" and version < (6, 11) and alias not in _FORGETFUL),
        "enabled_absolute_percpu": int(encoding == "percpu"),
        "num_syms": len(kernel.symbols),
        "name_len": name_len,
        "bit_per_long": bits,
        "module_name_len": module_name_len,
        "symbol_len": 18 + build_id + (name_len - 1) + 2 * (bits * 3 // 10) + (module_name_len - 1) + 1,
        "thread_size": 0x4000 if spec.word == 8 else 0x2000,
    }


def _pointers(kernel: Kernel) -> dict[str, int]:
    found = {name: kernel.pa(section) for name, section in _BORDERS.items()}
    found |= {name: kernel.addresses[name] for name in _TABLES if name in kernel.addresses}
    if kernel.base_va is not None:
        found["relative"] = kernel.base_va - kernel.voffset
    return found


def _physical(kernel: Kernel, alias: str) -> dict[str, int]:
    pointers = _pointers(kernel)
    if alias in _WITH_SEQS:
        pointers["seqs_of_names"] = kernel.addresses.get("seqs", 0)
    if alias in _WITH_TEXT:
        pointers["text"] = kernel.spec.text
        pointers.pop("addresses", None)
    if alias in ("CR", "D"):
        pointers.pop("relative", None)
    return {f"_{name}_pa": value for name, value in pointers.items()} | {"swapper_pg_dir_pa": kernel.root_pa}


def _virtual(kernel: Kernel) -> dict[str, int]:
    """The record of 2018 has VAs and what it takes to translate them."""
    fields = {f"_{name}_va": pa + kernel.voffset for name, pa in _pointers(kernel).items()}
    return fields | {
        "va_bits": kernel.spec.form.va_bits,
        "page_offset": kernel.spec.linear,
        "phys_offset": kernel.base,
        "kimage_voffset": kernel.voffset,
    }


def _modules(kernel: Kernel, alias: str) -> dict[str, int]:
    if alias in ("Z0", "A0"):
        return {}
    spec, shape = kernel.spec, kernel.spec.module_shape
    fields = {"enabled_modules_tree_lookup": int(spec.tree_lookup)}
    if alias != "A1n":
        fields["mod_kallsyms_offset"] = shape.kallsyms
    if alias in _CORE:
        fields |= {"mod_core_layout_offset": shape.mem_offset, "mod_init_layout_offset": shape.init_offset}
    if alias in _MEM:
        fields["mod_mem_offset"] = shape.mem_offset
    if alias in _RANGES:
        start = spec.first_module_va & ~0xFFFFFF
        fields |= {"module_start_va": start, "module_end_va": start + 0x8000000}
    if alias == "A4":
        space = {"va_bits": spec.form.va_bits, "page_offset": spec.linear, "phys_offset": kernel.base}
        fields |= space | {"page_end": spec.page_end, "kimage_voffset": kernel.voffset}
    return fields
