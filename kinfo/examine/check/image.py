"""The image's borders, its base and its page table."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from kinfo.arch import arm
from kinfo.arch.address import KERNEL_HALF, PA_LIMIT
from kinfo.examine import rules, symbol_rules
from kinfo.examine.check import borders
from kinfo.findings import Finding, Severity
from kinfo.record import kernels
from kinfo.record.limits import SWAPPER_GAP, TEXT_GAP
from kinfo.record.record import Record

_ORDER = ("text", "stext", "etext", "sinittext", "einittext", "end")
_EMPTY_IF_EQUAL = {("stext", "etext"), ("sinittext", "einittext")}


def image_range(record: Record) -> tuple[int, int] | None:
    """Start and end of the kernel image (PA, or VA in Z0), as far as the record's borders make sense."""
    start, end = record.pointer("stext"), record.pointer("end")
    if not start or not end or start >= end:
        return None
    bases = [record.pointer(name) or start for name in ("text", "relative")]
    return min(base if 0 <= start - base < TEXT_GAP else start for base in bases), end


def has_address_table(record: Record) -> bool:
    """Whether kallsyms holds absolute addresses: base and offsets are then 0, or the early driver's virt_to_phys(0)."""
    address = record.number("_addresses_pa")
    if not address or record.number("enabled_base_relative") or (image := image_range(record)) is None:
        return False
    base, offsets = record.number("_relative_pa"), record.number("_offsets_pa")
    return image[0] <= address < image[1] and base == offsets


def check(record: Record) -> Iterator[Finding]:
    """All of this module."""
    if record.suffix == "va":
        yield from _virtual(record)
        return
    yield from _range(record)
    yield from _order(record)
    yield from borders.check(record)
    yield from _base(record)
    yield from _page_table(record)
    yield from _own_place(record)


def _pointers(record: Record, suffix: str) -> Iterator[tuple[str, int]]:
    for name in record.values:
        if name.endswith(suffix) and (value := record.number(name)):
            yield name, value


def _virtual(record: Record) -> Iterator[Finding]:
    for name, value in _pointers(record, "_va"):
        if record.number("bit_per_long") == 64 and value < KERNEL_HALF:
            yield symbol_rules.SYMBOLS_VIRTUAL.at(name, f"{value:#x} is not in the kernel's half")
    yield from _order(record)
    yield from borders.check(record)
    base, start = record.number("_relative_va"), record.number("_stext_va")
    if base and start and not 0 <= start - base < TEXT_GAP:
        yield symbol_rules.SYMBOLS_BASE.at("_relative_va", f"{base:#x} is not at the start of the image {start:#x}")


def _range(record: Record) -> Iterator[Finding]:
    limit, bits = (arm.PA_LIMIT, 40) if record.number("bit_per_long") == 32 else (PA_LIMIT, 52)
    for name, value in _pointers(record, "_pa"):
        if value >= limit and name != "_addresses_pa":  # there: the early driver's virt_to_phys(0), see tables
            yield symbol_rules.SYMBOLS_RANGE.at(name, f"{value:#x} has more than {bits} bits")


def _order(record: Record) -> Iterator[Finding]:
    there = [(name, value) for name in _ORDER if (value := record.pointer(name))]
    for (low, low_value), (high, high_value) in pairwise(there):
        is_empty = low_value == high_value and (low, high) in _EMPTY_IF_EQUAL
        if low_value > high_value or is_empty:
            relation = f"{'equals' if is_empty else 'lies above'} _{high}_{record.suffix}"
            yield symbol_rules.SYMBOLS_ORDER.at(f"_{low}_{record.suffix}", f"{low_value:#x} {relation} {high_value:#x}")


def _base(record: Record) -> Iterator[Finding]:
    base, start = record.number("_relative_pa"), record.number("_stext_pa")
    if base is None or not start or has_address_table(record):
        return
    version = record.release.version if record.release else None
    if base == 0:
        is_absolute = bool(record.number("_addresses_pa"))
        has_base = version is not None and version < kernels.PLACE_RELATIVE and not is_absolute
        if has_base and record.number("_offsets_pa"):
            yield symbol_rules.SYMBOLS_NO_BASE.at("_relative_pa", f"it is 0 on {record.release_text}")
    elif not 0 <= start - base < TEXT_GAP:
        place = " (among the kallsyms tables)" if (record.number("_offsets_pa") or 0) < base < start + (1 << 32) else ""
        yield symbol_rules.SYMBOLS_BASE.at("_relative_pa", f"{base:#x}{place} is not at the start of the image {start:#x}")
    else:
        yield from _exact_base(record, base, start)


def _exact_base(record: Record, base: int, start: int) -> Iterator[Finding]:
    """The base is the table's first symbol: `_text`, or `_stext` where the table has text alone."""
    name = "_text_pa" if record.number("enabled_all") else "_stext_pa"
    wanted = record.number(name) if name == "_text_pa" else start
    if wanted and base != wanted:
        words = f"{base:#x} is not {name} {wanted:#x}, where enabled_all is {record.number('enabled_all')}"
        yield symbol_rules.SYMBOLS_BASE.at("_relative_pa", words)


def _page_table(record: Record) -> Iterator[Finding]:
    table, image = record.number("swapper_pg_dir_pa"), image_range(record)
    if not table:
        return
    if table % 4096:
        yield symbol_rules.SYMBOLS_PAGE_TABLE.at("swapper_pg_dir_pa", f"{table:#x} is not a multiple of 4096")
    elif image and (place := _wrong_place(record, table, image)):
        yield symbol_rules.SYMBOLS_PAGE_TABLE.at("swapper_pg_dir_pa", f"{table:#x} lies {place}", Severity.WARNING)


def _wrong_place(record: Record, table: int, image: tuple[int, int]) -> str:
    """Where no linker script puts swapper_pg_dir, in words; empty where it may lie so."""
    if record.number("bit_per_long") != 64:
        text = record.number("_text_pa")  # 32-bit arm: TEXT_OFFSET leaves room for it (0x4000, 0x5000 with LPAE)
        is_odd = text and not image[0] <= table < image[1] and text - table not in (0x4000, 0x5000)
        return f"neither in the image nor 0x4000 or 0x5000 below _text_pa {text:#x}" if is_odd else ""
    if not image[0] <= table < image[1]:
        return f"outside the image {image[0]:#x} - {image[1]:#x}"
    etext, init, end = (record.number(name) for name in ("_etext_pa", "_sinittext_pa", "_einittext_pa"))
    if (etext and table < etext) or (init and end and init <= table < end):
        return "inside the text or the init text"
    is_new = record.release is not None and record.release.version >= (5, 10)
    if init and is_new and borders.is_arm64(record) and not init - SWAPPER_GAP <= table < init:
        return f"not in the {SWAPPER_GAP >> 10} KiB before _sinittext_pa {init:#x}, where arm64 has it from 5.10 on"
    return ""


def _own_place(record: Record) -> Iterator[Finding]:
    image = image_range(record)
    if record.address is not None and image and image[0] <= record.address < image[1]:
        yield rules.RECORD_IN_IMAGE.at("record", f"{record.address:#x} is inside {image[0]:#x} - {image[1]:#x}")
