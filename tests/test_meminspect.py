"""The inspect table: every form, every series, what is wrong with it, and the command."""

from __future__ import annotations

import gzip
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kinfo.catalogue import RULES
from kinfo.errors import KinfoError, UnknownNameError
from kinfo.inspect_table import read_table
from kinfo.meminspect import array, core, listing, log, minidump, structs
from kinfo.meminspect.assemble import table_of
from kinfo.meminspect.entry import ILP32, LP64, LPAE, ZONE, Entry, FoundEntries, Table, TableForm
from kinfo.meminspect.ids import SERIES, series_named
from kinfo.meminspect.unique import symbol_of
from kinfo.plain_data import plain
from tests import inspect_tables as writer
from tests.conftest import Cli
from tests.inspect_tables import E, entries, pa_of
from tests.kernels.image import Spec, make
from tests.kernels.tables import Symbol

POSTED = ("v1", "v2", "v3")


def wanted(found: list[E], *fields: str) -> set[tuple[Any, ...]]:
    return {tuple(getattr(e, field) for field in fields) for e in found}


def got(table: Table, *fields: str) -> set[tuple[Any, ...]]:
    return {tuple(getattr(e, field) for field in fields) for e in table.entries}


@pytest.mark.parametrize("series", POSTED)
@pytest.mark.parametrize("dynamic", [0, 3])
def test_the_run_time_array(series: str, dynamic: int) -> None:
    made = entries(series, dynamic)
    table = table_of("x", array.runtime("x", writer.runtime(made)))
    assert (table.series.name, table.form) == (series, TableForm.RUNTIME)
    assert got(table, "id", "va", "pa", "size") == wanted(made, "id", "va", "pa", "size")
    assert {e.name for e in table.entries if not e.dynamic} == {e.symbol for e in made if e.symbol}
    assert sum(bool(e.dynamic) for e in table.entries) == dynamic


def test_rfc_v2_has_zones() -> None:
    made = entries("rfc-v2")
    table = table_of("x", array.runtime("x", writer.zones(made)))
    assert (table.series.name, table.findings) == ("rfc-v2", ())
    assert got(table, "id", "va", "size") == wanted(made, "id", "va", "size")
    assert table.by_name("kallsyms_relative_base") == table.by_id(39)


@pytest.mark.parametrize("lpae", [False, True])
def test_32_bit_arrays(lpae: bool) -> None:
    made = [e._replace(va=e.va & 0xFFFFFFFF) for e in entries("v1")]
    table = table_of("x", array.runtime("x", writer.runtime32(made, lpae=lpae)), series_named("v1"))
    assert got(table, "id", "va", "size") == wanted(made, "id", "va", "size")


@pytest.mark.parametrize("series", POSTED)
@pytest.mark.parametrize("stride", [40, 64])
@pytest.mark.parametrize("relocated", [True, False])
@pytest.mark.parametrize("has_symbols", [True, False])
def test_the_section(series: str, stride: int, relocated: bool, has_symbols: bool) -> None:
    made = entries(series, 0)
    data, pointers, symbols = writer.section(made, stride=stride, relocated=relocated)
    table = table_of("x", array.section("x", data, pointers, symbols if has_symbols else {}))
    assert table.series.name == series
    assert got(table, "id", "name", "va", "size") == wanted(made, "id", "symbol", "va", "size")
    assert [finding.code for finding in table.findings] == (["table-stride"] if stride == 64 else [])


@pytest.mark.parametrize("series", POSTED)
def test_minidump_regions_files_and_logs(series: str, tmp_path: Path) -> None:
    made = [E(2, "VMCOREINFO", writer.LINEAR, 0x48F00000, 3356), *entries(series)]
    table = table_of("x", minidump.regions("x", writer.regions(series, made)))
    assert table.series.name == ("v1" if series == "v2" else series) or series == "v2"
    assert got(table, "id", "pa") == {(e.id, pa_of(e)) for e in made}
    assert {e.name for e in table.entries if e.dynamic is False} >= {"init_uts_ns", "_sinittext"}
    lines = [
        f"[ 1.0] qcom-minidump: {writer.region_name(series, e.id)}:{e.id} region registered {pa_of(e):x}:{e.size:x}"
        for e in made
    ]
    assert got(table_of("x", log.read("x", lines)), "id", "pa", "size") == {(e.id, pa_of(e), e.size) for e in made}
    qdl = [
        f"type 0x1 address: {pa_of(e):#x} length: {e.size:#x} region: {writer.region_name(series, e.id)} "
        f"filename: md_{writer.region_name(series, e.id)}{e.id}.BIN"
        for e in made
    ]
    assert got(table_of("x", log.read("x", qdl)), "id", "pa", "size") == {(e.id, pa_of(e), e.size) for e in made}
    for e in made:
        (tmp_path / f"md_{writer.region_name(series, e.id)}{e.id}.BIN").write_bytes(bytes(min(e.size, 9999)))
    found = minidump.files("x", [(path.name, path.stat().st_size) for path in tmp_path.iterdir()])
    assert {e.id for e in found.entries} == {e.id for e in made}


def test_v3_calls_sinittext_tk_data() -> None:
    table = table_of("x", minidump.regions("x", writer.regions("v3", entries("v3"))))
    wrong = [finding for finding in table.findings if finding.code == "table-name"]
    assert [(one.where, one.message) for one in wrong] == [("id 29", "it is called Ktk_data, but id 29 is _sinittext")]


ANCHORS = ("init_uts_ns", "_stext", "swapper_pg_dir", "prb", "mem_section")


def complete(series: str) -> list[E]:
    """Every id that the series registers, so that the core's order says which is which."""
    symbols = series_named(series).symbols
    never = {"v1": {28}, "v2": {28, 36}}.get(series, set())
    sizes = {symbol: size for _, symbol, size in writer.STATIC[series]}
    made = [
        E(id_, symbol, writer.IMAGE_VA + 0x1000 * id_, 0, sizes.get(symbol, 64))
        for id_, symbol in enumerate(symbols)
        if id_ > 2 and id_ not in never
    ]
    return [*made, *(e for e in entries(series) if not e.symbol)]


@pytest.mark.parametrize("series", POSTED)
@pytest.mark.parametrize("has_config", [True, False])
def test_the_core_image(series: str, has_config: bool) -> None:
    made = complete(series)[0 if has_config else 1 :]
    found = core.read("x", writer.core(made, named=ANCHORS))
    table = table_of("x", found)
    if series != "v2":
        assert table.series.name == series
    else:
        assert table.series.name in ("v1", "v2")
        table = table_of("x", found, series_named("v2"))
    last = max(e.id for e in made if e.symbol in ANCHORS)
    told = {(e.id if e.id <= last else None, e.va, pa_of(e)) for e in made}
    assert {(e.id, e.va, e.pa) for e in table.entries} == told
    assert [e.size for e in table.entries] == [e.size + -e.size % 4 for e in made]


@pytest.mark.parametrize("series", ["v1", "v2"])
def test_an_id_that_a_module_registers_late(series: str) -> None:
    """init_mm_pgd's id, which the posting annotates nothing for: in the run-time array, and behind all else in a core."""
    late = E(28, "", writer.IMAGE_VA + 0x99000, 0x41234000, 99)
    made = complete(series)
    table = table_of("x", array.runtime("x", writer.runtime(sorted([*made, late], key=lambda e: e.id))))
    assert table.series.name == series
    assert ("table-late-id", "id 28") in {(one.code, one.where) for one in table.findings}
    found = core.read("x", writer.core([*made, late], named=ANCHORS))
    image = table_of("x", found, series_named(series))
    assert image.entries[-1].id is None
    true = {e.va: e.id for e in [*made, late]}
    assert all(entry.id in (None, true[entry.va or 0]) for entry in image.entries)
    assert "table-id-open" in {one.code for one in image.findings}
    early = table_of("x", core.read("x", writer.core(sorted([*made, late], key=lambda e: e.id), named=ANCHORS)))
    assert all(entry.id in (None, true[entry.va or 0]) for entry in early.entries)


@pytest.mark.parametrize(
    "line",
    [
        "10: type 0x1 address: 0x405a0010 length: 0x40 region: md_Kcpu_poss filename: md_Kcpu_poss5.BIN",
        "md_Kcpu_poss5.BIN(md_Kcpu_poss): Offset 0x405a0010, Length 0x40, SavePref 0x1",
        "1 0x00000000405a0010\t0000000000000064\tmd_Kcpu_poss5       \tmd_Kcpu_poss5.BIN",
    ],
)
def test_listings_of_the_tools_that_fetch_regions(line: str) -> None:
    (entry,) = log.read("x", [line]).entries
    assert (entry.id, entry.name, entry.pa, entry.size) == (5, "Kcpu_poss", 0x405A0010, 0x40)


def test_pipes_compressed_files_and_names_that_act_on_a_terminal(tmp_path: Path, kinfo_cli: Cli) -> None:
    plain_file = tmp_path / "array.bin"
    plain_file.write_bytes(writer.runtime(entries("v1")))
    (tmp_path / "array.bin.gz").write_bytes(gzip.compress(plain_file.read_bytes()))
    wanted = kinfo_cli("table", plain_file).out.splitlines()[1:]
    assert kinfo_cli("table", tmp_path / "array.bin.gz").out.splitlines()[1:] == wanted
    command = [sys.executable, "-m", "kinfo", "table", "-"]
    piped = subprocess.run(command, input=plain_file.read_bytes(), capture_output=True, check=False)
    assert piped.stdout.decode().splitlines()[1:] == wanted
    assert piped.stdout.startswith(b"-: runtime array")
    folder = tmp_path / "md"
    folder.mkdir()
    (folder / "md_K\x1b]0;t\x073.BIN").write_bytes(b"x")
    (folder / "md_K\x1b[2J99.BIN").write_bytes(b"x")
    ran = kinfo_cli("table", folder, "--series", "v1")
    assert "\x1b" not in ran.out + ran.err
    assert "\\x1b]0;t\\x07" in ran.out


def test_a_core_whose_order_does_not_hold_has_names_only() -> None:
    made = complete("v1")
    late = [*made[:20], *made[21:], made[20]]
    table = table_of("x", core.read("x", writer.core(late, named=ANCHORS)), series_named("v1"))
    assert {e.name for e in table.entries if e.id is not None} == {"init_uts_ns", "_stext", "swapper_pg_dir", "prb"}


def test_a_garbled_note_is_no_hindrance() -> None:
    made = complete("v1")
    table = table_of("x", core.read("x", writer.core(made, named=(), tail=os.urandom(500))), series_named("v1"))
    assert [e.va for e in table.entries] == [e.va for e in made]


numbers = st.integers(0, 2**64 - 1)
any_entries = st.lists(
    st.tuples(st.integers(1, 200), numbers, numbers, st.integers(0, 2**40)).map(
        lambda t: Entry(t[0], "", t[1], t[2], t[3], 0)
    ),
    min_size=1,
    max_size=30,
)


@given(any_entries)
def test_listings_come_back(drawn: list[Entry]) -> None:
    table = Table("x", TableForm.LISTING, series_named("v3"), (), tuple(drawn))
    plain_rows = listing.rows(table)
    for found in (
        listing.of_data(json.loads(json.dumps({"series": "v3", "entries": plain_rows}))),
        listing.of_data(yaml.safe_load(yaml.safe_dump(plain_rows))),
        listing.of_csv(listing.to_csv(table).splitlines()),
    ):
        assert [entry._replace(dynamic=None) for entry in found.entries] == [entry._replace(dynamic=None) for entry in drawn]


@given(st.binary(max_size=9000))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    readers: tuple[Callable[[], FoundEntries], ...] = (
        lambda: array.runtime("x", data),
        lambda: array.section("x", data, {}, {}),
        lambda: minidump.regions("x", data),
        lambda: log.read("x", [data.decode("latin-1")]),
    )
    for reader in readers:
        try:
            reader()
        except KinfoError:
            continue


def test_structs_agree_with_the_models_and_with_gcc(tmp_path: Path) -> None:
    pairs = ((LP64, structs.LP64), (ILP32, structs.ILP32), (LPAE, structs.LPAE), (ZONE, structs.ZONE), (None, structs.REGION))
    for shape, model in pairs:
        code = shape.code if shape else minidump.REGION
        data = bytes(range(1, code.size + 1))
        parsed = model.parse(data)
        assert model.sizeof() == code.size
        assert tuple(
            parsed[name] for name in (shape.fields if shape else ("name", "seq", "valid", "pa", "size"))
        ) == code.unpack(data)
    source = tmp_path / "s.c"
    source.write_text(
        "#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n"
        "struct inspect_entry { int id; void *va; uint64_t pa; size_t size; unsigned int type; };\n"
        "struct zone { int id; void *zone; size_t size; };\n"
        "struct region { char name[16]; uint32_t seq, valid; uint64_t address, size; };\n"
        'int main(void) { printf("%zu %zu %zu %zu %zu %zu %zu %zu %zu\\n", sizeof(struct inspect_entry),\n'
        "offsetof(struct inspect_entry, va), offsetof(struct inspect_entry, pa), offsetof(struct inspect_entry, size),\n"
        "offsetof(struct inspect_entry, type), sizeof(struct zone), offsetof(struct zone, size), sizeof(struct region),\n"
        "offsetof(struct region, address)); }\n"
    )
    subprocess.run(["gcc", "-o", tmp_path / "s", source], check=True)
    said = subprocess.run([tmp_path / "s"], capture_output=True, text=True, check=True).stdout.split()
    assert list(map(int, said)) == [40, 8, 16, 24, 32, 24, 16, 40, 24]


def test_ids_of_the_posted_enums() -> None:
    for name, rows in writer.STATIC.items():
        series = series_named(name)
        for id_, symbol, _ in rows:
            assert (series.symbol(id_), series.id_of(symbol)) == (symbol, id_)
    assert [series.dynamic for series in SERIES] == [50, 44, 44, 44]
    assert (series_named("v3").region(29), series_named("v1").region(29)) == ("Ktk_data", "Kunknown")
    with pytest.raises(UnknownNameError, match=r"^no series is called 'v4'; did you mean v3\?$|choose one of"):
        series_named("v4")


def test_symbols_of_entries() -> None:
    prefix = "__UNIQUE_ID___inspect_entry_MEMINSPECT_ID_"
    assert symbol_of(f"{prefix}jiffies_64101") == "jiffies_64"
    assert symbol_of(f"{prefix}_end7") == "_end"
    assert symbol_of(f"{prefix}__cpu_possible_mask12") == "__cpu_possible_mask"
    assert symbol_of(f"{prefix}my_region55") == "my_region"
    assert symbol_of("something_else") == ""


def defects(**changes: Any) -> dict[str, str]:
    """The findings on a v1 table with one entry (`_end`) changed."""
    made = [e._replace(**changes) if e.symbol == "_end" else e for e in entries("v1")]
    rows = [{"id": e.id, "name": e.symbol, "va": e.va, "pa": e.pa, "size": e.size} for e in made]
    table = table_of("x", listing.of_data(rows), series_named("v1"))
    return {finding.code: finding.message for finding in table.findings if finding.code != "table-no-pa"}


DEFECTS: dict[str, tuple[dict[str, Any], str]] = {
    "table-unknown-id": ({"id": 201}, "v1 has ids 1 to 200, static ones below 44"),
    "table-duplicate-id": ({"id": 32, "symbol": "_text"}, "it comes 2 times, with 8, 8 bytes"),
    "table-no-address": ({"va": 0}, "VA and PA are 0"),
    "table-wraps": ({"va": 2**64 - 4}, f"8 bytes from VA {2**64 - 4:#x}"),
    "table-empty-region": ({"size": 0}, "_end has no bytes"),
    "table-name": ({"symbol": "_other"}, "it is called _other; id 31 of v1 is _end"),
}


@pytest.mark.parametrize("code", DEFECTS)
def test_every_defect_has_its_finding(code: str) -> None:
    changes, message = DEFECTS[code]
    found = defects(**changes)
    assert found[code].startswith(message) or (code == "table-no-address" and found[code] == "it has no address")


def test_every_rule_has_a_defect() -> None:
    elsewhere = {"table-stride", "table-no-pa", "table-series", "table-late-id", "table-id-open"}
    assert {rule.code for rule in RULES if rule.family == "table"} == set(DEFECTS) | elsewhere
    assert defects() == {}


def test_a_table_that_fits_no_series() -> None:
    rows = [{"id": 26, "size": 24, "va": 1}, {"id": 43, "size": 8, "va": 1}, {"id": 49, "name": "_end", "va": 1, "size": 8}]
    with pytest.raises(
        KinfoError, match=r"^no series fits: rfc-v2: .*; v1: .*; v2: .*; v3: .*; name the series with --series"
    ):
        table_of("x", listing.of_data(rows))


def test_a_table_that_more_than_one_series_fits() -> None:
    table = table_of("x", FoundEntries(TableForm.FILES, (Entry(11, "Klinux_ba", None, None, 160),)))
    assert table.series.name == "v1"
    only = table_of("x", FoundEntries(TableForm.LISTING, (Entry(60, "", 1, 1, 8),)))
    assert only.series.name == "v1"


LISTINGS: list[tuple[Any, str]] = [
    ({}, "is no list of entries; write `entries:` and a list under it"),
    ({"entrys": []}, "unknown key 'entrys'; did you mean entries?"),
    ({"series": "v9", "entries": []}, "no series is called 'v9'"),
    ([1], "entry 1 is no mapping; write `- {id: 31, va: 0x..., size: 8}`"),
    ([{"id": 1, "vaa": 2}], "entry 1 has an unknown key 'vaa'; did you mean va?"),
    ([{"va": 2}], "entry 1 has neither id nor name; give one of them"),
    ([{"id": "x"}], "entry 1: id is 'x'; write a number, as in 42 or 0x2a"),
    ([{"id": -1}], "entry 1: id is -1; write a number of up to 64 bits"),
    ([{"id": True}], "entry 1: id is True; write a number of up to 64 bits"),
    ([{"id": 1}] * 5000, "has 5000 entries; a table has at most 201; up to 4096 are read"),
]


@pytest.mark.parametrize(("data", "message"), LISTINGS, ids=lambda value: str(value)[:30])
def test_listings_with_mistakes(data: Any, message: str) -> None:
    with pytest.raises(KinfoError) as caught:
        listing.of_data(data)
    assert str(caught.value).startswith(message)


def test_csv_with_mistakes() -> None:
    with pytest.raises(KinfoError, match=r"^unknown column 'sise'; did you mean size\?$"):
        listing.of_csv(["id,sise", "1,2"])
    with pytest.raises(KinfoError, match=r"^line 2 has too many cells"):
        listing.of_csv(["id,size", "1,2,3"])


@pytest.fixture
def files(tmp_path: Path) -> Path:
    made = entries("v3")
    (tmp_path / "array.bin").write_bytes(writer.runtime(made))
    (tmp_path / "section.bin").write_bytes(writer.section(entries("v3", 0), stride=64)[0])
    (tmp_path / "regions.bin").write_bytes(writer.regions("v3", made))
    (tmp_path / "core.elf").write_bytes(writer.core(complete("v3"), named=ANCHORS) + bytes(1 << 20))
    (tmp_path / "noise.bin").write_bytes(os.urandom(4000) + b"\0")
    (tmp_path / "log.txt").write_text("[0.0] qcom-minidump: Kprb:22 region registered 40200000:8\n")
    (tmp_path / "words.txt").write_text("nothing of that kind\n")
    (tmp_path / "md").mkdir()
    (tmp_path / "none").mkdir()
    (tmp_path / "md" / "md_Kclear_se26.BIN").write_bytes(bytes(24))
    return tmp_path


@pytest.mark.parametrize(("name", "first", "code"), [
    ("array.bin", "runtime array, 34 regions, meminspect v3 (July 2026)", 0),
    ("section.bin", "section, 31 regions, meminspect v3 (July 2026)", 1),
    ("regions.bin", "minidump regions, 34 regions, meminspect v3 (July 2026)", 0),
    ("core.elf", "core image, 44 regions, meminspect v3 (July 2026)", 0),
    ("log.txt", "log, 1 regions, meminspect v1 (November 2025)", 0),
    ("md", "minidump files, 1 regions, meminspect v3 (July 2026)", 0),
])  # fmt: skip
def test_the_command_knows_every_form(name: str, first: str, code: int, kinfo_cli: Cli, files: Path) -> None:
    ran = kinfo_cli("table", files / name)
    assert (ran.code, ran.err) == (code, "")
    assert ran.out.splitlines()[0] == f"{files}/{name}: {first}"


@pytest.mark.parametrize("form", ["json", "yaml", "csv"])
def test_what_is_listed_can_be_read_back(form: str, kinfo_cli: Cli, files: Path) -> None:
    listed = kinfo_cli("table", files / "array.bin", "--format", form)
    (files / f"t.{form}").write_text(listed.out)
    again = kinfo_cli("table", files / f"t.{form}", "--format", form)
    assert again.code == 0
    if form == "csv":
        assert again.out == listed.out
    else:
        first, second = yaml.safe_load(listed.out), yaml.safe_load(again.out)
        assert (first["entries"], first["series"]) == (second["entries"], second["series"])


MISTAKES = {
    "noise.bin": "{f}: 4001 bytes are no inspect table in any form; name inspect_entries[], the .inspect_table section",
    "words.txt": '{f}: has no line "NAME:SEQ region registered PA:SIZE" of the driver, nor QDL\'s',
    "none": "{f}: no file is there; name some, or another folder",
    "gone": "{f}: No such file or directory; check the path and its permissions",
}


def test_many_tables_in_one_call(kinfo_cli: Cli, files: Path) -> None:
    ran = kinfo_cli("table", files)
    assert ran.code == 2
    assert f"{files}/md: minidump files, 1 regions, meminspect v3 (July 2026)" in ran.out.splitlines()
    assert f"kinfo: {files}/noise.bin: 4001 bytes are no inspect table in any form" in ran.err
    assert "2 could not be read" in ran.err.splitlines()[-1]
    few = [files / "array.bin", files / "section.bin"]
    ran = kinfo_cli("table", *few)
    assert ran.code == 1
    assert ran.err.startswith("kinfo: 2 files: 2 tables (1 with errors)")
    lines = [json.loads(line) for line in kinfo_cli("table", *few, "--format", "jsonl").out.splitlines()]
    assert lines == [json.loads(kinfo_cli("table", one, "--format", "json").out) for one in few]
    (files / "list").write_text(f"{files}/array.bin\n{files}/gone\n")
    ran = kinfo_cli("table", "--files-from", files / "list", "--format", "jsonl", "--jobs", "1")
    assert (ran.code, json.loads(ran.out.splitlines()[1])["problem"]) == (
        2,
        f"{files}/gone: No such file or directory; check the path and its permissions",
    )
    for words in (["--values"], ["--format", "csv"]):
        ran = kinfo_cli("table", *few, *words)
        assert (ran.code, "takes one source" in ran.err) == (2, True)


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_no_table_is_2(name: str, kinfo_cli: Cli, files: Path) -> None:
    ran = kinfo_cli("table", files / name)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"kinfo: {MISTAKES[name].format(f=files / name)}")


def test_yaml_that_is_none(kinfo_cli: Cli, files: Path) -> None:
    (files / "bad.yaml").write_text("entries: [\n")
    ran = kinfo_cli("table", files / "bad.yaml")
    assert (ran.code, ran.err.startswith(f"kinfo: {files}/bad.yaml: is neither YAML nor JSON")) == (2, True)
    (files / "bomb.yaml").write_text("series: &a [1]\nentries: [*a, *a]\n")
    assert kinfo_cli("table", files / "bomb.yaml").code == 2
    assert kinfo_cli("table", files / "array.bin", "--series", "v8").code == 2


def test_the_array_in_memory_is_found_by_its_shape(tmp_path: Path, kinfo_cli: Cli) -> None:
    made = entries("v2")
    ram = bytearray(os.urandom(20 << 20))
    ram[0x654328 : 0x654328 + 8040] = writer.runtime(made)
    (tmp_path / "ram.bin").write_bytes(ram)
    for source in (f"{tmp_path}/ram.bin@0x40000000", f"{tmp_path}/ram.bin"):
        ran = kinfo_cli("table", source, "--format", "json")
        data = json.loads(ran.out)
        assert (data["form"], data["series"], len(data["entries"])) == ("runtime array", "v2", len(made))
    rfc = entries("rfc-v2")
    ram[0x10000 : 0x10000 + 8040] = os.urandom(8040)
    ram[0x654328 : 0x654328 + 8040] = os.urandom(8040)
    ram[0x700008 : 0x700008 + 4824] = writer.zones([*rfc, *(E(id_, "", 1, 0, 8) for id_ in (33, 36, 37))])
    (tmp_path / "rfc.bin").write_bytes(ram)
    assert json.loads(kinfo_cli("table", f"{tmp_path}/rfc.bin@0x40000000", "--format", "json").out)["series"] == "rfc-v2"
    numbered = b"".join(struct.pack("<I4xQQ", id_, writer.IMAGE_VA + 8 * id_, 0) for id_ in range(201))
    (tmp_path / "empty.bin").write_bytes(os.urandom(10 << 20) + numbered + os.urandom(10 << 20))
    none = kinfo_cli("table", f"{tmp_path}/empty.bin@0x40000000")
    assert (none.code, "has no inspect_entries[]; the kernel needs CONFIG_MEMINSPECT" in none.err) == (2, True)


def test_a_vmlinux(tmp_path: Path, kinfo_cli: Cli) -> None:
    """A kernel of gcc's own making: a section with entries whose symbols carry the ids' names."""
    source = tmp_path / "k.c"
    body = "\n".join(
        f"char r{e.id}[{e.size}];\n"
        f"static const struct inspect_entry __UNIQUE_ID___inspect_entry_MEMINSPECT_ID_{e.symbol}{100 + e.id}\n"
        f'__attribute__((used, section(".inspect_table"), aligned(8))) = {{ {e.id}, r{e.id}, 0, {e.size}, 0 }};'
        for e in entries("v1", 0)
    )
    struct_ = "struct inspect_entry { int id; void *va; unsigned long pa, size; unsigned int type; };"
    source.write_text(f"{struct_}\n{body}\nvoid _start(void) {{}}\n")
    for kind in (["-static", "-no-pie"], ["-shared", "-fPIC", "-Wl,-Bsymbolic"]):
        subprocess.run(
            ["gcc", "-O2", "-nostdlib", *kind, "-o", tmp_path / "vmlinux", source], check=True, capture_output=True
        )
        ran = kinfo_cli("table", tmp_path / "vmlinux", "--format", "json")
        data = json.loads(ran.out)
        assert (data["form"], data["series"], ran.err) == ("section", "v1", "")
        assert {(one["id"], one["name"], one["size"]) for one in data["entries"]} == wanted(
            entries("v1", 0), "id", "symbol", "size"
        )
        symbols = subprocess.run(["nm", tmp_path / "vmlinux"], capture_output=True, text=True, check=True).stdout
        places = {line.split()[2]: int(line.split()[0], 16) for line in symbols.splitlines() if len(line.split()) == 3}
        assert all(int(one["va"], 16) == places[f"r{one['id']}"] for one in data["entries"])
    (tmp_path / "e.c").write_text("void _start(void) {}\n")
    subprocess.run(["gcc", "-nostdlib", "-static", "-o", tmp_path / "plain", tmp_path / "e.c"], check=True)
    none = kinfo_cli("table", tmp_path / "plain")
    assert (none.code, "has no .inspect_table section; build the kernel with CONFIG_MEMINSPECT" in none.err) == (2, True)


def test_real_forms_agree(real_samples: Path) -> None:
    """Every form of one real kernel's table: the same ids, VAs, PAs and sizes, as far as the form holds them."""
    folder = real_samples / "kernels" / "meminspect-v1" / "meminspect"
    truth = {one["id"]: one for one in json.loads((folder / "table.json").read_text())}
    names = (
        "inspect_entries.bin",
        "inspect_table_runtime.bin",
        "md_regions.bin",
        "core.elf",
        "md",
        "table.json",
        "../dmesg.txt",
    )
    counts = {}
    for name in names:
        table = read_table(str(folder / name), parse=plain)
        assert table.series.name == "v1"
        last = {entry.id: entry for entry in table.entries}  # of an id that comes twice the last counts
        for id_, entry in last.items():
            if id_ is None:
                assert name == "core.elf"
                continue
            one = truth[id_]
            assert entry.va in (None, int(one["va"], 16))
            assert entry.pa in (None, 0, int(one["pa"], 16))
            assert entry.size in (one["size"], one["size"] + -one["size"] % 4)
        counts[name] = len(last)
    assert counts == {
        "inspect_entries.bin": 46,
        "inspect_table_runtime.bin": 39,
        "md_regions.bin": 46,
        "core.elf": 41,  # four of its 44 stand behind the last that can be named: counted as one
        "md": 46,
        "table.json": 46,
        "../dmesg.txt": 46,
    }
    symbols = json.loads((folder / "section_symbols.json").read_text())
    base = min(int(one["va"], 16) for one in symbols)
    labels = {int(one["va"], 16) - base: one["name"] for one in symbols}
    runtime = (folder / "inspect_table_runtime.bin").read_bytes()
    pointers = {at + 8: struct.unpack_from("<Q", runtime, at + 8)[0] for at in range(0, len(runtime), 40)}
    unrelocated = array.section("x", (folder / "inspect_table_file.bin").read_bytes(), pointers, labels)
    assert table_of("x", unrelocated).entries == table_of("x", array.section("x", runtime, {}, labels)).entries


def test_the_array_in_memory_is_found_by_its_symbol(tmp_path: Path, kinfo_cli: Cli) -> None:
    """A decoy of another series lies before it: with KALLSYMS_ALL the symbol says which is the array."""
    offset = 0xB4000
    kernel = make(Spec(extra=[Symbol(b"inspect_entries", "b", offset)]))
    made = entries("v1")
    kernel.poke(kernel.spec.text + offset, writer.runtime(made))
    kernel.poke(kernel.spec.text + 0xA0000, writer.runtime(entries("v3")))
    kernel.write_elf(tmp_path / "core")
    data = json.loads(kinfo_cli("table", tmp_path / "core", "--format", "json").out)
    assert (data["form"], data["series"]) == ("runtime array", "v1")
    assert {(one["id"], int(one["va"], 16)) for one in data["entries"]} == wanted(made, "id", "va")
