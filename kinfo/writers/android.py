"""Android's debug_kinfo driver, release by release, and the copies of it that differ.

From drivers/staging/android and drivers/android of the trees named with each layout, compiled and run. What the driver of a
layout leaves 0 or gets wrong is said with the field.
"""

from __future__ import annotations

from kinfo.arch.address import MASK
from kinfo.errors import FieldError
from kinfo.record.kernels import CFI_RENAMED, Version, parse_release
from kinfo.writer_rows import android
from kinfo.writers import build_info, fillings
from kinfo.writers.fillings import Facts, Filling
from kinfo.writers.model import Plan, Request

_SINCE: tuple[tuple[Version, str], ...] = (
    ((6, 19), "CR"),
    ((6, 11), "C"),
    ((6, 8), "B"),
    ((6, 6), "A6"),
    ((6, 4), "A5"),
    ((5, 10), "A2"),
    ((5, 4), "A0"),
    ((4, 14), "A1"),
)
_BASE_RELATIVE, _MODULES = "CONFIG_KALLSYMS_BASE_RELATIVE", "CONFIG_MODULES"
_BORDERS = ("stext", "etext", "sinittext", "einittext", "end")
_TABLES = ("names", "token_table", "token_index", "markers", "seqs_of_names")
_NO_MODULES = "under #ifdef CONFIG_MODULES, which is off"


def default_layout(version: Version) -> str | None:
    """The layout that Android kernels of a release had, as far as they were seen; None before 4.14."""
    return next((alias for since, alias in _SINCE if version >= since), None)


def plan(request: Request) -> Plan:
    """The driver of the layout's own release."""
    alias, facts = request.layout.alias, request.facts
    filled = _common(alias, facts) | _tables(alias, facts) | _modules(alias, facts) | _space()
    kept = build_info.stored(request.build_info)
    why = "" if request.build_info else "the parameter was never written"
    filled["build_info"] = fillings.constant(kept.data, "module parameter build_info" if request.build_info else "", why)
    notes = kept.notes
    if android.FAULTS_LATER.has(alias) and len(request.build_info) > 1:
        notes = (*notes, "in a running kernel the second build_info faults: the first one unmapped the region (vunmap)")
    return Plan(filled, notes=notes)


def samsung(request: Request) -> Plan:
    """Samsung's copy for 6.6: with base-relative kallsyms it puts kallsyms_seqs_of_names in `_addresses_pa`."""
    if request.facts.get(_BASE_RELATIVE) == 0:
        return plan(request)
    why = "Samsung's copy, with CONFIG_SEC_DEBUG built in"
    made = plan(request)
    return made._replace(fillings={**made.fillings, "_addresses_pa": fillings.pa("kallsyms_seqs_of_names", why=why)})


def gt8pro(request: Request) -> Plan:
    """The driver of the realme GT8pro's 6.12 tree: it sets neither `_text_pa` nor `_seqs_of_names_pa`."""
    left = "not assigned in the realme GT8pro's driver"
    changed = {
        "enabled_base_relative": fillings.zero(left),
        "_addresses_pa": fillings.zero(left),
        "_text_pa": fillings.zero(left),
        "_seqs_of_names_pa": fillings.zero(left),
        "_relative_pa": fillings.pa("relative_base"),
        "_offsets_pa": fillings.pa("kallsyms_offsets"),
    }
    made = plan(request)
    return made._replace(fillings={**made.fillings, **changed})


def kdebuginfo(request: Request) -> Plan:
    """Google's kdebuginfo of 2018: virtual addresses, and what a boot loader needs to translate them."""
    if request.build_info:
        raise FieldError("kdebuginfo has no build_info", "leave it out")
    facts = request.facts
    filled = {name: rule for name, rule in _common("Z0", facts).items() if not name.endswith("_pa")}
    filled |= {f"_{name}_va": fillings.va(f"_{name}") for name in _BORDERS}
    filled |= {f"_{name}_va": fillings.va(f"kallsyms_{name}") for name in _TABLES}
    unused = fillings.zero("IS_ENABLED(CONFIG_KALLSYMS_BASE_RELATIVE) decides which is set")
    is_relative = facts.get(_BASE_RELATIVE) != 0
    filled |= {
        "_addresses_va": unused if is_relative else fillings.va("kallsyms_addresses"),
        "_relative_va": fillings.va("relative_base") if is_relative else unused,
        "_offsets_va": fillings.va("kallsyms_offsets") if is_relative else unused,
    }
    return Plan(filled | _space())


def _common(alias: str, facts: Facts) -> dict[str, Filling]:
    """What every driver sets alike."""
    is_guarded = android.GUARDS_NAME_LEN.has(alias) and facts.get(_MODULES) == 0
    return {
        "enabled_all": fillings.option("CONFIG_KALLSYMS_ALL"),
        "enabled_base_relative": _base_flag(alias),
        "enabled_absolute_percpu": fillings.option("CONFIG_KALLSYMS_ABSOLUTE_PERCPU"),
        "enabled_cfi_clang": _cfi(alias, facts),
        "num_syms": fillings.number("num_syms", "kallsyms_num_syms"),
        "name_len": fillings.number("KSYM_NAME_LEN"),
        "bit_per_long": fillings.number("BITS_PER_LONG"),
        "module_name_len": fillings.zero(_NO_MODULES) if is_guarded else fillings.number("MODULE_NAME_LEN"),
        "symbol_len": fillings.number("KSYM_SYMBOL_LEN"),
        "_text_pa": fillings.pa("_text"),
        **{f"_{name}_pa": fillings.pa(f"_{name}", _translated(alias)) for name in _BORDERS},
        "thread_size": fillings.number("THREAD_SIZE"),
        "swapper_pg_dir_pa": fillings.pa("swapper_pg_dir", _translated(alias)),
        "last_uts_release": fillings.release(),
    }


def _base_flag(alias: str) -> Filling:
    if android.LEAVES_BASE_FLAG.has(alias):
        return fillings.zero("not assigned in the drivers of layout C")
    return fillings.option(_BASE_RELATIVE)


def _cfi(alias: str, facts: Facts) -> Filling:
    release = parse_release(str(facts.get("release", "")))
    if android.FOLLOWS_CFI.has(alias) and release and release.version >= CFI_RENAMED:
        return fillings.option("CONFIG_CFI", "Android's driver follows the option's new name of 6.18")
    return fillings.option("CONFIG_CFI_CLANG")


def _translated(alias: str) -> str:
    return "virt_to_phys" if android.STORES_ALL.has(alias) else "__pa_symbol"


def _tables(alias: str, facts: Facts) -> dict[str, Filling]:
    """kallsyms: which of addresses, base and offsets is set depends on the option, and on whether the driver looks at it."""
    filled = {f"_{name}_pa": fillings.pa(f"kallsyms_{name}", _translated(alias)) for name in _TABLES}
    filled["_reserved"] = fillings.zero("reserved since 6.19")
    filled["reserved_data"] = fillings.zero("reserved; summed with the rest")
    if android.STORES_ALL.has(alias):
        return filled | _unconditional(facts)
    relative, offsets = fillings.pa("relative_base"), fillings.pa("kallsyms_offsets")
    if alias in ("C", "CR"):
        return filled | {"_relative_pa": relative, "_offsets_pa": offsets}
    addresses = fillings.pa("kallsyms_addresses")
    if _BASE_RELATIVE not in facts:
        asked = Filling("", (_BASE_RELATIVE,), lambda _: 0)
        return filled | {"_addresses_pa": asked, "_relative_pa": asked, "_offsets_pa": asked}
    if facts[_BASE_RELATIVE]:
        unused = fillings.zero("set only without CONFIG_KALLSYMS_BASE_RELATIVE")
        return filled | {"_addresses_pa": unused, "_relative_pa": relative, "_offsets_pa": offsets}
    unused = fillings.zero("set only with CONFIG_KALLSYMS_BASE_RELATIVE")
    return filled | {"_addresses_pa": addresses, "_relative_pa": unused, "_offsets_pa": unused}


def _unconditional(facts: Facts) -> dict[str, Filling]:
    """The driver of 2020 sets all three. With a base there is no kallsyms_addresses: the weak symbol is at 0."""
    if facts.get(_BASE_RELATIVE) == 0:
        raise FieldError(
            "the driver of 2020 reads kallsyms_relative_base, which a kernel without CONFIG_KALLSYMS_BASE_RELATIVE has not",
            "choose another layout",
        )
    garbage = Filling(
        "virt_to_phys(kallsyms_addresses)",
        (_BASE_RELATIVE, "kimage_voffset"),
        lambda known: -fillings.number_of(known, "kimage_voffset") & MASK,
        "garbage: kallsyms_addresses is a weak symbol that is not there, so this is 0 - kimage_voffset",
    )
    return {
        "_addresses_pa": garbage,
        "_relative_pa": fillings.pa("relative_base", "virt_to_phys"),
        "_offsets_pa": fillings.pa("kallsyms_offsets", "virt_to_phys"),
    }


def _modules(alias: str, facts: Facts) -> dict[str, Filling]:
    names = ("core_layout", "init_layout", "mem", "kallsyms", "scmversion")
    if facts.get(_MODULES) == 0:
        off = fillings.zero(_NO_MODULES)
        lookup = (
            fillings.zero(_NO_MODULES)
            if android.GUARDS_NAME_LEN.has(alias)
            else fillings.option("CONFIG_MODULES_TREE_LOOKUP")
        )
        filled = {f"mod_{name}_offset": off for name in names} | {"enabled_modules_tree_lookup": lookup}
        guarded = {"module_start_va": off, "module_end_va": off} if android.GUARDS_NAME_LEN.has(alias) else {}
        return filled | _range(alias) | guarded | {"enabled_module_scmversion": fillings.option("CONFIG_MODULE_SCMVERSION")}
    offsets = {f"mod_{name}_offset": fillings.number(f"module.{name}", f"offsetof(struct module, {name})") for name in names}
    flags = {
        "enabled_modules_tree_lookup": fillings.option("CONFIG_MODULES_TREE_LOOKUP"),
        "enabled_module_scmversion": fillings.option("CONFIG_MODULE_SCMVERSION"),
    }
    return offsets | flags | _range(alias)


def _range(alias: str) -> dict[str, Filling]:
    start = "module_direct_base" if alias == "A5" else "module_alloc_base, or MODULES_VADDR without KASLR"
    return {
        "module_start_va": fillings.number("module_start_va", start),
        "module_end_va": fillings.number("module_end_va", "start + MODULES_VSIZE, or MODULES_END without KASLR"),
        "module_plt_start_va": fillings.number("module_plt_start_va", "module_plt_base"),
    }


def _space() -> dict[str, Filling]:
    return {
        "va_bits": fillings.number("VA_BITS"),
        "page_offset": fillings.number("PAGE_OFFSET"),
        "page_end": fillings.number("PAGE_END"),
        "phys_offset": fillings.number("PHYS_OFFSET"),
        "kimage_voffset": fillings.number("kimage_voffset"),
    }
