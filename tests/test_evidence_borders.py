"""Where evidence turns: the last number that speaks for a layout, and the first that speaks against it."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

import kinfo
from tests.evidence_shown import evidence_of
from tests.synthetic import make_fields

HALF = 0x8000_0000_0000_0000
PAGE_OFFSET = 0xFFFF_FF80_0000_0000


class Border(NamedTuple):
    """A record's fields on one side of a border, and the points and words that they get there."""

    alias: str
    fields: dict[str, Any]
    points: int
    text: str


def _text_at(gap: int) -> dict[str, Any]:
    return {
        "_relative_pa": 0x4001_0000 - gap,
        "_text_pa": 0x4001_0000 - gap,
        "_stext_pa": 0x4001_0000,
        "_end_pa": 0x4200_0000,
    }


BORDERS = [
    # image.py
    Border("C", {"bit_per_long": 32}, 10, "bit_per_long 32"),
    Border("C", {"bit_per_long": 63}, -30, "bit_per_long 63"),
    Border("C", {"enabled_all": 1}, 10, "bit_per_long 64"),
    Border("C", {"enabled_all": 2}, -30, "flag bytes [2,"),
    Border("C", {"name_len": 32, "symbol_len": 33}, 5, "name_len 32 and symbol_len 33"),
    Border("C", {"name_len": 31, "symbol_len": 33}, -30, "name_len 31 and"),
    Border("C", {"name_len": 1024, "symbol_len": 4096}, 5, "name_len 1024 and symbol_len 4096"),
    Border("C", {"name_len": 1025, "symbol_len": 4096}, -30, "name_len 1025 and"),
    Border("C", {"name_len": 512, "symbol_len": 4097}, -30, "name_len 512 and symbol_len 4097"),
    Border("C", {"name_len": 512, "symbol_len": 512}, -30, "name_len 512 and symbol_len 512"),
    Border("C", {"thread_size": 0x1000}, 15, "thread_size 0x1000 is a power of two"),
    Border("C", {"thread_size": 0x800}, -30, "thread_size 0x800 is no stack size"),
    Border("C", {"thread_size": 0x40000}, 15, "thread_size 0x40000 is a power of two"),
    Border("C", {"thread_size": 0x80000}, -30, "thread_size 0x80000 is no stack size"),
    Border("C", {"thread_size": 0x6000}, -30, "thread_size 0x6000 is no stack size"),
    Border("C", {"swapper_pg_dir_pa": 0x4000_1000}, 5, "swapper_pg_dir_pa 0x40001000"),
    Border("C", {"swapper_pg_dir_pa": 0x4000_1800}, -20, "swapper_pg_dir_pa 0x40001800"),
    Border("C", {"swapper_pg_dir_pa": 1 << 52}, -20, "swapper_pg_dir_pa 0x10000000000000"),
    Border("C", {"_stext_pa": 0x4000_0000, "_end_pa": 0x4000_0001}, 5, "_stext_pa 0x40000000 below _end_pa"),
    Border("C", {"_stext_pa": 1 << 52, "_end_pa": (1 << 52) + 1}, 5, "_stext_pa 0x10000000000000 below"),
    Border("C", {"_stext_pa": HALF, "_end_pa": HALF + 1}, -30, "_stext_pa 0x8000000000000000 is no physical address"),
    Border("C", _text_at(0), 10, "_relative_pa 0x40010000, _text_pa 0x40010000: base and _text at the image's start"),
    Border("C", _text_at(0x3FFFFF), 10, "_relative_pa 0x3fc10001, _text_pa 0x3fc10001: base and _text"),
    Border("C", _text_at(0x400000), -10, "_relative_pa 0x3fc10000, _text_pa 0x3fc10000: neither is"),
    # modules.py
    Border("C", {"enabled_modules_tree_lookup": 1}, 3, "enabled_modules_tree_lookup 1"),
    Border("C", {"enabled_modules_tree_lookup": 2}, -30, "enabled_modules_tree_lookup 0x2 is no flag"),
    Border(
        "C", {"mod_mem_offset": 0x140, "mod_kallsyms_offset": 0x1FFC}, 10, "offsets into struct module rise: 0x140, 0x1ffc"
    ),
    Border(
        "C", {"mod_mem_offset": 0x140, "mod_kallsyms_offset": 0x2000}, -30, "no offsets into struct module: 0x140, 0x2000"
    ),
    Border("C", {"mod_mem_offset": 0x140, "mod_kallsyms_offset": 0x142}, -30, "no offsets into struct module: 0x140, 0x142"),
    Border("C", {"mod_mem_offset": 0x388, "mod_kallsyms_offset": 0x388}, -30, "no offsets into struct module: 0x388, 0x388"),
    Border("A5", {"module_start_va": PAGE_OFFSET, "module_end_va": PAGE_OFFSET + 1}, 10, "module range 0xffffff8000000000"),
    Border("A5", {"module_start_va": PAGE_OFFSET, "module_end_va": PAGE_OFFSET}, -30, "no range of kernel addresses"),
    Border("A5", {"module_start_va": HALF - 1, "module_end_va": HALF + 1}, -30, "no range of kernel addresses"),
    # vendor.py
    Border("A4", {"va_bits": 32, "page_offset": PAGE_OFFSET}, 12, "va_bits 32, page_offset 0xffffff8000000000"),
    Border("A4", {"va_bits": 31, "page_offset": PAGE_OFFSET}, -30, "va_bits 31, page_offset"),
    Border("A4", {"va_bits": 57, "page_offset": HALF}, 12, "va_bits 57, page_offset 0x8000000000000000"),
    Border("A4", {"va_bits": 58, "page_offset": HALF}, -30, "va_bits 58, page_offset"),
    Border("A4", {"va_bits": 39, "page_offset": HALF - 1}, -30, "va_bits 39, page_offset"),
    Border("V2", {"mod_root_pa": 1 << 24}, 6, "module root 0x1000000"),
    Border("V2", {"mod_root_pa": (1 << 24) - 4}, -30, "module root 0xfffffc"),
    Border("V2", {"mod_root_pa": (1 << 24) + 2}, -30, "module root 0x1000002"),
    Border("V4", {"names_total_len": (64 << 20) - 1}, 6, "names_total_len 67108863"),
    Border("V4", {"names_total_len": 64 << 20}, -30, "names_total_len 67108864"),
    Border("V4", {"suspend_diag_va": HALF}, 6, "suspend_diag_va 0x8000000000000000"),
    Border("V4", {"suspend_diag_va": HALF - 1}, -30, "suspend_diag_va 0x7fffffffffffffff"),
]


@pytest.mark.parametrize("border", BORDERS, ids=lambda border: f"{border.alias} {border.text}")
def test_each_side_of_a_border(border: Border) -> None:
    layout = kinfo.layout(border.alias)
    seen = evidence_of(kinfo.encode(make_fields(border.alias, 4) | border.fields, layout), layout)
    assert [item.points for item in seen if item.text.startswith(border.text)] == [border.points], [*map(tuple, seen)]


RELEASES = [
    # The first and the last release that each layout was seen in, and those beside them.
    ("A0", "5.4.1", 6), ("A0", "5.10.1", 6), ("A0", "5.11.1", -6), ("A0", "5.3.1", -6),
    ("B", "6.8.1", 6), ("B", "6.10.1", 6), ("B", "6.7.1", -6), ("B", "6.11.1", -25), ("B", "6.3.1", -25),
    ("C", "6.11.1-android16", 6), ("C", "7.0.1", 6), ("C", "7.1.1", -6), ("C", "6.10.1", -6), ("C", "6.3.1", -25),
]  # fmt: skip


@pytest.mark.parametrize(("alias", "release", "points"), RELEASES)
def test_releases_around_those_that_a_layout_was_seen_in(alias: str, release: str, points: int) -> None:
    layout = kinfo.layout(alias)
    fields = make_fields(alias, 4) | {"last_uts_release": release}
    if alias == "B":
        fields["enabled_base_relative"] = 0
    seen = evidence_of(kinfo.encode(fields, layout), layout)
    assert [item.points for item in seen if item.text.startswith(f"{release}: ")] == [points]


@pytest.mark.parametrize(("size", "odd", "is_text"), [(32, 2, True), (32, 3, False), (31, 1, True), (31, 2, False)])
def test_two_corrupt_bytes_of_32_leave_a_release_text(size: int, odd: int, is_text: bool) -> None:
    layout = kinfo.layout("C")
    release = b"6.12.79-android16-5-g69e27379135"[:size]
    record = bytearray(kinfo.encode(make_fields("C", 4), layout))
    field = layout.by_name["last_uts_release"]
    record[field.offset : field.end] = (release[:-odd] + b"\x01" * odd).ljust(field.size, b"\0")
    texts = [item.text for item in evidence_of(bytes(record), layout)]
    assert any(text.startswith("damaged text where the release would be") for text in texts) is is_text
    assert ("no text where the release would be" in texts) is not is_text


@pytest.mark.parametrize("damage", [{}, {"enabled_all": 255}, {"bit_per_long": 0x4041}, {"name_len": 0x8000}])
def test_one_of_the_first_fields_may_be_corrupt(damage: dict[str, int]) -> None:
    """Two of flags, bit_per_long and name_len make a head; what no writer leaves takes the certainty of a sum that holds."""
    record = kinfo.decode(kinfo.encode(make_fields("C", 4) | damage, "C"))
    assert record.layout is kinfo.layout("C")
    assert record.confidence is (kinfo.Confidence.LIKELY if damage else kinfo.Confidence.CERTAIN)
