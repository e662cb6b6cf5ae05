"""The layouts against what was written independently: sizes from the facts, C structs typed by hand, construct itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import kinfo
from kinfo.exports import exported
from kinfo.exports.c import name_of
from kinfo.record.fields import NOTES
from kinfo.record.model import Layout
from kinfo.record.structs import STRUCTS, shape_of
from tests.conftest import Cli, Ran
from tests.synthetic import make_fields

# alias: (size, checksummed words, offset of the release, offset of build_info), from the format's published facts
FACTS = {
    "Z0": (216, 52, 152, None),
    "A0": (452, 111, 132, 196),
    "A1": (468, 115, 132, 196),
    "A1n": (456, 112, 132, 196),
    "A2": (484, 119, 132, 196),
    "A3": (492, 121, 132, 196),
    "A4": (528, 130, 132, 196),
    "A5": (484, 119, 132, 196),
    "A6": (464, 114, 132, 196),
    "A6v2": (504, 124, 132, 196),
    "B": (472, 116, 140, 204),
    "C": (472, 116, 140, 204),
    "CR": (472, 116, 140, 204),
    "D": (216, 52, 140, None),
    "V1": (72, 16, 8, None),
    "V2": (80, 18, 8, None),
    "V3": (76, 17, 8, None),
    "V3s": (84, 19, 8, None),
    "V3l": (120, 28, 8, None),
    "V4": (380, 93, 8, None),
}
LAYOUTS = kinfo.layouts()
ORACLE = Path(__file__).parent / "oracle" / "structs.h"
each_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.alias)


def test_every_layout_is_there() -> None:
    assert [layout.alias for layout in LAYOUTS] == list(FACTS)
    assert len({layout.name for layout in LAYOUTS}) == len(LAYOUTS)


@each_layout
def test_size_and_places(layout: Layout) -> None:
    size, words, release, build_info = FACTS[layout.alias]
    assert (layout.size, layout.words) == (size, words)
    assert layout.by_name["uts_release" if layout.vendor else "last_uts_release"].offset == release
    assert (layout.by_name["build_info"].offset if "build_info" in layout.by_name else None) == build_info


@each_layout
def test_flat_shape_is_the_construct_models(layout: Layout) -> None:
    assert layout.model is STRUCTS[layout.alias]
    assert tuple((field.name, field.item, field.elements) for field in layout.fields) == shape_of(layout.model)
    assert layout.size == layout.model.sizeof()


@each_layout
def test_construct_parses_the_same_values(layout: Layout) -> None:
    record = kinfo.encode(make_fields(layout.alias, 2), layout)
    parsed = layout.model.parse(record)
    for name, value in layout.unpack(record).items():
        assert (tuple(parsed[name]) if isinstance(value, tuple) else parsed[name]) == value


@each_layout
def test_fields_follow_one_another_without_gaps_and_have_notes(layout: Layout) -> None:
    end = 0
    for field in layout.fields:
        assert field.offset == end
        assert field.note is NOTES[field.name]
        assert field.note.meaning
        assert field.note.taken_from
        assert field.note.unit
        end = field.end
    assert end == layout.size


def test_no_note_is_left_over() -> None:
    assert set(NOTES) == {field.name for layout in LAYOUTS for field in layout.fields}


def run_c(folder: Path, source: str, *flags: str) -> str:
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("gcc is not installed")
    (folder / "probe.c").write_text(source)
    command = [gcc, "-std=c11", "-Wall", "-Wextra", "-Werror", *flags, "-o", str(folder / "probe"), str(folder / "probe.c")]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return subprocess.run([str(folder / "probe")], capture_output=True, text=True, check=True).stdout


def printing(include: str, structs: dict[str, Layout]) -> str:
    """A C program that prints every field's offset and size as gcc sees them."""
    lines = [f'#include "{include}"', "#include <stddef.h>", "#include <stdio.h>", "int main(void) {"]
    for name, layout in structs.items():
        lines.append(f'printf("{layout.alias} - %zu %zu\\n", (size_t)0, sizeof(struct {name}));')
        for field in layout.fields:
            member = f"((struct {name} *)0)->{field.name}"
            place = f"offsetof(struct {name}, {field.name}), sizeof({member})"
            lines.append(f'printf("{layout.alias} {field.name} %zu %zu\\n", {place});')
    return "\n".join([*lines, "return 0; }"])


def model_lines() -> list[str]:
    lines = []
    for layout in LAYOUTS:
        lines.append(f"{layout.alias} - 0 {layout.size}")
        lines += [f"{layout.alias} {field.name} {field.offset} {field.size}" for field in layout.fields]
    return lines


def test_offsets_equal_gccs_over_structs_typed_by_hand(tmp_path: Path) -> None:
    structs = {f"kinfo_{layout.alias}": layout for layout in LAYOUTS}
    assert run_c(tmp_path, printing(str(ORACLE), structs)).splitlines() == model_lines()


def test_field_order_equals_the_hand_typed_structs() -> None:
    text = ORACLE.read_text()
    for layout in LAYOUTS:
        found = re.search(rf"struct\s+(?:__attribute__\(\(packed\)\)\s+)?kinfo_{layout.alias}\s*{{(.*?)\n}}", text, re.DOTALL)
        assert found, layout.alias
        body = re.sub(r"/\*.*?\*/", "", found[1], flags=re.DOTALL)
        names = re.findall(r"(\w+)(?:\[\w+\])*\s*;", body)
        assert names == [field.name for field in layout.fields], layout.alias


def test_emitted_header_compiles_and_agrees_with_the_model(tmp_path: Path) -> None:
    (tmp_path / "kinfo_layouts.h").write_text(exported("c", LAYOUTS))
    structs = {name_of(layout): layout for layout in LAYOUTS}
    assert run_c(tmp_path, printing("kinfo_layouts.h", structs), "-pedantic").splitlines() == model_lines()


def test_emitted_header_refuses_a_wrong_offset(tmp_path: Path) -> None:
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("gcc is not installed")
    text = exported("c", [kinfo.layout("C")]).replace("\tuint32_t num_syms;", "\tuint64_t num_syms;")
    (tmp_path / "wrong.h").write_text(text)
    done = subprocess.run([gcc, "-fsyntax-only", str(tmp_path / "wrong.h")], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "static assertion failed" in done.stderr


class TestCommand:
    def test_list(self, kinfo_cli: Cli) -> None:
        ran = kinfo_cli("layouts")
        assert ran.code == 0
        assert len(ran.out.splitlines()) == len(LAYOUTS) + 1
        assert "A6v2  debug-kinfo-v2              504  6.6" in ran.out

    def test_one_by_name_alias_and_case(self, kinfo_cli: Cli) -> None:
        by_alias = kinfo_cli("layouts", "a6V2")
        assert by_alias == kinfo_cli("layouts", "debug-kinfo-v2")
        assert "google,debug-kinfo-v2" in by_alias.out
        assert "496  0x1f0" not in by_alias.out
        assert re.search(r"472\s+0x1d8\s+u64\[4\]\s+reserved_data", by_alias.out)

    def test_json(self, kinfo_cli: Cli) -> None:
        data = json.loads(kinfo_cli("layouts", "--format", "json").out)
        assert data["schema_version"] == 1
        assert [layout["size"] for layout in data["layouts"]] == [FACTS[layout["alias"]][0] for layout in data["layouts"]]
        assert data["layouts"][0]["fields"][3] == {
            "name": "enabled_base_relative",
            "offset": 9,
            "size": 1,
            "type": "u8",
            "meaning": "Offsets count from a base; 0 on 6.11+, where every table does",
            "taken_from": "IS_ENABLED(CONFIG_KALLSYMS_BASE_RELATIVE)",
            "unit": "0 or 1",
        }

    def test_markdown_and_c_of_one(self, kinfo_cli: Cli) -> None:
        assert kinfo_cli("layouts", "V4", "--format", "md").out.startswith("### V4: pixel-frequencies\n")
        assert "uint8_t dss_freq_name[32][8];" in kinfo_cli("layouts", "V4", "--format", "c").out

    def test_diff(self, kinfo_cli: Cli) -> None:
        ran = kinfo_cli("layouts", "--diff", "C", "D")
        assert ran.code == 0
        assert ran.out == (
            "debug-kinfo-text (C, 472 bytes) -> meminspect-v3 (D, 216 bytes)\n"
            "  -   0xcc           u8[256]   build_info\n"
            "  >  0x1cc ->   0xcc u32       enabled_modules_tree_lookup\n"
            "  >  0x1d0 ->   0xd0 u32       mod_mem_offset\n"
            "  >  0x1d4 ->   0xd4 u32       mod_kallsyms_offset\n"
            "  27 fields are the same (- gone, > moved, + new)\n"
        )
        assert "  magic: 0xaaccbbdd -> 0xcceeddff" in kinfo_cli("layouts", "--diff", "Z0", "A0").out
        assert "+            0x1c4 u32       enabled_modules_tree_lookup" in kinfo_cli("layouts", "--diff", "A0", "A1n").out

    def test_near_names_and_identical_layouts(self, kinfo_cli: Cli) -> None:
        assert kinfo_cli("layouts", "debug-kinfo-tex").err == (
            "kinfo: no layout is called 'debug-kinfo-tex'; did you mean debug-kinfo-text?\n"
        )
        assert "all 31 fields are the same" in kinfo_cli("layouts", "--diff", "C", "c").out

    def test_errors(self, kinfo_cli: Cli) -> None:
        ran = kinfo_cli("layouts", "none")
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith(
            "kinfo: no layout is called 'none'; choose one of: kdebuginfo (Z0), debug-kinfo-2020 (A0), "
        )
        assert kinfo_cli("layouts", "C", "--diff", "A0", "A1") == Ran(
            2, "", "kinfo: --diff takes two names, and neither NAME nor --format; see `kinfo layouts --help`\n"
        )
