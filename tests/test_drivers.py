"""What each driver writes: every layout and release, what is left 0 or wrong, build_info, regions, and what holds for all."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo.errors import FieldError, KinfoError, UnknownNameError
from kinfo.writers import DRIVERS, Driver, Registered, Request, driver_named
from kinfo.writers.build_info import copied, stored

MASK = (1 << 64) - 1
TEXT, TEXT_PA = 0xFFFFFFD328200000, 0x80200000
FLAGS = ("KALLSYMS_ALL", "KALLSYMS_BASE_RELATIVE", "KALLSYMS_ABSOLUTE_PERCPU", "CFI_CLANG", "CFI", "MODULES")
BORDERS = ("_stext", "_etext", "_sinittext", "_einittext", "_end")
TABLES = tuple(f"kallsyms_{name}" for name in ("offsets", "names", "token_table", "token_index", "markers", "seqs_of_names"))
UPSTREAM = tuple(driver.name for driver in DRIVERS if driver.takes_entries)


def some_facts(**changes: int | str) -> dict[str, int | str]:
    """Everything that any driver can ask for."""
    found: dict[str, int | str] = {
        **{f"CONFIG_{name}": 1 for name in FLAGS},
        "CONFIG_KALLSYMS_ABSOLUTE_PERCPU": 0,
        "CONFIG_CFI": 0,
        "CONFIG_MODULES_TREE_LOOKUP": 1,
        "CONFIG_MODULE_SCMVERSION": 1,
        "release": "6.12.23-android16-5-gfedcba987654-ab13456789",
        "_text": TEXT,
        "text_pa": TEXT_PA,
        "kimage_voffset": TEXT - TEXT_PA,
        "relative_base": TEXT,
        "num_syms": 190876,
        **{name: TEXT + 0x10000 * (at + 1) for at, name in enumerate((*BORDERS, *TABLES))},
        "kallsyms_addresses": TEXT + 0x400000,
        "kallsyms_relative_base": TEXT + 0x500000,
        "swapper_pg_dir": TEXT + 0x600000,
        "mod_tree": TEXT + 0x700000,
        "modules": TEXT + 0x700100,
        "KSYM_NAME_LEN": 512,
        "BITS_PER_LONG": 64,
        "MODULE_NAME_LEN": 56,
        "KSYM_SYMBOL_LEN": 666,
        "THREAD_SIZE": 0x4000,
        **{
            f"module.{name}": 0x100 + at
            for at, name in enumerate(("core_layout", "init_layout", "mem", "kallsyms", "scmversion"))
        },
        "module_start_va": 1 << 63,
        "module_end_va": (1 << 63) + 5,
        "module_plt_start_va": (1 << 63) + 9,
        "VA_BITS": 39,
        "PAGE_OFFSET": 0xFFFFFF80 << 32,
        "PAGE_END": 0xFFFFFFC0 << 32,
        "PHYS_OFFSET": 0x80000000,
        "names_total_len": 2_000_000,
        "suspend_diag_va": 77,
        "vendor_release": "5.10.1-g740f7fbe5f39-ab7943734",
    }
    return found | changes


def built(
    driver: str, layout: str | None = None, facts: dict[str, int | str] | None = None, **options: Any
) -> dict[str, Any]:
    """The record's fields, by decoding it, with its checksum held."""
    made = kinfo.build(facts or some_facts(), driver, layout, **options)
    record = kinfo.decode(made.data, layout=made.layout)
    assert record.state.verified
    return {name: value for name, value in record.values.items() if name not in ("magic_number", "combined_checksum")}


def pa(name: str) -> int:
    return int(some_facts()[name]) - TEXT + TEXT_PA


PAIRS = [(driver, alias) for driver in DRIVERS for alias in driver.layouts]


@pytest.mark.parametrize(("driver", "alias"), PAIRS, ids=lambda one: getattr(one, "name", one))
def test_every_field_of_every_layout(driver: Driver, alias: str) -> None:
    """Each field is the fact that its note names, or 0 with a reason."""
    made = kinfo.build(some_facts(), driver, alias)
    layout = kinfo.layout(alias)
    assert (made.driver, made.layout, len(made.data)) == (driver.name, layout, layout.size)
    assert [one.field for one in made.written] == [field.name for field in layout.fields[2:]]
    for one in made.written:
        assert one.expression or one.why, one.field
        if not one.expression and one.field != "build_info":
            assert one.value in (0, [0] * 4), one.field
    values = built(driver.name, alias)
    for name, symbol in {f"_{border[1:]}_pa": border for border in BORDERS}.items():
        assert name not in values or values[name] == pa(symbol)
        virtual = name.replace("_pa", "_va")
        assert virtual not in values or values[virtual] == some_facts()[symbol]
    for table in TABLES:
        name = f"_{table.removeprefix('kallsyms_')}_pa"
        assert name not in values or values[name] == (
            pa(table) if (driver.name, name) != ("android-gt8pro", "_seqs_of_names_pa") else 0
        )
    for name, fact in {
        "thread_size": "THREAD_SIZE",
        "num_syms": "num_syms",
        "mod_kallsyms_offset": "module.kallsyms",
    }.items():
        assert name not in values or values[name] == some_facts()[fact]


@pytest.mark.parametrize(
    ("driver", "layout", "changes", "wanted"),
    [
        # the first driver: virt_to_phys() on everything, whether it is there or not
        (
            "android",
            "A0",
            {},
            {"_addresses_pa": -(TEXT - TEXT_PA) & MASK, "_relative_pa": TEXT_PA, "_offsets_pa": pa("kallsyms_offsets")},
        ),
        ("android", "A1n", {}, {"_addresses_pa": -(TEXT - TEXT_PA) & MASK, "_relative_pa": TEXT_PA}),
        # later ones look at the option
        ("android", "A1", {}, {"_addresses_pa": 0, "_relative_pa": TEXT_PA, "_offsets_pa": pa("kallsyms_offsets")}),
        (
            "android",
            "A2",
            {"CONFIG_KALLSYMS_BASE_RELATIVE": 0},
            {"_addresses_pa": pa("kallsyms_addresses"), "_relative_pa": 0, "_offsets_pa": 0, "enabled_base_relative": 0},
        ),
        ("android", "B", {}, {"_addresses_pa": 0, "enabled_base_relative": 1}),
        # layout C does not assign the flag
        ("android", "C", {}, {"enabled_base_relative": 0, "_relative_pa": TEXT_PA, "_text_pa": TEXT_PA}),
        ("android", "CR", {}, {"enabled_base_relative": 0, "_reserved": 0, "_text_pa": TEXT_PA}),
        # the option's new name of 6.18
        ("android", "C", {"release": "6.18.1", "CONFIG_CFI_CLANG": 0, "CONFIG_CFI": 1}, {"enabled_cfi_clang": 1}),
        ("meminspect-v1", "C", {"release": "6.18.1", "CONFIG_CFI_CLANG": 0, "CONFIG_CFI": 1}, {"enabled_cfi_clang": 0}),
        # without modules: which drivers guard what
        (
            "android",
            "A2",
            {"CONFIG_MODULES": 0},
            {
                "module_name_len": 0,
                "enabled_modules_tree_lookup": 0,
                "mod_core_layout_offset": 0,
                "mod_kallsyms_offset": 0,
                "module_start_va": 0,
                "module_end_va": 0,
            },
        ),
        ("android", "A6", {"CONFIG_MODULES": 0}, {"module_name_len": 0, "mod_mem_offset": 0}),
        ("android", "A1", {"CONFIG_MODULES": 0}, {"module_name_len": 56, "mod_core_layout_offset": 0}),
        ("android", "A3", {"CONFIG_MODULES": 0}, {"module_start_va": 1 << 63, "mod_scmversion_offset": 0}),
        ("android", "A4", {}, {"va_bits": 39, "kimage_voffset": TEXT - TEXT_PA, "page_end": 0xFFFFFFC0 << 32}),
        ("android", "A5", {}, {"module_plt_start_va": (1 << 63) + 9, "mod_kallsyms_offset": 0x103}),
        ("android", "A6v2", {}, {"reserved_data": (0, 0, 0, 0), "_seqs_of_names_pa": pa("kallsyms_seqs_of_names")}),
        ("android-samsung", "A6", {}, {"_addresses_pa": pa("kallsyms_seqs_of_names"), "_relative_pa": TEXT_PA}),
        ("android-samsung", "A6", {"CONFIG_KALLSYMS_BASE_RELATIVE": 0}, {"_addresses_pa": pa("kallsyms_addresses")}),
        (
            "android-gt8pro",
            "C",
            {},
            {"_text_pa": 0, "_seqs_of_names_pa": 0, "_relative_pa": TEXT_PA, "enabled_base_relative": 0},
        ),
        ("android-gt8pro", "A6", {}, {"_addresses_pa": 0, "_offsets_pa": pa("kallsyms_offsets"), "enabled_base_relative": 0}),
        ("kdebuginfo", "Z0", {}, {"_addresses_va": 0, "_relative_va": TEXT, "_stext_va": TEXT + 0x10000, "va_bits": 39}),
        ("kdebuginfo", "Z0", {"CONFIG_KALLSYMS_BASE_RELATIVE": 0}, {"_addresses_va": TEXT + 0x400000, "_relative_va": 0}),
        ("pixel", "V1", {}, {"uts_release": b"5.10.1-g740f7fbe5f39-ab7943734".ljust(64, b"\0")}),
        ("pixel", "V2", {}, {"mod_root_pa": pa("mod_tree")}),
        ("pixel", "V2", {"CONFIG_MODULES_TREE_LOOKUP": 0}, {"mod_root_pa": pa("modules")}),
        ("pixel", "V3l", {}, {"names_total_len": 2_000_000, "suspend_diag_va": 77, "phys_offset": 0x80000000}),
        # upstream, posting by posting
        (
            "kmemdump-rfc-v2",
            "C",
            {},
            {
                "enabled_base_relative": 0,
                "_relative_pa": pa("kallsyms_relative_base"),
                "last_uts_release": b"Linux".ljust(64, b"\0"),
            },
        ),
        ("kmemdump-rfc-v3", "C", {}, {"enabled_base_relative": 1, "_relative_pa": TEXT_PA}),
        ("meminspect-v1", "C", {}, {"enabled_base_relative": 1, "_relative_pa": TEXT_PA}),
        ("meminspect-v2", "C", {}, {"enabled_base_relative": 1, "_relative_pa": 0}),
        ("meminspect-v3", "D", {}, {"enabled_base_relative": 1, "_relative_pa": 0, "mod_mem_offset": 0x102}),
    ],
)
def test_what_each_driver_does_differently(driver: str, layout: str, changes: dict[str, Any], wanted: dict[str, Any]) -> None:
    values = built(driver, layout, some_facts(**changes))
    assert {name: values[name] for name in wanted} == wanted


def test_the_release_is_cut_at_63_characters() -> None:
    release = "6.12.1-" + "x" * 80
    for driver in ("android", "meminspect-v3"):
        assert built(driver, None, some_facts(release=release))["last_uts_release"] == release[:63].encode() + b"\0"


@pytest.mark.parametrize(
    ("release", "alias"),
    [
        *(
            ("4.14.3", "A1"),
            ("4.19.3", "A1"),
            ("5.4.3", "A0"),
            ("5.10.3", "A2"),
            ("6.1.9", "A2"),
            ("6.4.0", "A5"),
            ("6.6.3", "A6"),
        ),
        *(("6.8.1", "B"), ("6.11.0", "C"), ("6.12.117", "C"), ("6.18.0", "C"), ("6.19.0", "CR"), ("7.1.0", "CR")),
    ],
)
def test_layout_by_release(release: str, alias: str) -> None:
    layout = driver_named("android").layout({"release": release})
    assert layout.alias == alias
    first, last = layout.kernels.possible
    version = tuple(map(int, release.split(".")[:2]))
    assert first is None or version >= first
    assert last is None or version <= last


@pytest.mark.parametrize("driver", ["android", "kmemdump-rfc-v2", "kmemdump-rfc-v3", "meminspect-v1", "meminspect-v2"])
def test_build_info_keeps_the_tail_of_a_longer_one(driver: str) -> None:
    values = built(driver, None, build_info=["google/abc", "x/y:1"])
    assert values["build_info"] == b"x/y:1e/abc".ljust(256, b"\0")


@pytest.mark.parametrize(
    ("length", "android", "meminspect"),
    [
        (255, (255, []), (255, [])),
        (
            256,
            (255, ["a build_info of 256 characters: the driver stored 255 without an error"]),
            (255, ["a build_info of 256 characters: the driver stored 255 without an error"]),
        ),
        (
            257,
            (255, ["a build_info of 257 characters: the driver returned an error and stored its first 255 all the same"]),
            (0, ["a build_info of 257 characters: the driver returned an error and stored nothing of it"]),
        ),
    ],
)
def test_long_build_info(length: int, android: tuple[int, list[str]], meminspect: tuple[int, list[str]]) -> None:
    for driver, (kept, notes) in (("android", android), ("meminspect-v2", meminspect)):
        made = kinfo.build(some_facts(), driver, build_info=["b" * length])
        field = made.layout.by_name["build_info"]
        assert made.data[field.offset :][:256] == b"b" * kept + bytes(256 - kept)
        assert list(made.notes) == notes


def test_the_first_driver_faults_at_the_second_write() -> None:
    made = kinfo.build(some_facts(), "android", "A0", build_info=["one", "two"])
    assert made.notes == ("in a running kernel the second build_info faults: the first one unmapped the region (vunmap)",)
    assert kinfo.build(some_facts(), "android", "A6", build_info=["one", "two"]).notes == ()


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=300), max_size=5))
def test_build_info_by_its_rule(writes: list[str]) -> None:
    """The last write is at the start; behind it the tails of the earlier ones; nothing beyond 255 bytes."""
    raws = [text.encode() for text in writes]
    for kept, refused in ((stored(writes), False), (copied(writes), True)):
        last = [raw[:255] for raw in raws if not refused or len(raw) <= 256]
        field = kept.data.ljust(256, b"\0")
        assert len(kept.data) <= 255
        assert field.startswith(last[-1] if last else b"\0")
        for at in range(len(field)):
            covering = [raw[at] for raw in last if len(raw) > at]
            assert field[at] == (covering[-1] if covering else 0)


REGIONS = {
    "kmemdump-rfc-v2": 16,
    "kmemdump-rfc-v3": 16,
    "meminspect-v1": 16,
    "meminspect-v2": 15,
    "meminspect-v3": 15,
}


def test_regions_come_one_by_one() -> None:
    """After N regions the fields of the first N are there; the sum holds after each; before the first there is none."""
    for name, count in REGIONS.items():
        layout = driver_named(name).layouts[0]
        nothing = kinfo.build(some_facts(), name, after=0)
        assert nothing.data[:8] == bytes(8)
        assert nothing.notes == ("no region was registered: magic and checksum are still 0",)
        assert kinfo.decode(nothing.data, layout=layout, offset=0).state.value == "not-written"
        filled: set[str] = set()
        for number in range(1, count + 1):
            made = kinfo.build(some_facts(), name, after=number)
            record = kinfo.decode(made.data, layout=made.layout)
            assert record.state.verified
            now = {
                field
                for field, value in record.values.items()
                if field.endswith(("_pa", "syms", "release")) and value not in (0, bytes(64))
            }
            assert filled < now or (number, filled) == (1, set()), (name, number)
            filled = now
        with pytest.raises(FieldError) as caught:
            kinfo.build(some_facts(), name, after=count + 1)
        assert str(caught.value) == f"--after {count + 1}: only {count} regions are registered; give a smaller number"


def test_only_some_regions() -> None:
    values = built("meminspect-v1", only={"_text", "init_uts_ns"})
    assert values["_text_pa"] == TEXT_PA
    assert values["last_uts_release"].startswith(b"6.12.23-android16")
    assert not any(value for name, value in values.items() if name.endswith("_pa") and name != "_text_pa")
    with pytest.raises(FieldError) as caught:
        kinfo.build(some_facts(), "meminspect-v3", only={"kallsyms_relative_base"})
    listed = (
        "init_uts_ns, _sinittext, _einittext, _end, _text, _stext, _etext, kallsyms_num_syms, kallsyms_offsets, "
        "kallsyms_names, kallsyms_token_table, kallsyms_token_index, kallsyms_markers, kallsyms_seqs_of_names, swapper_pg_dir"
    )
    assert str(caught.value) == (
        f"--only kallsyms_relative_base: no region of that name or id is registered; those with a field: {listed}"
    )


SLID = 0x1234000  # the table is of a running kernel, the facts of the link


def table(**changes: Registered) -> list[Registered]:
    facts = some_facts()
    names = [*BORDERS, "_text", "kallsyms_num_syms", "kallsyms_relative_base", *TABLES, "swapper_pg_dir", "init_uts_ns"]
    found = {
        name: Registered(name, int(facts.get(name, TEXT + 0x8000)) + SLID, 0, 8, 29 + at) for at, name in enumerate(names)
    }
    return list((found | changes).values())


def test_a_table_of_a_running_kernel_and_facts_of_the_link() -> None:
    for name in ("meminspect-v1", "meminspect-v2"):
        assert built(name, entries=table()) == built(name) | {"_relative_pa": TEXT_PA}
    assert built("meminspect-v3", entries=table()) == built("meminspect-v3")  # it has no case for the base
    wrong = built("kmemdump-rfc-v2", entries=[*table(), Registered("init_uts_ns_name", 1 << 63)])
    assert wrong["_relative_pa"] == pa("kallsyms_relative_base")


def test_regions_that_are_no_field_form_the_sum_too() -> None:
    made = kinfo.build(some_facts(), "meminspect-v1", entries=[Registered("jiffies_64", TEXT, id=10)])
    assert kinfo.decode(made.data, layout="C").state.verified
    assert made.notes == ()


def test_physical_addresses_in_the_table_come_first() -> None:
    values = built("meminspect-v3", entries=table(_stext=Registered("_stext", TEXT, 0x12345678)))
    assert values["_stext_pa"] == 0x12345678


def test_the_last_of_two_entries_counts() -> None:
    assert built("meminspect-v1", entries=[*table(), Registered("_end", TEXT + SLID + 0x99)])["_end_pa"] == TEXT_PA + 0x99


def test_a_namespace_without_an_address_is_passed_over() -> None:
    """The driver returns early: no release, and no sum if it is the only region."""
    made = kinfo.build(some_facts(), "meminspect-v1", entries=[Registered("init_uts_ns", 0, 0x1000)])
    assert made.data[:8] == bytes(8)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (Registered("_end", 0), "region _end: has neither a VA nor a PA; check the table: the driver would store garbage"),
        (Registered("_end", MASK, 0, 9), "region _end: 9 bytes from 0xffffffffffffffff wrap around; check the table"),
        (Registered("_end", 5, MASK, 9), "region _end: 9 bytes from 0xffffffffffffffff wrap around; check the table"),
        (
            Registered("kallsyms_num_syms", 0, 5),
            "region kallsyms_num_syms: has no VA to read from; check the table: the driver would fault",
        ),
    ],
)
def test_entries_that_cannot_be(entry: Registered, message: str) -> None:
    with pytest.raises(FieldError) as caught:
        kinfo.build(some_facts(), "meminspect-v1", entries=[entry])
    assert str(caught.value) == message


ANDROID_LAYOUTS = "C, CR, B, A6v2, A6, A5, A4, A3, A2, A1n, A1, A0"


@pytest.mark.parametrize(
    ("driver", "layout", "options", "message"),
    [
        ("andriod", None, {}, "no driver is called 'andriod'; did you mean android?"),
        (
            "linux",
            None,
            {},
            f"no driver is called 'linux'; choose one of: {', '.join(driver.name for driver in DRIVERS)}",
        ),
        ("android", "D", {}, f"android does not write meminspect-v3 (D); choose one of: {ANDROID_LAYOUTS}"),
        (
            "android",
            None,
            {"facts": some_facts(release="4.9.1")},
            f"android is not known to have written a record on 4.9.1; choose one of: {ANDROID_LAYOUTS} with --layout",
        ),
        (
            "android",
            None,
            {"facts": {}},
            f"android has 12 layouts, and the release that decides is not known; choose one of: {ANDROID_LAYOUTS}",
        ),
        (
            "android",
            "A0",
            {"facts": some_facts(CONFIG_KALLSYMS_BASE_RELATIVE=0)},
            (
                "the driver of 2020 reads kallsyms_relative_base, which a kernel without CONFIG_KALLSYMS_BASE_RELATIVE "
                "has not; choose another layout"
            ),
        ),
        (
            "android",
            None,
            {"after": 3},
            "android writes the record at once; entries go with the meminspect and kmemdump drivers",
        ),
        (
            "meminspect-v3",
            None,
            {"build_info": ["x"]},
            "meminspect v3 has no build_info: the parameter and the field are gone; leave it out",
        ),
        ("kdebuginfo", None, {"build_info": ["x"]}, "kdebuginfo has no build_info; leave it out"),
        ("pixel", "V1", {"build_info": ["x"]}, "the vendor block has no build_info; leave it out"),
        (
            "android",
            None,
            {"build_info": [""]},
            "build_info: '' is no text that can be written; give one character at least, and no NUL",
        ),
        ("android", "A2", {"facts": {}}, "android needs facts that are not known: {needed}; see `kinfo facts`"),
    ],
)
def test_what_cannot_be_built(driver: str, layout: str | None, options: dict[str, Any], message: str) -> None:
    facts = options.pop("facts", None)
    with pytest.raises((FieldError, UnknownNameError)) as caught:
        kinfo.build(some_facts() if facts is None else facts, driver, layout, **options)
    if "{needed}" in message:
        first, last = message.split("{needed}")
        assert str(caught.value).startswith(first + "CONFIG_KALLSYMS_ALL, CONFIG_KALLSYMS_BASE_RELATIVE, ")
        assert str(caught.value).endswith(last)
    else:
        assert str(caught.value) == message


def values_of(name: str) -> st.SearchStrategy[int | str]:
    if name.startswith("CONFIG_"):
        return st.integers(0, 1)
    if "release" in name:
        return st.from_regex(r"[4-7]\.[0-9]{1,2}\.[0-9]{1,3}[-a-z0-9]{0,80}", fullmatch=True)
    bits = {"KSYM_NAME_LEN": 16, "BITS_PER_LONG": 16, "MODULE_NAME_LEN": 16, "KSYM_SYMBOL_LEN": 16}
    narrow = name.startswith("module.") or name in ("num_syms", "THREAD_SIZE", "VA_BITS", "names_total_len")
    return st.integers(0, (1 << bits.get(name, 32 if narrow else 64)) - 1)


any_facts = st.fixed_dictionaries({name: values_of(name) for name in some_facts()})
PLAIN = {
    "enabled_all": "CONFIG_KALLSYMS_ALL",
    "enabled_absolute_percpu": "CONFIG_KALLSYMS_ABSOLUTE_PERCPU",
    "name_len": "KSYM_NAME_LEN",
    "bit_per_long": "BITS_PER_LONG",
    "symbol_len": "KSYM_SYMBOL_LEN",
    "num_syms": "num_syms",
    "thread_size": "THREAD_SIZE",
    "va_bits": "VA_BITS",
    "page_offset": "PAGE_OFFSET",
    "phys_offset": "PHYS_OFFSET",
    "kimage_voffset": "kimage_voffset",
    "names_total_len": "names_total_len",
    "module_plt_start_va": "module_plt_start_va",
}
PLACED = {
    **{f"{name}_pa": name for name in BORDERS},
    **{f"_{name[9:]}_pa": name for name in TABLES},
    "swapper_pg_dir_pa": "swapper_pg_dir",
}


@given(st.sampled_from(PAIRS), any_facts)
def test_build_then_decode_gives_the_facts_back(pair: tuple[Driver, str], facts: dict[str, int | str]) -> None:
    driver, alias = pair
    try:
        made = driver.build(Request(facts, kinfo.layout(alias)))
    except KinfoError as error:
        assert "CONFIG_KALLSYMS_BASE_RELATIVE" in str(error)  # the driver of 2020, on a kernel where it faults
        assert alias in ("A0", "A1n")
        return
    record = kinfo.decode(made.data, layout=alias, offset=0)
    assert record.state.verified
    for field, fact in PLAIN.items():
        assert record.number(field) in (None, facts[fact]), field
    skipped = {"_seqs_of_names_pa"} if driver.name == "android-gt8pro" else set()
    is_absolute = (
        facts["CONFIG_KALLSYMS_BASE_RELATIVE"] == 0 and alias not in ("C", "CR", "D") and driver.name != "android-gt8pro"
    )
    skipped |= {"_offsets_pa"} if is_absolute else set()
    for field, fact in PLACED.items():
        if field not in skipped:
            shift = int(facts["text_pa"]) - int(facts["_text"])
            assert record.number(field) in (None, int(facts[fact]) + shift & MASK), field
    if driver.name != "kmemdump-rfc-v2" and "last_uts_release" in record.values:
        assert record.release_text == str(facts["release"])[:63]
    again = {one.field: one.value for one in made.written}
    assert {**record.fields} == again
    assert kinfo.encode(again, alias) == made.data


SAMPLE_DRIVERS = {"C_mi1": "meminspect-v1", "C_mi2": "meminspect-v2", "D_mi3": "meminspect-v3"}
SAMPLE_FACTS = {
    "num_syms": "num_syms",
    "name_len": "KSYM_NAME_LEN",
    "bit_per_long": "BITS_PER_LONG",
    "thread_size": "THREAD_SIZE",
    "module_name_len": "MODULE_NAME_LEN",
    "symbol_len": "KSYM_SYMBOL_LEN",
    "mod_mem_offset": "module.mem",
    "mod_core_layout_offset": "module.core_layout",
    "mod_init_layout_offset": "module.init_layout",
    "mod_kallsyms_offset": "module.kallsyms",
    "module_start_va": "module_start_va",
    "module_end_va": "module_end_va",
}


def fed_in(truth: dict[str, Any]) -> dict[str, int | str]:
    """The facts that the driver's code was given, as the sample's JSON has them."""
    fields = {name: int(value, 16) for name, value in truth["fields"].items() if str(value).startswith("0x")}
    voffset, text_pa = int(truth["kimage_voffset"], 16), int(truth["text_pa"], 16)
    found: dict[str, int | str] = {f"CONFIG_{name}": int(f"CONFIG_{name}" in truth["config"]) for name in FLAGS}
    found |= {name: int(name in truth["config"]) for name in ("CONFIG_MODULES_TREE_LOOKUP", "CONFIG_MODULE_SCMVERSION")}
    found |= {"text_pa": text_pa, "_text": text_pa + voffset, "kimage_voffset": voffset, "release": truth["kernel_version"]}
    found |= {fact: fields[field] for field, fact in SAMPLE_FACTS.items() if field in fields}
    found |= {symbol: fields[field] + voffset for field, symbol in PLACED.items() if field in fields}
    if fields.get("_relative_pa"):
        found["relative_base"] = fields["_relative_pa"] + voffset
    return found


def as_written(truth: dict[str, Any], data: bytes) -> bytes:
    """The sample's record before what happened to it after the driver was through."""
    start, size = truth["record_offset"], truth["kernel_all_info_size"]
    raw = bytearray(data[start : start + size])
    if truth["checksum_state"] == "inverted":
        raw[4:8] = bytes(byte ^ 0xFF for byte in raw[4:8])
    if "corruption" in truth:
        raw[truth["corruption"]["offset"] + truth["corruption"]["bit"] // 8] ^= 1 << truth["corruption"]["bit"] % 8
    return bytes(raw)


def test_the_drivers_own_records_byte_for_byte(real_samples: Path) -> None:
    """Every sample but two: a region that no driver touched, and a snapshot from inside probe, before anything was final."""
    same = 0
    for path in sorted((real_samples / "records").glob("*.json")):
        truth = json.loads(path.read_text())
        if truth["variant"] in ("untouched_zero", "nochecksum"):
            continue
        packed = path.with_suffix(".bin.gz")
        data = gzip.decompress(packed.read_bytes()) if packed.exists() else path.with_suffix(".bin").read_bytes()
        whole = json.loads((path.parent / f"{truth['scenario']}__exact.json").read_text()) if "entries" in truth else truth
        info = truth["fields"].get("build_info")
        made = kinfo.build(
            fed_in(whole),
            SAMPLE_DRIVERS.get(truth["scenario"], "android"),
            truth["layout"],
            build_info=truth.get("build_info_writes") or ([info] if info else []),
            only=set(truth["entries"]) if "entries" in truth else None,
        )
        wanted = as_written(truth, data)
        assert made.data[: len(wanted)] == wanted, path.name
        if "vendor" in truth:
            vendor = {"vendor_release": truth["vendor"]["fields"]["uts_release"]}
            block = kinfo.build(vendor, "pixel", truth["vendor"]["layout"])
            assert data[truth["vendor"]["record_offset"] :][: len(block.data)] == block.data
        same += 1
    assert same >= 48


def test_both_drivers_of_one_boot(real_samples: Path) -> None:
    """The upstream driver's record out of the table that its own kernel kept, the downstream one's from the same facts."""
    folder = real_samples / "kernels" / "meminspect-v1"
    rows = json.loads((folder / "meminspect" / "table.json").read_text())
    symbols = kinfo.facts(folder / "System.map")
    by_id = {19: "init_uts_ns", 35: "kallsyms_num_syms", 36: "kallsyms_relative_base", 43: "swapper_pg_dir"}
    by_id |= dict(zip(range(29, 35), ("_sinittext", "_einittext", "_end", "_text", "_stext", "_etext"), strict=True))
    by_id |= dict(zip(range(37, 43), TABLES, strict=True))
    entries = [
        Registered(by_id.get(row["id"], "other"), int(row["va"], 16), int(row["pa_field"], 16), row["size"], row["id"])
        for row in rows
    ]
    # What neither System.map nor .config says: where struct module has its members, in meta.json nowhere either.
    record = kinfo.decode(folder / "kinfo.bin")
    settings = [f"module.{name}={record.number(f'mod_{name}_offset')}" for name in ("mem", "kallsyms")]
    facts = kinfo.facts(
        [folder / "System.map", folder / "config", folder / "kallsyms.txt"], phys_base=0x40200000, settings=settings
    )
    info = [str(record.fields["build_info"])]
    assert symbols["_text"] != facts["_text"]
    for name in ("kinfo.bin", "kinfo-crash.bin"):
        assert kinfo.build(facts, "android", build_info=info).data == (folder / name).read_bytes()[:472]
    up = str(kinfo.decode(folder / "kinfo_up.bin").fields["build_info"])
    for name in ("kinfo_up.bin", "kinfo_up-crash.bin"):
        built_ = kinfo.build(facts, "meminspect-v1", entries=entries, build_info=[up] if up else [])
        assert built_.data == (folder / name).read_bytes()[:472]
