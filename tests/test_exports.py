"""The layouts in Rust, Kaitai Struct and ImHex's patterns: read again, by their tools where those are, as the model does."""

from __future__ import annotations

import functools
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import kinfo
from kinfo.exports import LANGUAGES, exported
from kinfo.exports.vocabulary import camel, snake
from kinfo.record.checksum import State
from kinfo.record.evidence import Window
from kinfo.record.model import Layout
from kinfo.record.text import before_nul
from tests.conftest import Cli
from tests.synthetic import make_fields
from tests.test_headers import installed
from tools.headers import cases

LAYOUTS = kinfo.layouts()
PROBE = Path(cases.__file__).parent / "probe.rs"
each_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.alias)


def test_commands_offer_every_language(kinfo_cli: Cli) -> None:
    for name in LANGUAGES:
        for words, chosen in ((("layouts",), LAYOUTS), (("layouts", "C"), [kinfo.layout("C")])):
            ran = kinfo_cli(*words, "--format", name)
            assert (ran.code, ran.err) == (0, "")
            assert ran.out == exported(name, chosen)
            assert "SPDX-License-Identifier: MIT" in ran.out.splitlines()[0]
    assert "is not one of" in kinfo_cli("layouts", "--format", "cobol").err


def test_names_are_told_apart() -> None:
    assert len({snake(layout) for layout in LAYOUTS}) == len({camel(layout.name) for layout in LAYOUTS}) == len(LAYOUTS)
    assert (camel("_relative_pa"), camel("debug-kinfo-2020")) == ("RelativePa", "DebugKinfo2020")


@functools.cache
def description() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(exported("kaitai", LAYOUTS))
    return found


class TestKaitai:
    @each_layout
    def test_reads_what_the_model_reads(self, layout: Layout) -> None:
        record = kinfo.encode(make_fields(layout.alias, 3), layout)
        wanted = {
            name.strip("_"): [before_nul(one) if isinstance(one, bytes) else one for one in values]
            if isinstance(values, tuple)
            else before_nul(values)
            if isinstance(values, bytes)
            else values
            for name, values in layout.unpack(record).items()
        }
        assert read(description()["types"][snake(layout)]["seq"], record) == wanted

    def test_names_are_kaitais(self) -> None:
        assert description()["meta"] | {"title": ""} == {"id": "kinfo", "title": "", "license": "MIT", "endian": "le"}
        enum = description()["enums"]["layouts"]
        assert list(enum.values()) == list(description()["types"]) == [snake(layout) for layout in LAYOUTS]
        (record,) = description()["seq"]
        assert record["type"]["cases"] == {f"layouts::{name}": name for name in enum.values()}
        ids = [one["id"] for kind in description()["types"].values() for one in kind["seq"]]
        assert all(re.fullmatch("[a-z][a-z0-9_]*", name) for name in [*ids, *enum.values()])

    def test_its_own_compiler_takes_it(self, tmp_path: Path) -> None:
        compiler = installed("kaitai-struct-compiler")
        (tmp_path / "kinfo.ksy").write_text(exported("kaitai", LAYOUTS))
        command = [compiler, "-t", "python", "--outdir", str(tmp_path), str(tmp_path / "kinfo.ksy")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout


def read(seq: list[dict[str, Any]], record: bytes) -> dict[str, Any]:
    """What Kaitai Struct's rules make of the bytes; all of them."""
    at, found = 0, {}
    for one in seq:
        assert one.keys() <= {"id", "type", "size", "terminator", "repeat", "repeat-expr", "doc"}
        width = one["size"] if "size" in one else int(one["type"].removeprefix("u"))
        values: list[Any] = []
        for _ in range(one.get("repeat-expr", 1)):
            raw, at = record[at : at + width], at + width
            values.append(raw.partition(b"\0")[0] if "size" in one else int.from_bytes(raw, "little"))
        found[one["id"]] = values if "repeat" in one else values[0]
    assert at == len(record)
    return found


SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "char": 1, "Text8": 8}


class TestImHex:
    @each_layout
    def test_members_lie_where_the_model_has_them(self, layout: Layout) -> None:
        text = exported("imhex", LAYOUTS)
        assert text.endswith("Kdebuginfo record @ 0x00;\n")
        assert "struct Text8 {\n    char text[8];\n};" in text
        found = re.search(rf"^struct {camel(layout.name)} {{\n(.*?)^}};", text, re.DOTALL | re.MULTILINE)
        assert found
        at, places = 0, []
        for line in found[1].splitlines():
            member = re.fullmatch(r"    (\w+) (\w+)(?:\[(\d+)\])?; // .+", line)
            assert member, line
            size = SIZES[member[1]] * int(member[3] or 1)
            places.append((member[2], at, size))
            at += size
        assert places == [(field.name, field.offset, field.size) for field in layout.fields]


class TestRust:
    def compile(self, folder: Path, root: str, *flags: str) -> Path:
        (folder / "kinfo_layouts.rs").write_text(exported("rust", LAYOUTS))
        (folder / "root.rs").write_text(root)
        out = folder / "root"
        command = [installed("rustc"), "--edition", "2021", "-D", "warnings", *flags, "-o", str(out), str(folder / "root.rs")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return out

    def test_needs_core_alone(self, tmp_path: Path) -> None:
        self.compile(tmp_path, "#![no_std]\n#![forbid(unsafe_code)]\npub mod kinfo_layouts;\n", "--crate-type", "lib")

    def test_says_what_decoding_says(self, tmp_path: Path) -> None:
        probe = self.compile(tmp_path, PROBE.read_text())
        data = [*(kinfo.encode(make_fields(one.alias, 3), one).ljust(600, b"\0") for one in LAYOUTS), *cases.cases(300, 3)]
        packed = tmp_path / "cases"
        packed.write_bytes(b"".join(len(one).to_bytes(4, "little") + one for one in data))
        said = subprocess.run([str(probe), str(packed)], capture_output=True, text=True, check=True).stdout
        pieces = said.split("case ")[1:]
        assert len(pieces) == len(data)
        for one, piece in zip(data, pieces, strict=True):
            head, *lines = piece.splitlines()
            wanted = list(map(summed, *zip(*holding(one), strict=True))) if holding(one) else []
            assert lines == wanted
            assert head.startswith("Some(0)") or not wanted
            assert head.endswith(" None")

    def test_a_sum_is_no_layout(self) -> None:
        assert len(holding(kinfo.encode(make_fields("A0", 3), "A0").ljust(600, b"\0"))) > 5


def holding(data: bytes) -> list[tuple[Layout, bytes, State]]:
    """The layouts whose sum holds over these bytes."""
    window = Window(data[:700], is_end=True)
    states = [(layout, window.checksum(layout).state) for layout in LAYOUTS if len(data) >= layout.size]
    return [(layout, data, state) for layout, state in states if state.verified]


def summed(layout: Layout, data: bytes, state: State) -> str:
    """A layout's line, as probe.rs writes it."""
    words = [layout.alias, "Valid" if state is State.VALID else "Inverted"]
    values = layout.unpack(data)
    names = list(dict.fromkeys(field.name for one in LAYOUTS for field in one.fields))
    for name in sorted(values, key=names.index):
        items = values[name] if isinstance(values[name], tuple) else (values[name],)
        for index, item in enumerate(items):  # type: ignore[arg-type]  # made a tuple above
            shown = f"x{before_nul(item).hex()}" if isinstance(item, bytes) else str(item)
            words.append(f"{camel(name)}.{index}={shown}")
    return " ".join(words)
