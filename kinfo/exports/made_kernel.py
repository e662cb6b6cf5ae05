"""The facts of a made-up kernel that writes a layout: what the drivers' models take. Nothing of it is any real kernel's."""

from __future__ import annotations

from typing import Any

from kinfo.errors import UnknownNameError
from kinfo.record import kernels
from kinfo.record.encode import encode
from kinfo.record.fields import HEAD_FIELDS
from kinfo.record.kernels import Version
from kinfo.record.layouts import layout_named
from kinfo.record.model import Layout
from kinfo.writers import DRIVERS, Request
from kinfo.writers.fillings import Facts

_TEXT, _TEXT_PA = 0xFFFFFFC010000000, 0x80200000
_SYMBOLS = 180_000
_FREQUENCIES = ("lit", "mid", "big", "mif", "int")  # V4's: the hardware's, which no driver's model has
_MARKERS_ARE_32_BIT = (4, 20)
_SEQS_SINCE = (6, 1)


def record_of(layout: Layout) -> bytes:
    """A sound record of the layout, as its driver leaves it on the first kernel that it was seen on.

    Raises UnknownNameError for a layout that no driver's model writes.
    """
    driver = next((one for one in DRIVERS if layout.alias in one.layouts), None)
    if driver is not None:
        facts = _facts(layout)
        info = (
            ["made/up/kernel:1/VECTORS/1:user/test-keys"]
            if "build_info" in layout.by_name and driver.name == "android"
            else []
        )
        return driver.build(Request(facts, layout, build_info=info)).data
    if layout.alias != "V4":
        raise UnknownNameError(f"no driver's model writes {layout.name}", "add its row in kinfo/writer_rows")
    return _with_frequencies(layout)


def _with_frequencies(layout: Layout) -> bytes:
    shorter = layout_named("V3l")
    values: dict[str, Any] = dict(shorter.unpack(record_of(shorter)))
    names = [*_FREQUENCIES, *[""] * (layout.by_name["dss_freq_name"].elements - len(_FREQUENCIES))]
    values |= {"dss_freq_name": names, "dss_freq_size": len(_FREQUENCIES)}
    return encode({name: value for name, value in values.items() if name not in HEAD_FIELDS}, layout)


def _facts(layout: Layout) -> Facts:
    version = layout.kernels.known[0] or (5, 10)
    posted = any("meminspect" in writer for writer in layout.writers) and "build_info" not in layout.by_name
    release = f"{version[0]}.{version[1]}.0" + ("-rc2-vectors" if posted else "-vectors-ab12345678")
    options = {
        f"CONFIG_{name}": 1
        for name in ("KALLSYMS_ALL", "MODULES", "MODULES_TREE_LOOKUP", "MODULE_SCMVERSION", "CFI", "CFI_CLANG")
    }
    options |= {"CONFIG_KALLSYMS_ABSOLUTE_PERCPU": 0, "CONFIG_KALLSYMS_BASE_RELATIVE": int(version < kernels.NO_BASE_CHOICE)}
    return {**options, **_numbers(version), **_image(version), "release": release}


def _numbers(version: Version) -> dict[str, int]:
    name, module = kernels.name_len(version), kernels.module_name_len(64)
    old, new = kernels.symbol_lens(name, 64, module)
    offsets = {"core_layout": 0x180, "init_layout": 0x1D0, "mem": 0x140, "kallsyms": 0x388, "scmversion": 0xE8}
    return {
        "num_syms": _SYMBOLS,
        "KSYM_NAME_LEN": name,
        "BITS_PER_LONG": 64,
        "MODULE_NAME_LEN": module,
        "KSYM_SYMBOL_LEN": new if version >= (5, 15) else old,
        "THREAD_SIZE": 0x4000,
        **{f"module.{member}": offset for member, offset in offsets.items()},
        "module_start_va": _TEXT - 0x8000000,
        "module_end_va": _TEXT,
        "module_plt_start_va": _TEXT - 0x48000000,
        "VA_BITS": 39,
        "PAGE_OFFSET": 0xFFFFFF8000000000,
        "PAGE_END": 0xFFFFFFC000000000,
        "PHYS_OFFSET": 0x80000000,
        "names_total_len": _SYMBOLS * 11,
        "suspend_diag_va": _TEXT + 0x1A00000,
    }


def _behind_offsets(version: Version) -> int:
    """The base, and until 6.4 the number of symbols."""
    return 16 if version < kernels.NEW_TABLE_ORDER else 8 if version < kernels.PLACE_RELATIVE else 0


def _image(version: Version) -> dict[str, int]:
    """The image: text, tables in that kernel's order with their sizes, page table, init text."""
    places = {"_text": _TEXT, "_stext": _TEXT + 0x10000, "_etext": _TEXT + 0xF00000}
    at = places["_etext"] + 0x300000
    sizes = {"_offsets_pa": 4 * _SYMBOLS, "_names_pa": 11 * _SYMBOLS, "_seqs_of_names_pa": 3 * _SYMBOLS}
    sizes |= {"_markers_pa": (4 if version >= _MARKERS_ARE_32_BIT else 8) * -(-_SYMBOLS // 256)}
    sizes |= {"_token_table_pa": 960, "_token_index_pa": 512}
    for field in kernels.table_order(version):
        name = field.removeprefix("_").removesuffix("_pa")
        if name == "seqs_of_names" and version < _SEQS_SINCE:
            continue
        places[f"kallsyms_{name}"] = at
        at += -(-sizes[field] // 8) * 8 + (_behind_offsets(version) if name == "offsets" else 0)
    page_table = -(-at // 0x10000) * 0x10000 + 0x3000
    places |= {"swapper_pg_dir": page_table, "_sinittext": page_table + 0xD000, "_einittext": page_table + 0x9D000}
    places["_end"] = -(-places["_einittext"] // 0x10000) * 0x10000 + 0x500000
    places |= {"mod_tree": places["_end"] - 0x2000, "modules": places["_end"] - 0x1000}
    return {**places, "relative_base": _TEXT, "text_pa": _TEXT_PA, "kimage_voffset": _TEXT - _TEXT_PA}
