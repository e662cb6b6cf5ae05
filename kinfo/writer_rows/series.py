"""Region ids of each posted series, and the names that its minidump driver gives them: its part of a writer's row.

`enum meminspect_uid` has no version and changed with every posting: v1 and v2 have the same one; v3 renamed an id, added
clear_seq, dropped kallsyms_relative_base and, with its patch 07/26, added tk_data; RFC v2 has another order.
"""

from __future__ import annotations

from kinfo.named import NamedTuple
from kinfo.printable import brief


class Ids(NamedTuple):
    """A symbol and the number that `enum meminspect_uid` has for it in each posting (0: it has none)."""

    symbol: str
    rfc_v2: int
    v1: int  # v2 is the same
    v3: int


_IDS = (
    Ids("ELF", 1, 1, 1),
    Ids("VMCOREINFO", 2, 2, 2),
    Ids("CONFIG", 3, 3, 3),
    Ids("_totalram_pages", 5, 4, 4),
    Ids("MEMSECT", 4, 0, 0),
    Ids("__cpu_possible_mask", 6, 5, 5),
    Ids("__cpu_present_mask", 7, 6, 6),
    Ids("__cpu_online_mask", 8, 7, 7),
    Ids("__cpu_active_mask", 9, 8, 8),
    Ids("mem_section", 16, 9, 9),
    Ids("jiffies_64", 10, 10, 10),
    Ids("linux_banner", 11, 11, 11),
    Ids("nr_threads", 12, 12, 12),
    Ids("total_nr_irqs", 0, 0, 13),
    Ids("nr_irqs", 13, 13, 0),
    Ids("tainted_mask", 14, 14, 14),
    Ids("taint_flags", 15, 15, 15),
    Ids("node_states", 18, 16, 16),
    Ids("__per_cpu_offset", 19, 17, 17),
    Ids("node_data", 17, 0, 0),
    Ids("nr_swapfiles", 20, 18, 18),
    Ids("init_uts_ns", 21, 19, 19),
    Ids("printk_rb_static", 22, 20, 20),
    Ids("printk_rb_dynamic", 23, 21, 21),
    Ids("prb", 24, 22, 22),
    Ids("prb_descs", 25, 23, 23),
    Ids("prb_infos", 26, 24, 24),
    Ids("prb_data", 27, 25, 25),
    Ids("clear_seq", 0, 0, 26),
    Ids("high_memory", 29, 26, 27),
    Ids("init_mm", 30, 27, 28),
    Ids("init_mm_pgd", 31, 28, 0),
    Ids("runqueues", 28, 0, 0),
    Ids("_sinittext", 32, 29, 29),
    Ids("_einittext", 33, 30, 30),
    Ids("_end", 34, 31, 31),
    Ids("_text", 35, 32, 32),
    Ids("_stext", 36, 33, 33),
    Ids("_etext", 37, 34, 34),
    Ids("kallsyms_num_syms", 38, 35, 35),
    Ids("kallsyms_offsets", 40, 37, 36),
    Ids("kallsyms_relative_base", 39, 36, 0),
    Ids("kallsyms_names", 41, 38, 37),
    Ids("kallsyms_token_table", 42, 39, 38),
    Ids("kallsyms_token_index", 43, 40, 39),
    Ids("kallsyms_markers", 44, 41, 40),
    Ids("kallsyms_seqs_of_names", 45, 42, 41),
    Ids("swapper_pg_dir", 46, 43, 42),
    Ids("tk_data", 0, 0, 43),
    Ids("init_uts_ns_name", 47, 0, 0),
)


class RegionName(NamedTuple):
    """What the minidump driver's own string table has for an id: K and the first 8 letters make the region's name."""

    id: int
    v1: str  # RFC v2 and v2 are the same
    v3: str


_LABELS = (
    RegionName(1, "ELF", "ELF"),
    RegionName(2, "vmcoreinfo", "vmcoreinfo"),
    RegionName(3, "config", "config"),
    RegionName(4, "totalram", "totalram"),
    RegionName(5, "cpu_possible", "cpu_possible"),
    RegionName(6, "cpu_present", "cpu_present"),
    RegionName(7, "cpu_online", "cpu_online"),
    RegionName(8, "cpu_active", "cpu_active"),
    RegionName(9, "mem_section", "mem_section"),
    RegionName(10, "jiffies", "jiffies"),
    RegionName(11, "linux_banner", "linux_banner"),
    RegionName(12, "nr_threads", "nr_threads"),
    RegionName(13, "nr_irqs", "nr_irqs"),
    RegionName(14, "tainted_mask", "tainted_mask"),
    RegionName(15, "taint_flags", "taint_flags"),
    RegionName(16, "node_states", "node_states"),
    RegionName(17, "__per_cpu_offset", "__per_cpu_offset"),
    RegionName(18, "nr_swapfiles", "nr_swapfiles"),
    RegionName(19, "init_uts_ns", "init_uts_ns"),
    RegionName(20, "printk_rb_static", "printk_rb_static"),
    RegionName(21, "printk_rb_dynamic", "printk_rb_dynamic"),
    RegionName(22, "prb", "prb"),
    RegionName(23, "prb_descs", "prb_descs"),
    RegionName(24, "prb_infos", "prb_infos"),
    RegionName(25, "prb_data", "prb_data"),
    RegionName(26, "high_memory", "clear_seq"),
    RegionName(27, "init_mm", "high_memory"),
    RegionName(28, "init_mm_pgd", "init_mm"),
    RegionName(29, "", "tk_data"),  # tk_data is id 43: md_Ktk_data29.BIN holds 8 bytes of _sinittext
)


def _symbols(numbers: dict[int, str]) -> tuple[str, ...]:
    """The symbols by id, from 0 on, which no posting uses."""
    return tuple(numbers.get(number, "") for number in range(max(numbers) + 1))


_RFC = _symbols({one.rfc_v2: one.symbol for one in _IDS if one.rfc_v2})
_V1 = _symbols({one.v1: one.symbol for one in _IDS if one.v1})
_V3 = _symbols({one.v3: one.symbol for one in _IDS if one.v3})
_STRINGS_V1 = _symbols({one.id: one.v1 for one in _LABELS if one.v1})
_STRINGS_V3 = _symbols({one.id: one.v3 for one in _LABELS if one.v3})


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
