"""Region ids of each posted series, and the names that its minidump driver gives them: its part of a writer's row.

`enum meminspect_uid` has no version and changed with every posting: v1 and v2 have the same one; v3 renamed an id, added
clear_seq, dropped kallsyms_relative_base and, with its patch 07/26, added tk_data; RFC v2 has another order.
"""

from __future__ import annotations

from typing import NamedTuple

from kinfo.printable import brief

_MASKS = ("__cpu_possible_mask", "__cpu_present_mask", "__cpu_online_mask", "__cpu_active_mask")
_PRINTK = ("printk_rb_static", "printk_rb_dynamic", "prb", "prb_descs", "prb_infos", "prb_data")
_BORDERS = ("_sinittext", "_einittext", "_end", "_text", "_stext", "_etext")
_TABLES = ("kallsyms_names", "kallsyms_token_table", "kallsyms_token_index", "kallsyms_markers", "kallsyms_seqs_of_names")
_FIRST = ("ELF", "VMCOREINFO", "CONFIG")
_MIDDLE = ("tainted_mask", "taint_flags", "node_states", "__per_cpu_offset", "nr_swapfiles", "init_uts_ns", *_PRINTK)

_V1 = (
    *(
        "",
        *_FIRST,
        "_totalram_pages",
        *_MASKS,
        "mem_section",
        "jiffies_64",
        "linux_banner",
        "nr_threads",
        "nr_irqs",
        *_MIDDLE,
    ),
    *("high_memory", "init_mm", "init_mm_pgd", *_BORDERS, "kallsyms_num_syms", "kallsyms_relative_base", "kallsyms_offsets"),
    *(*_TABLES, "swapper_pg_dir"),
)
_V3 = (
    *("", *_FIRST, "_totalram_pages", *_MASKS, "mem_section", "jiffies_64", "linux_banner", "nr_threads", "total_nr_irqs"),
    *(*_MIDDLE, "clear_seq", "high_memory", "init_mm", *_BORDERS, "kallsyms_num_syms", "kallsyms_offsets", *_TABLES),
    *("swapper_pg_dir", "tk_data"),
)
_RFC = (
    *("", *_FIRST, "MEMSECT", "_totalram_pages", *_MASKS, "jiffies_64", "linux_banner", "nr_threads", "nr_irqs"),
    *("tainted_mask", "taint_flags", "mem_section", "node_data", "node_states", "__per_cpu_offset", "nr_swapfiles"),
    *("init_uts_ns", *_PRINTK, "runqueues", "high_memory", "init_mm", "init_mm_pgd", *_BORDERS, "kallsyms_num_syms"),
    *("kallsyms_relative_base", "kallsyms_offsets", *_TABLES, "swapper_pg_dir", "init_uts_ns_name"),
)

# The minidump driver's own string table, by id: K and the first 8 letters make the region's name.
_STRINGS_V1 = (
    *(
        "",
        "ELF",
        "vmcoreinfo",
        "config",
        "totalram",
        "cpu_possible",
        "cpu_present",
        "cpu_online",
        "cpu_active",
        "mem_section",
    ),
    *("jiffies", "linux_banner", "nr_threads", "nr_irqs", "tainted_mask", "taint_flags", "node_states", "__per_cpu_offset"),
    *("nr_swapfiles", "init_uts_ns", *_PRINTK, "high_memory", "init_mm", "init_mm_pgd"),
)
# v3 gives id 29 the name of tk_data, which is id 43: md_Ktk_data29.BIN holds 8 bytes of _sinittext.
_STRINGS_V3 = (*_STRINGS_V1[:26], "clear_seq", "high_memory", "init_mm", "tk_data")


class Series(NamedTuple):
    """One posting: the symbol of every id (index: id), where dynamic ids begin, and the minidump driver's strings.

    `pa`: whether static entries have a PA (None: its entries have no such field). `late`: a symbol with an id and no
    annotation, which a module may register itself; `dropped`: those that nothing registers. `misnamed` are the ids that its
    own strings call by another's name. `preferred`: taken, without a finding, where nothing tells several apart.
    """

    name: str
    title: str
    symbols: tuple[str, ...]
    dynamic: int
    strings: tuple[str, ...]
    pa: bool | None
    late: str = ""
    dropped: tuple[str, ...] = ()
    misnamed: tuple[int, ...] = ()
    preferred: bool = False

    def symbol(self, id_: int) -> str:
        """The symbol of a static id; "" for dynamic ones and those that do not exist."""
        return self.symbols[id_] if 0 < id_ < len(self.symbols) else ""

    def id_of(self, symbol: str) -> int | None:
        """The id of a symbol."""
        return self.symbols.index(symbol) if symbol and symbol in self.symbols else None

    def region(self, id_: int) -> str:
        """The name that the minidump driver gives a region: at most 8 letters behind the K."""
        return "K" + (self.strings[id_] if 0 < id_ < len(self.strings) else "unknown")[:8]

    def __repr__(self) -> str:
        return brief(self, self.name)


_BASE = ("kallsyms_relative_base",)
RFC_V2 = Series("rfc-v2", "kmemdump RFC v2 (July 2025)", _RFC, 50, _STRINGS_V1, None)
V1 = Series("v1", "meminspect v1 (November 2025)", _V1, 44, _STRINGS_V1, False, "init_mm_pgd", preferred=True)
V2 = Series("v2", "meminspect v2 (March 2026)", _V1, 44, _STRINGS_V1, False, "init_mm_pgd", _BASE)
V3 = Series("v3", "meminspect v3 (July 2026)", _V3, 44, _STRINGS_V3, True, misnamed=(29,))
