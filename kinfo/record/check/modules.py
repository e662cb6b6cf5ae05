"""Where struct module keeps things, the range modules live in, and the virtual address space."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.findings import Finding
from kinfo.record import rules
from kinfo.record.limits import MODULE_STRUCT_LIMIT
from kinfo.record.record import Record

_OFFSETS = ("mod_core_layout_offset", "mod_init_layout_offset", "mod_mem_offset", "mod_kallsyms_offset")


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
    if values != sorted(set(values)):
        yield rules.RECORD_MODULE_OFFSETS.at(there[0][0], f"they do not rise: {', '.join(f'{v:#x}' for v in values)}")


def _range(record: Record) -> Iterator[Finding]:
    start, end = record.number("module_start_va"), record.number("module_end_va")
    if start is None or end is None or not (start or end):
        return
    is_kernel = record.number("bit_per_long") != 64 or start >= 1 << 63
    if start >= end or not is_kernel:
        yield rules.RECORD_MODULE_RANGE.at("module_start_va", f"{start:#x} - {end:#x}")
    elif start % 4096:
        yield rules.RECORD_MODULE_RANGE.at("module_start_va", f"{start:#x} is not a multiple of 4096")


def _va_space(record: Record) -> Iterator[Finding]:
    bits, page_offset = record.number("va_bits"), record.number("page_offset")
    if bits is None or page_offset is None:
        return
    if not 36 <= bits <= 57:
        yield rules.RECORD_VA_SPACE.at("va_bits", f"it is {bits}")
    if page_offset < 1 << 63:
        yield rules.RECORD_VA_SPACE.at("page_offset", f"{page_offset:#x} is not in the kernel's half")
    end = record.number("page_end")
    if end is not None and end <= page_offset:
        yield rules.RECORD_VA_SPACE.at("page_end", f"{end:#x} is not above page_offset {page_offset:#x}")


def _reserved(record: Record) -> Iterator[Finding]:
    if reserved := record.number("_reserved"):
        yield rules.RECORD_RESERVED.at("_reserved", f"it is {reserved:#x}")
    words = record.values.get("reserved_data")
    if isinstance(words, tuple) and any(words):
        yield rules.RECORD_RESERVED.at("reserved_data", f"{sum(map(bool, words))} of {len(words)} words are set")
