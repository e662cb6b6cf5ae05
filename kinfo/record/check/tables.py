"""The kallsyms tables: inside the image, in the order of that kernel, and as far apart as num_syms says."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from kinfo.findings import Finding
from kinfo.record import kernels, symbol_rules
from kinfo.record.check.image import has_address_table, image_range
from kinfo.record.limits import TABLES
from kinfo.record.record import Record

_TOKEN_INDEX_SIZE = 512


def check(record: Record) -> Iterator[Finding]:
    """All of this module."""
    yield from _inside_image(record)
    yield from _order(record)
    yield from _distances(record)
    yield from _addresses(record)
    if _is_place_relative(record):
        yield symbol_rules.SYMBOLS_PLACE_RELATIVE.at("_offsets_pa", "there is no relative base behind the offsets")


def _inside_image(record: Record) -> Iterator[Finding]:
    image = image_range(record)
    if image is None or record.suffix == "va":
        return
    for name in (*TABLES, "_seqs_of_names_pa"):
        value = record.number(name)
        if name == "_offsets_pa" and has_address_table(record):
            continue
        if value and not image[0] <= value < image[1]:
            yield symbol_rules.SYMBOLS_OUTSIDE_IMAGE.at(name, f"{value:#x} is outside {image[0]:#x} - {image[1]:#x}")


def _order(record: Record) -> Iterator[Finding]:
    if not record.release or has_address_table(record):
        return
    there = [(name, value) for name in kernels.table_order(record.release.version) if (value := record.number(name))]
    for (low, low_value), (high, high_value) in pairwise(there):
        if low_value >= high_value:
            yield symbol_rules.SYMBOLS_TABLE_ORDER.at(low, f"{low_value:#x} should lie below {high} {high_value:#x}")


def _align(size: int, to: int) -> int:
    return -(-size // to) * to


def _distances(record: Record) -> Iterator[Finding]:
    """What lies between neighbouring tables has a size that num_syms gives; backports make several right."""
    count, bits = record.number("num_syms"), record.number("bit_per_long")
    if not record.release or has_address_table(record) or not count or bits not in (32, 64):
        return
    pointer = bits // 8
    marker = pointer if record.release.version < (4, 20) else 4
    label = 4 if record.release.version >= kernels.PLACE_RELATIVE else pointer
    markers = _align(marker * -(-count // 256), label)
    offsets, seqs = 4 * count, 3 * count
    if record.release.version < kernels.NEW_TABLE_ORDER:
        to_names = _align(offsets, pointer) + 2 * pointer  # relative_base and num_syms stand between
        yield from _distance(record, "_offsets_pa", "_names_pa", {to_names})
        yield from _distance(record, "_markers_pa", "_token_table_pa", {markers, markers + _align(seqs, pointer)})
    else:
        with_base = _align(offsets, pointer) + pointer  # relative_base stands between, until 6.19
        yield from _distance(record, "_markers_pa", "_token_table_pa", {markers})
        yield from _distance(record, "_token_index_pa", "_offsets_pa", {_TOKEN_INDEX_SIZE})
        yield from _distance(record, "_offsets_pa", "_seqs_of_names_pa", {offsets, with_base})


def _distance(record: Record, low: str, high: str, allowed: set[int]) -> Iterator[Finding]:
    start, end = record.number(low), record.number(high)
    if start and end and start < end and end - start not in allowed:
        wanted = " or ".join(f"{size:#x}" for size in sorted(allowed))
        yield symbol_rules.SYMBOLS_TABLE_SIZE.at(
            high, f"{high} - {low} is {end - start:#x}, but num_syms {record.number('num_syms')} gives {wanted}"
        )


def _addresses(record: Record) -> Iterator[Finding]:
    address, image = record.number("_addresses_pa"), image_range(record)
    if not address or image is None or has_address_table(record):
        return
    is_inside = image[0] <= address < image[1]
    if not record.number("_offsets_pa"):
        if not is_inside:
            yield symbol_rules.SYMBOLS_OUTSIDE_IMAGE.at(
                "_addresses_pa", f"{address:#x} is outside {image[0]:#x} - {image[1]:#x}"
            )
    elif is_inside and address >= (record.number("_etext_pa") or 0):
        yield symbol_rules.SYMBOLS_ADDRESSES_SEQS.at("_addresses_pa", f"{address:#x} lies among the tables")
    else:
        yield symbol_rules.SYMBOLS_ADDRESSES_GARBAGE.at("_addresses_pa", f"{address:#x} is no place of a table")


def _is_place_relative(record: Record) -> bool:
    offsets, seqs, count = (record.number(name) for name in ("_offsets_pa", "_seqs_of_names_pa", "num_syms"))
    if not offsets:
        return False
    if seqs and count and seqs - offsets == 4 * count:
        return True
    return record.release is not None and record.release.version >= kernels.PLACE_RELATIVE and not seqs
