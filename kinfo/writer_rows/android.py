"""What the releases of Android's debug_kinfo.c do otherwise than the rest, by the alias of the layout that each writes."""

from __future__ import annotations

from typing import NamedTuple

from kinfo.writer_rows.rows import ANDROID, ROWS


class Trait(NamedTuple):
    """The layouts whose drivers have it, what it is, and where that was read."""

    layouts: tuple[str, ...]
    text: str
    source: str

    def has(self, alias: str) -> bool:
        """Whether the driver of this layout has it."""
        return alias in self.layouts


STORES_ALL = Trait(
    ("A0", "A1n"),
    "stores _addresses_pa, _relative_pa and _offsets_pa whatever CONFIG_KALLSYMS_BASE_RELATIVE is, by virt_to_phys: what the "
    "kernel does not have is virt_to_phys(0), -kimage_voffset, another number in every boot",
    "debug_kinfo.c of BayLibre's staging copy (da582120), and of the t25ons mt6785 tree",
)
MAY_STORE_ALL = Trait(
    (*STORES_ALL.layouts, "A1"),
    "a place of no table in _addresses_pa is this driver's, or can be: of A1 several copies are about, and not all were seen",
    STORES_ALL.source,
)
LEAVES_BASE_FLAG = Trait(
    ("C", "CR"),
    "does not assign enabled_base_relative, so that it is 0",
    "debug_kinfo.c of kernel_common since 6.11, and of the realme GT8pro's 6.12 tree",
)
FOLLOWS_CFI = Trait(
    ("C", "CR"),
    "stores CONFIG_CFI, as the option is called from 6.18 on, in enabled_cfi_clang",
    "debug_kinfo.c of kernel_common; the postings kept the old name",
)
GUARDS_MODULES = Trait(
    ("A1n", "A2", "A6"),
    "all about modules is under #ifdef CONFIG_MODULES in some trees: zeros where it is off",
    "debug_kinfo.c of gs201, zumapro and sm8735; of mt6785",
)
GUARDS_NAME_LEN = Trait(
    ("A2", "A6"), "module_name_len is under the same #ifdef", "debug_kinfo.c of gs201, zumapro and sm8735"
)
FAULTS_LATER = Trait(
    ("A0", "A1", "A1n", "A2"),
    "build_info_set() calls vunmap() on every exit: a second write to the parameter faults",
    "debug_kinfo.c until 6.1",
)

# Which layouts were met most in the trees that were looked through: a rank, no count of devices. 5.10 to 6.1 device trees
# have A2, those of 6.6 A6, kernel_common since 6.11 C. It decides only where the bytes say nothing.
PREVALENCE = {"A2": 3, "A6": 2, "C": 1}

# Who writes a layout, in words, where there is more to say than the labels of its rows.
_IN_WORDS: dict[str, tuple[str, ...]] = {
    "Z0": ("Google kdebuginfo, a device_initcall that ioremaps the node's first resource",),
    "A0": (ANDROID + " of 2020 (uses virt_to_phys on image symbols; _addresses_pa may be garbage)",),
    "A1": (ANDROID + " in drivers/staging/android, 2021",),
    "A1n": (ANDROID + " with the module offsets under #ifdef CONFIG_MODULES",),
    "A2": (ANDROID + " of 5.10 to 6.1 device trees",),
    "A3": (ANDROID + " in kernel_common's staging tree",),
    "A4": (ANDROID + " in BayLibre's staging copy (its .c was not seen)",),
    "A5": (ANDROID + " between the removal of core_layout and mod_mem_offset",),
    "A6": (ANDROID + " of 6.6 device trees", "Samsung's copy (puts kallsyms_seqs_of_names in _addresses_pa)"),
    "A6v2": (ANDROID + " with the v2 compatible",),
    "B": (ANDROID + " in kernel_common",),
    "C": (
        ANDROID + " in kernel_common",
        "kmemdump RFC v2 and v3 (posted 2025)",
        "meminspect v1 (posted 2025-11) and v2 (posted 2026-03)",
    ),
    "CR": (ANDROID + ' whose header says "Start from 6.19" (its .c was not seen)',),
    "D": ("meminspect v3 (never stores _relative_pa)",),
    "V4": ("Pixel vendor module debug-snapshot-debug-kinfo",),
}


def written_by(alias: str) -> tuple[str, ...]:
    """Who writes a layout, for a reader."""
    return _IN_WORDS.get(alias) or tuple(row.label for row in ROWS if alias in row.layouts)
