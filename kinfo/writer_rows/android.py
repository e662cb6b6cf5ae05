"""What the releases of Android's debug_kinfo.c do otherwise than the rest, by the alias of the layout that each writes."""

from __future__ import annotations

from kinfo.named import NamedTuple


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
