"""Every rule, triggered by one defect in an otherwise sound record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

import kinfo
from kinfo import Examined, Severity
from kinfo.catalogue import FAMILIES, RULES, rule_named
from kinfo.errors import UnknownNameError
from tests.synthetic import PAGE, make_fields, noise


class Case(NamedTuple):
    """A defect: the layout it is made in, the fields changed, and what must be said about it."""

    code: str
    alias: str
    changes: dict[str, Any]
    message: str
    severity: str = ""


C = make_fields("C", 1)
A2 = make_fields("A2", 1)
START, END = C["_text_pa"], C["_end_pa"]

CASES = [
    Case(
        "layout-kernel",
        "A6",
        {"last_uts_release": "6.18.1-android17-0"},
        "A6 is known from 6.6; this is 6.18.1-android17-0",
        "info",
    ),
    Case("record-flag", "C", {"enabled_all": 2}, "it is 2"),
    Case("record-base-relative", "C", {"enabled_base_relative": 1}, "it is 1 on 6.12"),
    Case("record-base-relative-zero", "C", {}, "it is 0, as on every kernel from 6.11 on"),
    Case(
        "record-base-relative-zero",
        "A6",
        {"enabled_base_relative": 0},
        "it is 0, but _relative_pa and _offsets_pa are set",
        "warning",
    ),
    Case("record-absolute-percpu", "C", {"enabled_absolute_percpu": 1}, "it is 1"),
    Case(
        "record-cfi-renamed",
        *("D", {"enabled_cfi_clang": 0}, "it is 0 on a kernel that calls the option CONFIG_CFI"),
    ),
    Case("record-thread-size", "C", {"thread_size": 0x3000}, "0x3000 is not a power of two from 4 KiB to 256 KiB"),
    Case("record-num-syms", "C", {"num_syms": 0xFFFFFFFF}, "4294967295 symbols are more than any kernel has"),
    Case("record-name-len", "C", {"name_len": 128}, f"128, where {C['last_uts_release']} has 512"),
    Case("record-name-len", "C", {"name_len": 192, "last_uts_release": ""}, "192 is neither 128 nor 512"),
    Case("record-module-name-len", "C", {"module_name_len": 60}, "60, expected 56"),
    Case("record-module-name-len", "C", {"module_name_len": 0}, "0, expected 56", "info"),
    Case("record-symbol-len", "C", {"symbol_len": 600}, "600, expected 623 or 666 (with build id)"),
    Case("record-release", "C", {"last_uts_release": "android-kernel"}, "'android-kernel' does not begin with a version"),
    Case("record-release", "C", {"last_uts_release": b"6.12.1\0tail"}, "4 bytes stand behind its NUL"),
    Case("record-release", "C", {"last_uts_release": b"6.12." + b"1" * 59}, "64 bytes without a NUL"),
    Case(
        "record-release",
        "C",
        {"last_uts_release": b"\x1b[2J6.12"},
        r"\x1b[2J6.12\x00\x00\x00\x00\x00\x00\x00\x00... is no text",
    ),
    Case("record-release-sysname", "C", {"last_uts_release": "Linux"}, "it reads 'Linux'"),
    Case(
        "record-build-info-stale",
        *("C", {"build_info": b"x/y:1\n/oriole:12/A/7:user/release-keys"}),
        "text goes on behind the newline of the last write: '/oriole:12/A/7:user/rele'",
    ),
    Case("record-build-info-stale", "C", {"build_info": b"x/y:1\0le"}, "2 bytes stand behind its NUL: 'le'"),
    Case(
        "record-build-info-stale",
        *("C", {"build_info": "x/y:1e/o/o:12/S/7:user/release-keys"}),
        "'x/y:1e/o/o:12/S/7:user/release-keys' is no fingerprint, but ends like one",
    ),
    Case("record-build-info-unterminated", "C", {"build_info": b"a" * 256}, "256 bytes and no NUL"),
    Case("record-build-info-newline", "C", {"build_info": b"mine\n"}, "a newline at its end"),
    Case("record-build-info-text", "C", {"build_info": b"ab\x1b[2J"}, "byte 0x1b at 2"),
    Case("record-tree-lookup", "C", {"enabled_modules_tree_lookup": 7}, "it is 7"),
    Case("record-module-offsets", "C", {"mod_mem_offset": 0x400}, "they do not rise: 0x400, 0x388"),
    Case("record-module-offsets", "C", {"mod_mem_offset": 0x143}, "0x143 is no place of a pointer in struct module"),
    Case("record-module-offsets", "C", {"mod_mem_offset": 0}, "it is 0 while others are not"),
    Case(
        "record-module-offsets",
        *("C", {"mod_mem_offset": 0, "mod_kallsyms_offset": 0, "enabled_modules_tree_lookup": 1}),
        "modules have a tree, but every offset is 0",
    ),
    Case(
        "record-module-range", "A2", {"module_end_va": A2["module_start_va"]}, "{module_start_va:#x} - {module_start_va:#x}"
    ),
    Case(
        "record-module-range",
        *("A2", {"module_end_va": A2["module_start_va"] - 4096}),
        f"{A2['module_start_va']:#x} - {A2['module_start_va'] - 4096:#x}",
    ),
    Case("record-module-range", "A2", {"module_start_va": A2["module_start_va"] + 8}, "{0:#x} is not a multiple of 4096"),
    Case("record-va-space", "A4", {"va_bits": 20}, "it is 20"),
    Case("record-va-space", "A4", {"page_offset": 0x80000000}, "0x80000000 is not in the kernel's half"),
    Case("record-va-space", "V4", {"page_end": 1}, "0x1 is not above page_offset 0xffffff8000000000"),
    Case("record-reserved", "CR", {"_reserved": 5}, "it is 0x5"),
    Case("record-reserved", "A6v2", {"reserved_data": [0, 1, 2, 0]}, "2 of 4 words are set"),
    Case(
        "symbols-order",
        "C",
        {"_etext_pa": START - 0x10000},
        f"{START + 0x10000:#x} lies above _etext_pa {START - 0x10000:#x}",
    ),
    Case(
        "symbols-order",
        "Z0",
        {"_end_va": 0xFFFFFFC000000000},
        "{_einittext_va:#x} lies above _end_va 0xffffffc000000000",
    ),
    Case("symbols-alignment", "C", {"_end_pa": END + 8}, f"{END + 8:#x} is not a multiple of 65536"),
    Case("symbols-alignment", "C", {"_names_pa": C["_names_pa"] + 4}, f"{C['_names_pa'] + 4:#x} is not a multiple of 8"),
    Case("record-vendor-pointer", "V2", {"mod_root_pa": 1 << 60}, "0x1000000000000000 is no place of data in the image"),
    Case("record-vendor-pointer", "V4", {"suspend_diag_va": 0x1000}, "0x1000 is no structure's kernel address"),
    Case("symbols-image-size", "C", {"_end_pa": END + (1 << 40)}, f"{END + (1 << 40):#x} is 1048"),
    Case(
        "symbols-image-size",
        "Z0",
        {"_end_va": make_fields("Z0", 1)["_end_va"] + (300 << 20)},
        "MiB from _stext_va",
        "warning",
    ),
    Case("symbols-head", "C", {"_text_pa": START + 8}, f"{START + 0x10000:#x} is 0xfff8 behind the image's start"),
    Case(
        "symbols-base", "C", {"_relative_pa": START + 8}, f"{START + 8:#x} is not _text_pa {START:#x}, where enabled_all is 1"
    ),
    Case(
        "symbols-base", "C", {"enabled_all": 0}, f"{START:#x} is not _stext_pa {START + 0x10000:#x}, where enabled_all is 0"
    ),
    Case(
        "symbols-order", "C", {"_etext_pa": C["_seqs_of_names_pa"] + 0x10000 & ~0xFFFF}, "lies above 6 of the kallsyms tables"
    ),
    Case("symbols-range", "C", {"_names_pa": 1 << 60}, "0x1000000000000000 has more than 52 bits"),
    Case("symbols-outside-image", "C", {"_markers_pa": 0x1000}, f"0x1000 is outside {START:#x} - {END:#x}"),
    Case(
        "symbols-outside-image",
        *("B", {"_addresses_pa": 0x1000, "_offsets_pa": 0, "_relative_pa": 0, "enabled_base_relative": 0}),
        "0x1000 is outside",
    ),
    Case(
        "symbols-table-order",
        *("C", {"_markers_pa": C["_offsets_pa"] + 8}),
        f"{C['_offsets_pa'] + 8:#x} should lie below _token_table_pa {C['_token_table_pa']:#x}",
    ),
    Case(
        "symbols-table-size",
        *("C", {"num_syms": C["num_syms"] + 2}),
        f"_offsets_pa is {C['_seqs_of_names_pa'] - C['_offsets_pa']:#x}, but num_syms {C['num_syms'] + 2} gives",
    ),
    Case("symbols-no-base", "C", {"_relative_pa": 0}, f"it is 0 on {C['last_uts_release']}"),
    Case(
        "symbols-base", "C", {"_relative_pa": END}, f"{END:#x} (among the kallsyms tables) is not at the start of the image"
    ),
    Case("symbols-addresses-garbage", "A0", {"_addresses_pa": 0x2CD8000000}, "0x2cd8000000 is no place of a table"),
    Case("symbols-addresses-seqs", "A6", {"_addresses_pa": "_offsets_pa"}, "lies among the tables"),
    Case("symbols-place-relative", "D", {}, "there is no relative base behind the offsets"),
    Case("symbols-page-table", "C", {"swapper_pg_dir_pa": START + 0x2004}, f"{START + 0x2004:#x} is not a multiple of 4096"),
    Case(
        "symbols-page-table",
        "C",
        {"swapper_pg_dir_pa": 0x1000},
        f"0x1000 lies outside the image {START:#x} - {END:#x}",
        "warning",
    ),
    Case(
        "symbols-page-table",
        "C",
        {"swapper_pg_dir_pa": C["_einittext_pa"] - 1 & ~0xFFF},
        "lies inside the text or the init text",
        "warning",
    ),
    Case(
        "symbols-outside-image",
        *("C", {"_markers_pa": C["_sinittext_pa"]}),
        f"{C['_sinittext_pa']:#x} is not between _etext_pa and _sinittext_pa {C['_sinittext_pa']:#x}",
    ),
    Case("symbols-virtual", "Z0", {"_names_va": 0x80001000}, "0x80001000 is not in the kernel's half"),
]


def read(alias: str, changes: dict[str, Any]) -> tuple[dict[str, Any], Examined]:
    fields = make_fields(alias, 1)
    fields |= {name: fields[value] if str(value).startswith("_") else value for name, value in changes.items()}
    region = kinfo.encode(fields, alias).ljust(PAGE, b"\0")
    return fields, kinfo.decode(region, layout=alias)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.alias}")
def test_defect(case: Case) -> None:
    fields, record = read(case.alias, case.changes)
    changed = [value for value in case.changes.values() if isinstance(value, int)]
    wanted = case.message
    if "{" in wanted:
        wanted = wanted.format(*changed, **fields)
    found = [finding for finding in record.findings if finding.code == case.code]
    assert any(wanted in finding.message for finding in found), [finding.message for finding in found]
    rule = rule_named(case.code)
    assert found[0].severity.value == (case.severity or rule.severity.value)
    assert (found[0].effect, found[0].remedy, found[0].source) == (rule.effect, rule.remedy, rule.source)


REGIONS: dict[str, Callable[[], Examined]] = {}


@pytest.mark.parametrize(
    ("alias", "changes", "code"),
    [
        ("C", {"swapper_pg_dir_pa": "_einittext_pa"}, "symbols-page-table"),  # behind the init text, not in it
        ("A4", {"va_bits": 52, "page_offset": (1 << 64) - (1 << 48)}, "record-va-space"),  # 52-bit VAs on a CPU with 48
        ("A4", {"va_bits": 52, "page_offset": (1 << 64) - (1 << 47)}, "record-va-space"),
        ("A4", {"va_bits": 39, "page_offset": (1 << 64) - (1 << 38)}, "record-va-space"),  # before 5.4
    ],
)
def test_what_can_be_is_no_defect(alias: str, changes: dict[str, Any], code: str) -> None:
    found = [finding for finding in read(alias, changes)[1].findings if finding.code == code]
    assert not [one for one in found if "inside the text" in one.message or "page_offset" in one.where]


def region(function: Callable[[], Examined]) -> Callable[[], Examined]:
    """A defect that is not in a field: named after its rule."""
    REGIONS[function.__name__.replace("_", "-")] = function
    return function


def record_c(**changes: Any) -> bytes:
    return kinfo.encode(C | changes, "C")


@region
def checksum_mismatch() -> Examined:
    broken = bytearray(record_c())
    broken[100] ^= 0x30
    return kinfo.decode(bytes(broken))


@region
def checksum_inverted() -> Examined:
    record = bytearray(record_c())
    record[4:8] = bytes(byte ^ 0xFF for byte in record[4:8])
    return kinfo.decode(bytes(record))


@region
def checksum_not_written() -> Examined:
    return kinfo.decode(bytes(4) + record_c()[4:].ljust(PAGE, b"\0"))


@region
def checksum_interrupted() -> Examined:
    full = bytearray(record_c())
    partial = 0
    for offset in range(8, 88, 4):
        partial ^= int.from_bytes(full[offset : offset + 4], "little")
    full[4:8] = partial.to_bytes(4, "little")
    return kinfo.decode(bytes(full))


@region
def checksum_magic() -> Examined:
    return kinfo.decode(noise(PAGE, 9), layout="C")


@region
def checksum_suspect() -> Examined:
    record = bytearray(record_c())
    record[kinfo.layout("C").by_name["_token_index_pa"].offset + 2] ^= 0x40
    return kinfo.decode(bytes(record))


@region
def layout_rivals() -> Examined:
    return kinfo.decode(kinfo.encode(make_fields("A0", 1), "A0").ljust(PAGE, b"\0"))


@region
def layout_ambiguous() -> Examined:
    return kinfo.decode(kinfo.encode(make_fields("A1", 1), "A1")[:256])


@region
def layout_forced() -> Examined:
    return kinfo.decode(record_c(), layout="A2")


@region
def record_erased() -> Examined:
    return kinfo.decode(b"\xff" * PAGE)


@region
def record_truncated() -> Examined:
    return kinfo.decode(record_c()[:300])


@region
def record_incomplete() -> Examined:
    return kinfo.decode(record_c(_names_pa=0, swapper_pg_dir_pa=0))


@region
def record_empty() -> Examined:
    kept = ("name_len", "bit_per_long", "module_name_len", "symbol_len", "thread_size", "enabled_all", "mod_mem_offset")
    return kinfo.decode(kinfo.encode({name: C[name] for name in (*kept, "mod_kallsyms_offset")}, "C").ljust(PAGE, b"\0"))


@region
def record_region_size() -> Examined:
    main = kinfo.encode(A2, "A2").ljust(1024, b"\0")
    block = kinfo.encode(make_fields("V1", 1), "V1")
    return kinfo.decode((main[:476].ljust(480, b"\0") + block).ljust(960, b"\0"), layout="A2")


@region
def record_tail() -> Examined:
    return kinfo.decode(record_c() + noise(PAGE - 472, 3))


@region
def record_in_image() -> Examined:
    return kinfo.decode(record_c(), base=START + 0x100000)


@region
def record_bits() -> Examined:
    return kinfo.decode(record_c(bit_per_long=48), layout="C")


@pytest.mark.parametrize("bits", [0, 1, 7, 8, 31, 65535])
def test_any_width_of_a_long_can_be_checked(bits: int) -> None:
    codes = [finding.code for finding in kinfo.decode(record_c(bit_per_long=bits), layout="C").findings]
    assert "record-bits" in codes


@region
def record_vendor_checksum() -> Examined:
    block = bytearray(kinfo.encode(make_fields("V1", 1), "V1"))
    block[5] ^= 0x55
    return kinfo.decode(kinfo.encode(A2, "A2").ljust(2048, b"\0") + bytes(block).ljust(2048, b"\0"))


@region
def record_vendor_alone() -> Examined:
    return kinfo.decode(bytes(2048) + kinfo.encode(make_fields("V1", 1), "V1").ljust(2048, b"\0"))


@region
def record_vendor_release() -> Examined:
    block = kinfo.encode({"uts_release": "5.10.1-android12-9-g1-ab1"}, "V1")
    return kinfo.decode(kinfo.encode(A2, "A2").ljust(2048, b"\0") + block.ljust(2048, b"\0"))


@pytest.mark.parametrize("code", REGIONS)
def test_defect_of_the_region(code: str) -> None:
    codes = [finding.code for finding in REGIONS[code]().findings]
    assert code in codes


def test_every_rule_has_a_defect() -> None:
    elsewhere = (
        "kernel",
        "devicetree",
        "compare",
        "table",
        "core",
        "log",
        "pstore",
        "trace",
        "tasks",
        "stack",
    )  # with tests of their own
    of_records = {rule.code for rule in RULES if rule.family not in elsewhere}
    met = {case.code for case in CASES} | set(REGIONS)
    assert met == of_records, (
        f"no defect here (or the family is tested elsewhere): {of_records - met}; no rule: {met - of_records}"
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_rules_are_well_formed(rule: kinfo.findings.Rule) -> None:
    assert rule.family in FAMILIES
    assert all((rule.title, rule.effect, rule.remedy, rule.source))
    assert not any(text.endswith(".") or "\n" in text for text in rule[2:])


def test_codes_are_unique_and_unknown_ones_have_a_suggestion() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)
    with pytest.raises(
        UnknownNameError, match=r"^no finding has the code 'checksum-mismach'; did you mean checksum-mismatch\?$"
    ):
        rule_named("checksum-mismach")
    with pytest.raises(UnknownNameError, match=r"'xyzzy'; `kinfo explain` lists them all$"):
        rule_named("xyzzy")


def test_messages_of_the_checksum() -> None:
    mismatch = REGIONS["checksum-mismatch"]().findings[0]
    assert mismatch.message.startswith("stored 0x")
    (interrupted,) = (one for one in REGIONS["checksum-interrupted"]().findings if one.code == "checksum-interrupted")
    assert interrupted.message.endswith("the stored value is the sum of the first 19 words")
    erased = REGIONS["record-erased"]()
    assert (erased.layout, erased.size, erased.findings[0].message) == (None, PAGE, "all 4096 bytes of the region are ff")
    assert REGIONS["record-truncated"]().findings[0].message == "only 300 of 472 bytes are there"


def test_a_flipped_bit_is_traced_to_its_field() -> None:
    suspects = [finding for finding in REGIONS["checksum-suspect"]().findings if finding.code == "checksum-suspect"]
    wrong, right = C["_token_index_pa"] ^ 0x400000, C["_token_index_pa"]
    assert [(finding.where, finding.message) for finding in suspects] == [
        ("_token_index_pa", f"it is {wrong:#x}; with the bit flipped back, {right:#x} raises no such finding")
    ]


def test_incomplete_records_name_their_fields() -> None:
    assert REGIONS["record-incomplete"]().missing == ("_names_pa", "swapper_pg_dir_pa")
    assert REGIONS["record-empty"]().missing[:2] == ("num_syms", "_text_pa")


def test_sound_records_have_no_errors_and_no_warnings() -> None:
    for layout in kinfo.layouts():
        record = kinfo.decode(kinfo.encode(make_fields(layout.alias, 9), layout))
        assert [finding for finding in record.findings if finding.severity is not Severity.INFO] == []


@pytest.mark.parametrize("bits", [0, 1, 35, 58, 0xFFFFFFFF])
def test_any_number_of_va_bits_can_be_checked(bits: int) -> None:
    for alias in ("A4", "Z0", "V4"):
        assert "record-va-space" in {finding.code for finding in read(alias, {"va_bits": bits})[1].findings}


def test_what_num_syms_has_no_part_in_is_not_said_to_come_of_it() -> None:
    """token_table and token_index have the same size in every kernel, however many symbols it has."""
    fields = make_fields("C", 1)
    found = kinfo.decode(kinfo.encode(fields | {"_token_index_pa": fields["_token_table_pa"] + 8}, "C")).findings
    (message,) = (one.message for one in found if one.code == "symbols-table-size" and "_token_table_pa is" in one.message)
    assert message == "_token_index_pa - _token_table_pa is 0x8, but every kernel has 0x100 to 0x1000"
