"""The kallsyms tables: inside the image, in the order of that kernel, and as far apart as num_syms says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from operator import gt, le

from kinfo.examine import symbol_rules
from kinfo.examine.check import distances
from kinfo.examine.check.image import has_address_table, image_range
from kinfo.findings import Finding, Severity
from kinfo.record import kernels
from kinfo.record.limits import TABLE_STEMS
from kinfo.record.record import Record
from kinfo.writer_rows import android


def check(record: Record) -> Iterator[Finding]:
    """All of this module."""
    image, has_addresses = image_range(record), has_address_table(record)
    there = _tables(record, has_addresses=has_addresses)
    if image:
        yield from _inside_image(there, image)
        yield from _in_rodata(record, there, image)
    yield from _labels(record, there)
    yield from _order(record, dict(there), has_addresses=has_addresses)
    yield from distances.check(record)
    if image and not has_addresses:
        yield from _addresses(record, image)
    if _is_place_relative(record):
        yield symbol_rules.SYMBOLS_PLACE_RELATIVE.at("_offsets_pa", "there is no relative base behind the offsets")


Image = tuple[int, int]
Tables = list[tuple[str, int]]


def _tables(record: Record, *, has_addresses: bool) -> Tables:
    """The tables that the record points at."""
    stems = ("addresses", *TABLE_STEMS[1:]) if has_addresses else TABLE_STEMS
    return [(f"_{stem}_{record.suffix}", value) for stem in stems if (value := record.pointer(stem))]


def _inside_image(there: Tables, image: Image) -> Iterator[Finding]:
    for name, value in there:
        if not image[0] <= value < image[1]:
            yield symbol_rules.SYMBOLS_OUTSIDE_IMAGE.at(name, f"{value:#x} is outside {image[0]:#x} - {image[1]:#x}")


def _in_rodata(record: Record, there: Tables, image: Image) -> Iterator[Finding]:
    """Read-only data lies between text and init text, on arm64, x86 and arm; a border that cuts off most is wrong."""
    inside = [(name, value) for name, value in there if image[0] <= value < image[1]]
    etext, init = (f"_{name}_{record.suffix}" for name in ("etext", "sinittext"))
    for border, is_beyond, relation in ((etext, gt, "above"), (init, le, "below")):
        edge = record.number(border)
        beyond = [(name, value) for name, value in inside if edge and is_beyond(edge, value)]
        if edge and len(beyond) > len(inside) // 2:
            yield symbol_rules.SYMBOLS_ORDER.at(border, f"{edge:#x} lies {relation} {len(beyond)} of the kallsyms tables")
        else:
            for name, value in beyond:
                yield symbol_rules.SYMBOLS_OUTSIDE_IMAGE.at(name, f"{value:#x} is not between {etext} and {init} {edge:#x}")


def _labels(record: Record, there: Tables) -> Iterator[Finding]:
    """ALGN of scripts/kallsyms.c: a pointer's size until 6.19, 4 from 7.0."""
    old = record.release is not None and record.release.version < kernels.PLACE_RELATIVE
    step = 8 if old and record.number("bit_per_long") == 64 else 4
    for name, value in there:
        if value % step:
            yield symbol_rules.SYMBOLS_ALIGNMENT.at(name, f"{value:#x} is not a multiple of {step}")


def _order(record: Record, places: Mapping[str, int], *, has_addresses: bool) -> Iterator[Finding]:
    names = kernels.order_of(record.release.version if record.release else None, _earliest(record))
    wanted = [name.replace("_pa", f"_{record.suffix}") for name in names]
    if has_addresses:
        wanted = [name.replace("_offsets_", "_addresses_") for name in wanted]
    there = [(name, places[name]) for name in wanted if name in places]
    for (low, low_value), (high, high_value) in pairwise(there):
        if low_value >= high_value:
            yield symbol_rules.SYMBOLS_TABLE_ORDER.at(low, f"{low_value:#x} should lie below {high} {high_value:#x}")


def _earliest(record: Record) -> kernels.Version | None:
    return record.layout.kernels.possible[0] if record.layout else None


def _addresses(record: Record, image: Image) -> Iterator[Finding]:
    address = record.number("_addresses_pa")
    if not address:
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
        known = record.layout is not None and android.MAY_STORE_ALL.has(record.layout.alias) and address % 4096 == 0
        words = f"{address:#x} is no place of a table"
        yield symbol_rules.SYMBOLS_ADDRESSES_GARBAGE.at("_addresses_pa", words, None if known else Severity.WARNING)


def _is_place_relative(record: Record) -> bool:
    offsets, seqs, count = (record.number(name) for name in ("_offsets_pa", "_seqs_of_names_pa", "num_syms"))
    if not offsets:
        return False
    if seqs and count and seqs - offsets == 4 * count:
        return True
    return record.release is not None and record.release.version >= kernels.PLACE_RELATIVE and not seqs
