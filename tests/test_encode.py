"""Encoding: round trips, and one clear line for every wrong value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import kinfo
from kinfo.record.model import Layout
from kinfo.record.shown import shown_fields, shown_tails
from tests.conftest import Cli, Ran
from tests.strategies import any_fields, layouts
from tests.synthetic import make_fields


@settings(deadline=None)
@given(st.data())
def test_any_fields_come_back(data: st.DataObject) -> None:
    layout: Layout = data.draw(layouts)
    fields = data.draw(any_fields(layout))
    record = kinfo.encode(fields, layout)
    assert len(record) == layout.size
    values = layout.unpack(record)
    for name, value in fields.items():
        field, got = layout.by_name[name], values[name]
        if field.is_text and not field.elements:
            assert got == value.ljust(field.size, b"\0")
        elif field.is_text:
            assert isinstance(got, tuple)
            assert [bytes(item).rstrip(b"\0") for item in got] == [item.rstrip(b"\0") for item in value]
        else:
            assert (list(got) if isinstance(got, tuple) else got) == value


@settings(deadline=None)
@given(st.data())
def test_shown_fields_and_what_follows_a_nul_give_the_same_bytes(data: st.DataObject) -> None:
    layout: Layout = data.draw(layouts)
    fields = data.draw(any_fields(layout))
    fields.pop("dss_freq_name", None)  # what follows the NUL of an array's item is not shown
    record = kinfo.encode(fields, layout)
    read = kinfo.decode(record, layout=layout)
    assert kinfo.encode(read.fields, layout, read.after_nul) == record
    assert kinfo.encode(json.loads(json.dumps(shown_fields(read))), layout, shown_tails(read)) == record


WRONG: list[tuple[dict[Any, Any], str]] = [
    ({"num_sym": 1}, "debug-kinfo-text has no field 'num_sym'; did you mean num_syms?"),
    ({"zzz": 1}, "debug-kinfo-text has no field 'zzz'; `kinfo layouts C` lists its fields"),
    ({5: 1}, "debug-kinfo-text has no field 5; `kinfo layouts C` lists its fields"),
    ({"magic_number": 1}, "magic_number is computed; leave it out"),
    ({"num_syms": "many"}, "num_syms is 'many'; write a number, as in 42 or 0x2a"),
    ({"num_syms": 1.5}, "num_syms is 1.5, not a number; write a number, as in 42 or 0x2a"),
    ({"num_syms": True}, "num_syms is True, not a number; write a number, as in 42 or 0x2a"),
    ({"num_syms": None}, "num_syms is None, not a number; write a number, as in 42 or 0x2a"),
    ({"num_syms": -1}, "num_syms is -1; it takes 0 to 0xffffffff (u32)"),
    ({"name_len": 0x10000}, "name_len is 65536; it takes 0 to 0xffff (u16)"),
    ({"_end_pa": 1 << 64}, "_end_pa is 18446744073709551616; it takes 0 to 0xffffffffffffffff (u64)"),
    ({"last_uts_release": 6.1}, "last_uts_release is 6.1, not text; write it in quotes"),
    ({"last_uts_release": "6" * 65}, "last_uts_release is 65 bytes long; it has room for 64"),
    ({"build_info": "caf\xe9"}, r"build_info: 'café' is not ASCII; write other bytes as \xNN"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG, ids=[str(next(iter(fields.items()))) for fields, _ in WRONG])
def test_wrong_values(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(kinfo.KinfoError) as caught:
        kinfo.encode(fields, "C")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("alias", "fields", "after_nul", "message"),
    [
        ("A6v2", {"reserved_data": 1}, {}, "reserved_data is 1; it takes a list of 4"),
        ("A6v2", {"reserved_data": [1]}, {}, "reserved_data is a list; it takes a list of 4"),
        ("A6v2", {"reserved_data": [1, 2, 3, -4]}, {}, "reserved_data[3] is -4; it takes 0 to 0xffffffffffffffff (u64)"),
        ("C", {}, {"num_syms": "00"}, "after_nul: debug-kinfo-text has no text field 'num_syms'; did you mean num_syms?"),
        ("C", {}, {"build_info": "zz"}, "after_nul: build_info is 'zz'; write it as a string of hex digits"),
        ("C", {}, {"build_info": 12}, "after_nul: build_info is 12; write it as a string of hex digits"),
        ("C", {}, ["build_info"], "after_nul is no mapping; write it as `after_nul: {build_info: '2f78'}`"),
    ],
)
def test_wrong_arrays_and_tails(alias: str, fields: dict[str, Any], after_nul: Any, message: str) -> None:
    with pytest.raises(kinfo.KinfoError) as caught:
        kinfo.encode(fields, alias, after_nul)
    assert str(caught.value) == message


class TestCommand:
    @pytest.mark.parametrize("form", ["yaml", "json"])
    def test_decode_output_is_accepted_back(self, kinfo_cli: Cli, tmp_path: Path, shipped: Path, form: str) -> None:
        source = shipped / "pixel-5.10.bin"
        (tmp_path / "fields").write_text(kinfo_cli("decode", source, "--format", form).out)
        ran = kinfo_cli("encode", tmp_path / "fields", "-o", tmp_path / "record.bin")
        left_out = "kinfo: the vendor block is left out; encode its fields on their own\n"
        assert ran == Ran(0, "", f"{left_out}kinfo: wrote {tmp_path}/record.bin: debug-kinfo-module-range (A2), 484 bytes\n")
        assert (tmp_path / "record.bin").read_bytes() == source.read_bytes()[:484]

    def test_plain_fields_a_region_and_standard_output(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "f.yaml").write_text(yaml.safe_dump(make_fields("D", 1)))
        assert kinfo_cli("encode", tmp_path / "f.yaml", "--layout", "D", "--region", "0x1000", "-o", tmp_path / "r").code == 0
        data = (tmp_path / "r").read_bytes()
        assert (len(data), data[:216]) == (4096, kinfo.encode(make_fields("D", 1), "D"))

    def test_never_over_an_existing_file_without_force(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "f.yaml").write_text("num_syms: 5\n")
        (tmp_path / "old").write_text("precious")
        arguments = ("encode", tmp_path / "f.yaml", "--layout", "C", "-o", tmp_path / "old")
        assert kinfo_cli(*arguments) == Ran(
            2, "", f"kinfo: {tmp_path}/old: exists already; name another file, or overwrite it with --force\n"
        )
        assert (tmp_path / "old").read_text() == "precious"
        assert kinfo_cli(*arguments, "--force").code == 0
        assert len((tmp_path / "old").read_bytes()) == 472
        assert sorted(path.name for path in tmp_path.iterdir()) == ["f.yaml", "old"]

    @pytest.mark.parametrize(
        ("content", "arguments", "message"),
        [
            ("num_syms: 5", (), "{f}: does not say its layout; name one with --layout"),
            ("- 1\n- 2", ("--layout", "C"), "{f}: is no mapping of field names to values; write `name: value`, one a line"),
            ("a: [1", ("--layout", "C"), "{f}: is neither YAML nor JSON at line 1; write `name: value`, one a line"),
            ("\x00\x01", ("--layout", "C"), "{f}: is neither YAML nor JSON; write `name: value`, one a line"),
            ("records: []", (), "{f}: `records` is not one record; decode without --all, or keep one of them"),
            ("records: [{layout: unknown}]", (), "{f}: an erased region has no record to encode; decode a dump that has one"),
            ("fields: 3\nlayout: C", (), "{f}: `fields` is no mapping; write it as `name: value`, one a line"),
            (
                "nosuch: 1",
                ("--layout", "C"),
                "{f}: debug-kinfo-text has no field 'nosuch'; `kinfo layouts C` lists its fields",
            ),
            (
                "num_syms: !!python/object/apply:os.system [true]",
                ("--layout", "C"),
                "{f}: is neither YAML nor JSON at line 1; ",
            ),
            ("a: 1", ("--layout", "C", "--region", "100"), "--region 100: it takes 472 (the record) to 16777216 bytes; "),
            ("x: &x [1]\nnum_syms: *x", ("--layout", "C"), "{f}: is neither YAML nor JSON; "),
            ("num_syms: 1" + "0" * 5000, ("--layout", "C"), "{f}: is neither YAML nor JSON; "),
            ("num_syms: '" + "x" * 5000 + "'", ("--layout", "C"), "{f}: num_syms is '" + "x" * 60 + "'...; write a number"),
            ("num_syms: " + "[" * 3000 + "]" * 3000, ("--layout", "C"), "{f}: is neither YAML nor JSON; "),
            ("num_syms: 1", ("--layout", "Q"), "no layout is called 'Q'; choose one of: "),
        ],
    )
    def test_wrong_files(
        self, kinfo_cli: Cli, tmp_path: Path, content: str, arguments: tuple[str, ...], message: str
    ) -> None:
        file = tmp_path / "f.yaml"
        file.write_text(content.replace("a: 1", "num_syms: 1"))
        ran = kinfo_cli("encode", file, *arguments, "-o", tmp_path / "out")
        assert ran.code == 2
        assert ran.err.startswith("kinfo: " + message.format(f=file))
        assert len(ran.err.splitlines()) == 1
        assert not (tmp_path / "out").exists()

    def test_output_that_cannot_be_written(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "f.yaml").write_text("num_syms: 5\n")
        ran = kinfo_cli("encode", tmp_path / "f.yaml", "--layout", "C", "-o", tmp_path / "no" / "out")
        assert ran.err == (
            f"kinfo: {tmp_path}/no/out: cannot write: No such file or directory; check the folder and its permissions\n"
        )
        ran = kinfo_cli("encode", tmp_path / "f.yaml", "--layout", "C", "-o", tmp_path)
        assert (ran.code, ran.err.split(";")[0]) == (2, f"kinfo: {tmp_path}: cannot write: it is a directory")

    def test_a_huge_file_of_fields_is_not_read(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "big").write_bytes(b"#" * (2 << 20))
        ran = kinfo_cli("encode", tmp_path / "big", "--layout", "C", "-o", tmp_path / "out")
        assert (ran.code, "is larger than 65536 bytes" in ran.err) == (2, True)
