"""Where struct module keeps things, the range modules live in, and the virtual address space."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from kinfo.arch import arm64
from kinfo.arch.address import KERNEL_HALF, PA_LIMIT, SPACE, signed
from kinfo.examine import rules
from kinfo.findings import Finding
from kinfo.record.limits import MODULE_STRUCT_LIMIT
from kinfo.record.record import Record

_OFFSETS = ("mod_core_layout_offset", "mod_init_layout_offset", "mod_mem_offset", "mod_kallsyms_offset")

# MODULES_VSIZE of arm64: 64 MiB once, 128 MiB, 2 GiB from 6.5; x86-64: with and without KASLR
_RANGES = (64 << 20, 128 << 20, 2 << 30, 0x3F000000, 0x5F000000)


def check(record: Record) -> Iterator[Finding]:
    """All of this module."""
    lookup = record.number("enabled_modules_tree_lookup")
    if lookup is not None and lookup > 1:
        yield rules.RECORD_TREE_LOOKUP.at("enabled_modules_tree_lookup", f"it is {lookup}")
    yield from _offsets(record, bool(lookup))
    yield from _range(record)
    yield from _va_space(record)
    yield from _reserved(record)


def _offsets(record: Record, lookup: bool) -> Iterator[Finding]:
    there = [(name, value) for name in _OFFSETS if (value := record.number(name)) is not None]
    if lookup and there and not any(value for _, value in there):
        yield rules.RECORD_MODULE_OFFSETS.at(there[0][0], "modules have a tree, but every offset is 0")
    if not any(value for _, value in there):
        return  # built without CONFIG_MODULES, or written before the offsets
    pointer = 8 if record.number("bit_per_long") == 64 else 4
    for name, value in there:
        if value == 0:
            yield rules.RECORD_MODULE_OFFSETS.at(name, "it is 0 while others are not")
        elif value >= MODULE_STRUCT_LIMIT or value % pointer:
            yield rules.RECORD_MODULE_OFFSETS.at(name, f"{value:#x} is no place of a pointer in struct module")
    values = [value for _, value in there]
    if any(low >= high for low, high in pairwise(values)):
        yield rules.RECORD_MODULE_OFFSETS.at(there[0][0], f"they do not rise: {', '.join(f'{v:#x}' for v in values)}")


def _range(record: Record) -> Iterator[Finding]:
    start, end = record.number("module_start_va"), record.number("module_end_va")
    if start is None or end is None or not (start or end):
        return
    is_wide = record.number("bit_per_long") == 64
    if start >= end or (is_wide and start < KERNEL_HALF):
        yield rules.RECORD_MODULE_RANGE.at("module_start_va", f"{start:#x} - {end:#x}")
        return
    for name in ("module_start_va", "module_end_va", "module_plt_start_va"):
        value = record.number(name)
        if value and value % 4096:
            yield rules.RECORD_MODULE_RANGE.at(name, f"{value:#x} is not a multiple of 4096")
    if is_wide and record.number("mod_kallsyms_offset") and end - start not in _RANGES:
        yield rules.RECORD_MODULE_RANGE.at(
            "module_end_va", f"{end - start:#x} from module_start_va {start:#x}: no MODULES_VSIZE"
        )
    plt = record.number("module_plt_start_va")
    if plt and is_wide and abs(plt - start) >= 1 << 31:
        yield rules.RECORD_MODULE_RANGE.at(
            "module_plt_start_va", f"{plt:#x} is 2 GiB or more from module_start_va {start:#x}"
        )


def _va_space(record: Record) -> Iterator[Finding]:
    bits, page_offset = record.number("va_bits"), record.number("page_offset")
    if bits is None or page_offset is None:
        return
    if not 36 <= bits <= 57:
        yield rules.RECORD_VA_SPACE.at("va_bits", f"it is {bits}")
        bits = 0  # nothing can be worked out from it
    if page_offset < KERNEL_HALF:
        yield rules.RECORD_VA_SPACE.at("page_offset", f"{page_offset:#x} is not in the kernel's half")
    elif bits and -page_offset % SPACE not in _linear_sizes(bits):
        yield rules.RECORD_VA_SPACE.at("page_offset", f"{page_offset:#x} is no linear map's start with {bits} VA bits")
    end = record.number("page_end")
    if end is not None and end <= page_offset:
        yield rules.RECORD_VA_SPACE.at("page_end", f"{end:#x} is not above page_offset {page_offset:#x}")
    elif bits and end is not None and -end % SPACE not in (1 << (bits - 1), 1 << 47, 1 << 46):
        yield rules.RECORD_VA_SPACE.at("page_end", f"{end:#x} is no linear map's end with {bits} VA bits")
    yield from _translation(record)


def _linear_sizes(bits: int) -> tuple[int, ...]:
    """How far PAGE_OFFSET can lie below 2^64: all VA bits from 5.4 on, one less before; 52-bit kernels on 48-bit CPUs."""
    return 1 << bits, 1 << (bits - 1), 1 << 48, 1 << 47


def _translation(record: Record) -> Iterator[Finding]:
    """phys_offset is a multiple of ARM64_MEMSTART_ALIGN and below the image; VA and PA of the image agree modulo 2 MiB."""
    phys, voffset = record.number("phys_offset") or 0, record.number("kimage_voffset") or 0
    start = record.number("_stext_pa") or ((record.number("_stext_va") or 0) - voffset if record.number("_stext_va") else 0)
    if phys % arm64.MEMSTART_ALIGN_LEAST or (start > 0 and signed(phys) > start):
        yield rules.RECORD_VA_SPACE.at(
            "phys_offset",
            f"{phys:#x} is no start of RAM for an image at {start:#x}"
            if start > 0
            else f"{phys:#x} is not a multiple of {arm64.MEMSTART_ALIGN_LEAST:#x}",
        )
    if voffset % arm64.BLOCK or (voffset and voffset < KERNEL_HALF):
        yield rules.RECORD_VA_SPACE.at("kimage_voffset", f"{voffset:#x} is no difference of a kernel's VA and PA")
    elif record.suffix == "va" and not 0 < start < PA_LIMIT:
        yield rules.RECORD_VA_SPACE.at("kimage_voffset", f"{voffset:#x} gives no physical address for _stext_va")


def _reserved(record: Record) -> Iterator[Finding]:
    if reserved := record.number("_reserved"):
        yield rules.RECORD_RESERVED.at("_reserved", f"it is {reserved:#x}")
    words = record.values.get("reserved_data")
    if isinstance(words, tuple) and any(words):
        yield rules.RECORD_RESERVED.at("reserved_data", f"{sum(map(bool, words))} of {len(words)} words are set")
