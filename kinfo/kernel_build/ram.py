"""Facts out of a RAM dump with a record: from the memory where it has them, else from the record."""

from __future__ import annotations

import re

from kinfo.arch import machines
from kinfo.arch.address import MASK
from kinfo.errors import KernelError
from kinfo.kernel import variables
from kinfo.kernel.boot import banner, config, slide
from kinfo.kernel.boot.linear_map import linear_map
from kinfo.kernel.boot.vmcoreinfo import vmcoreinfo
from kinfo.kernel.kallsyms.addresses import Absolute
from kinfo.kernel.kernel import Kernel
from kinfo.kernel_build import constants, symbols
from kinfo.kernel_build.core import tell_vmcoreinfo
from kinfo.kernel_build.model import Told
from kinfo.kernel_build.names import OPTIONS, SYMBOLS
from kinfo.memory.vmcoreinfo import value
from kinfo.record.kernels import CFI_RENAMED, NO_BASE_CHOICE, Version
from kinfo.record.record import Record
from kinfo.writer_rows.android import FOLLOWS_CFI

_RELEASE = re.compile(r"Linux version (\S+) ")

# Fields of the record that hold a fact as it is. Those that some writers leave 0 count only where they are not.
_FIELDS = {
    "num_syms": "num_syms",
    "name_len": "KSYM_NAME_LEN",
    "bit_per_long": "BITS_PER_LONG",
    "module_name_len": "MODULE_NAME_LEN",
    "symbol_len": "KSYM_SYMBOL_LEN",
    "thread_size": "THREAD_SIZE",
    "mod_core_layout_offset": "module.core_layout",
    "mod_init_layout_offset": "module.init_layout",
    "mod_mem_offset": "module.mem",
    "mod_kallsyms_offset": "module.kallsyms",
    "mod_scmversion_offset": "module.scmversion",
    "module_start_va": "module_start_va",
    "module_end_va": "module_end_va",
    "module_plt_start_va": "module_plt_start_va",
    "page_end": "PAGE_END",
    "page_offset": "PAGE_OFFSET",
    "va_bits": "VA_BITS",
}
_FLAGS = {
    "enabled_all": "CONFIG_KALLSYMS_ALL",
    "enabled_absolute_percpu": "CONFIG_KALLSYMS_ABSOLUTE_PERCPU",
    "enabled_modules_tree_lookup": "CONFIG_MODULES_TREE_LOOKUP",
}
_BORDERS = ("text", "stext", "etext", "sinittext", "einittext", "end")
_TABLES = ("offsets", "names", "token_table", "token_index", "markers", "seqs_of_names")


def tell(kernel: Kernel) -> Told:
    """What a running kernel's memory says. Addresses are run-time VAs; PAs where the dump has no page table."""
    told = Told(kernel.memory.name, is_running=True)
    voffset = kernel.space.voffset if kernel.space else 0
    _tell_symbols(told, kernel, voffset)
    _tell_boot(told, kernel)
    _tell_config(told, kernel)
    _tell_types(told, kernel)
    if kernel.pointers.record:
        _tell_record(told, kernel.pointers.record)
    _tell_pointers(told, kernel, voffset)
    return told


def _tell_symbols(told: Told, kernel: Kernel, voffset: int) -> None:
    found: dict[str, int] = {}
    for first, names, pas in kernel.kallsyms.blocks():
        for index, (name, pa) in enumerate(zip(names, pas, strict=True), first):
            if name[1:] in SYMBOLS and index >= kernel.kallsyms.absolute:
                found.setdefault(name[1:], pa + voffset & MASK)
    symbols.tell(told, found, "kallsyms")
    text = kernel.pointers.pa("text") or slide.image_start(kernel)
    told.add("text_pa", text, "where it runs")
    told.add("_text", text and text + voffset & MASK, "_stext, and the size of the image's head", is_fallback=True)
    told.add("kimage_voffset", voffset or None, "page table")


def _tell_boot(told: Told, kernel: Kernel) -> None:
    told.add("arch", machines.BUILDS.get(kernel.memory.machine or 0), "header of the core")
    found = _RELEASE.match(banner.banner(kernel))
    told.add("release", found[1] if found else None, "linux_banner")
    info = vmcoreinfo(kernel)
    tell_vmcoreinfo(told, info)
    linear = linear_map(kernel)
    told.add("PHYS_OFFSET", linear.phys_offset, linear.evidence, is_fallback=True)
    start, end = value(info, "NUMBER(MODULES_VADDR)"), value(info, "NUMBER(MODULES_END)")
    # KASLR moves modules by module_alloc_base, which no symbol leads to without KALLSYMS_ALL: then their place is not known
    if start is not None and end is not None and kernel.kallsyms.has_data:
        chosen = variables.number(kernel, "module_alloc_base")
        how = "module_alloc_base, and VMCOREINFO" if chosen else "VMCOREINFO: MODULES_VADDR, MODULES_END"
        told.add("module_start_va", chosen or start, how, is_fallback=True)
        told.add("module_end_va", (chosen or start) + end - start, how, is_fallback=True)


def _tell_config(told: Told, kernel: Kernel) -> None:
    options = config.config(kernel)
    if options:
        told.config = options
        for name in OPTIONS:
            told.add(name, int(options.get(name) == "y"), "configuration in it")


def _tell_types(told: Told, kernel: Kernel) -> None:
    try:
        constants.tell_more(told, kernel.types.find, "BTF")
    except KernelError:
        return  # the record says what it needs of them


def _tell_record(told: Told, record: Record) -> None:
    for field, name in _FIELDS.items():
        told.add(name, record.number(field) or None, f"record: {field}", is_fallback=True)
    for field, name in _FLAGS.items():
        told.add(name, record.number(field), f"record: {field}", is_fallback=True)
    _tell_cfi(told, record, record.release.version if record.release else None)
    told.add("release", record.release_text or None, "record: last_uts_release", is_fallback=True)


def _tell_pointers(told: Told, kernel: Kernel, voffset: int) -> None:
    """Where the tables are, by the record or what else said it."""
    pointers, version = kernel.pointers, kernel.pointers.version
    source = "record" if pointers.record else pointers.source
    if version is not None and version < NO_BASE_CHOICE:
        is_relative = kernel.kallsyms.encoding.addresses.form != Absolute.form
        told.add("CONFIG_KALLSYMS_BASE_RELATIVE", int(is_relative), "the form of kallsyms in memory", is_fallback=True)
    for name in (*_BORDERS, *_TABLES):
        symbol = f"_{name}" if name in _BORDERS else f"kallsyms_{name}"
        pa = pointers.pa(name)
        told.add(symbol, pa + voffset & MASK if pa else None, f"{source}: {pointers.field(name)}", is_fallback=True)
    table = pointers.page_table
    told.add("swapper_pg_dir", table + voffset if table else None, f"{source}: swapper_pg_dir_pa", is_fallback=True)
    base = pointers.pa("relative")
    told.add("relative_base", base + voffset & MASK if base else None, f"{source}: its base", is_fallback=True)


def _tell_cfi(told: Told, record: Record, version: Version | None) -> None:
    """The option that enabled_cfi_clang holds: from 6.18 on the one of a new name, as Android's driver asks for it.

    The upstream drivers kept the old name, which is never on from then on; a 1 can be Android's only.
    """
    flag = record.number("enabled_cfi_clang")
    if version is None or version < CFI_RENAMED:
        told.add("CONFIG_CFI_CLANG", flag, "record: enabled_cfi_clang", is_fallback=True)
    elif flag or (record.layout and FOLLOWS_CFI.has(record.layout.alias)):
        told.add("CONFIG_CFI", flag, "record: enabled_cfi_clang, as Android's driver sets it", is_fallback=True)
