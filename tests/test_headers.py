"""The C header as a boot loader has it: compiled by gcc and clang with sanitizers, its answers held against decoding."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import kinfo
from kinfo.exports import exported
from kinfo.exports.vocabulary import kinds
from kinfo.record.model import Field
from tests.synthetic import MAIN, VENDOR, make_fields, wrap
from tools.headers import cases, compare
from tools.headers.compare import SURE, UNFINISHED, UNSURE, Said

CASES = 2000
# What a zeroed region leaves open: the other layouts that the bytes are a whole record of.
OPEN = {"A0": {"A1n"}, "A1n": {"A0"}, "A2": {"A3"}, "CR": {"C"}, "V1": {"V2", "V3"}, "V3": {"V3s"}, "V3l": {"V4"}}
COMPILERS = [("gcc", "c11"), ("g++", "c++17"), ("clang", "c11"), ("clang++", "c++17")]


def installed(tool: str) -> str:
    path = shutil.which(tool)
    if path is None:
        pytest.skip(f"{tool} is not installed")
    return path


def sanitized(compiler: str, standard: str, folder: Path) -> Path:
    path = installed(compiler)
    try:
        return compare.build(folder, path, standard)
    except subprocess.CalledProcessError as error:
        if "clang_rt" not in error.stderr and "asan" not in error.stderr:
            raise AssertionError(error.stderr) from None
        pytest.skip(f"{compiler} has no sanitizers here")


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sanitized("gcc", "c11", tmp_path_factory.mktemp("probe"))


def asked(probe: Path, *data: bytes) -> list[Said]:
    return compare.ask(probe, data, probe.parent / "cases")


def page(alias: str, seed: int = 4, how: str = "zero", **changes: int | str) -> bytes:
    return wrap(kinfo.encode(make_fields(alias, seed) | changes, alias), how)[0]


@pytest.mark.parametrize(("compiler", "standard"), COMPILERS)
def test_compiles_freestanding_and_needs_nothing(compiler: str, standard: str, tmp_path: Path) -> None:
    (tmp_path / "kinfo_layouts.h").write_text(exported("c", kinfo.layouts()))
    source = tmp_path / ("loader.cpp" if "++" in standard else "loader.c")
    source.write_text(
        '#include "kinfo_layouts.h"\n'
        "int loader(const void *memory, size_t size, uint64_t *value);\n"
        "int loader(const void *memory, size_t size, uint64_t *value)\n"
        "{ struct kinfo_answer answer; size_t found; char text[65];\n"
        "  return kinfo_find(memory, size, 0, 4096, &found, &answer)\n"
        "      && kinfo_text(&answer, KINFO_F_BUILD_INFO, 0, text, sizeof text)\n"
        "      && kinfo_number(&answer, KINFO_F_STEXT_PA, 0, value); }\n"
    )
    command = [installed(compiler), f"-std={standard}", *compare.STRICT, "-Os", "-ffreestanding", "-c", source.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    missing = subprocess.run(
        [installed("nm"), "-u", source.stem + ".o"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert missing.stdout == ""


@pytest.mark.parametrize(("compiler", "standard"), COMPILERS[1:])
def test_answers_on_changed_records_are_those_of_decoding(
    compiler: str, standard: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With the sanitizers of the compiler, where it has them."""
    probe = sanitized(compiler, standard, tmp_path_factory.mktemp("probe"))
    data = list(cases.cases(100, 2))
    assert wrong(data, asked(probe, *data)) == []


def wrong(data: list[bytes], said: list[Said]) -> list[tuple[int, str]]:
    return [(at, line) for at, one in enumerate(said) for line in compare.contradictions(data[at], one)]


def test_answers_on_many_changed_records(probe: Path) -> None:
    data = list(cases.cases(CASES, 1))
    said = asked(probe, *data)
    assert wrong(data, said) == []
    found = compare.tally(said)
    assert all(found[name] for name in compare.STATUSES), found
    assert found["sure"] > CASES // 8
    assert {alias for one in said for alias in one.aliases} == {layout.alias for layout in kinfo.layouts()}


def test_the_comparison_sees_a_wrong_offset_and_a_wrong_layout(probe: Path) -> None:
    data = page("C")
    said = asked(probe, data)[0]
    assert said.aliases == ("C",)
    assert compare.contradictions(data, said) == []
    moved = said._replace(fields=said.fields | {("num_syms", 0): 1})
    assert "num_syms[0] is 1" in compare.contradictions(data, moved)[0]
    assert "decoded as C" in compare.contradictions(data, said._replace(mask=1, fields={}))[0]
    assert "decoded as valid" in compare.contradictions(data, said._replace(sum=2))[0]
    assert "decoding finds no record" in compare.contradictions(bytes(4096), said)[0]
    assert "detects" in compare.contradictions(data, said._replace(found=()))[0]


@pytest.mark.parametrize("alias", [*MAIN, *VENDOR])
def test_sound_inverted_half_and_cut(alias: str, probe: Path) -> None:
    sound = page(alias)
    inverted = sound[:4] + bytes(byte ^ 0xFF for byte in sound[4:8]) + sound[8:]
    flipped = sound[:30] + bytes([sound[30] ^ 1]) + sound[31:]
    size = kinfo.layout(alias).size
    noise = page(alias, how="noise")
    first, second, third, cut, old = asked(probe, sound, inverted, flipped, sound[: size - 4], noise)
    open_to = OPEN.get(alias, set())
    assert {alias} | open_to <= set(first.aliases)
    assert first.status == (UNSURE if open_to else SURE)
    assert (first.sum, second.sum, second.aliases) == (1, 2, first.aliases)
    assert (third.status, third.aliases, third.fields) == (1, (), {})
    assert cut.status != SURE
    assert alias in old.aliases
    assert old.status == (UNSURE if alias in ("A1n", "CR") else SURE)


def test_what_it_is_sure_of_it_reads_whole(probe: Path) -> None:
    for alias in ("B", "V4", "A6v2"):
        record, said = kinfo.decode(page(alias)), asked(probe, page(alias))[0]
        names = {name for name, _ in said.fields}
        assert names == {field.name for field in kinfo.layout(alias).fields}
        assert said.status == SURE
        assert record.layout is kinfo.layout(alias)
    said = asked(probe, page("V4"))[0]
    assert [said.fields["dss_freq_name", at] for at in (0, 6, 31)] == ["lit", "disp", ""]
    assert ("dss_freq_name", 32) not in said.fields


def test_unsure_it_reads_what_all_of_them_have(probe: Path) -> None:
    said = asked(probe, page("A0"))[0]
    names = {name for name, _ in said.fields}
    assert {"_stext_pa", "swapper_pg_dir_pa", "last_uts_release", "build_info"} <= names
    assert "enabled_modules_tree_lookup" not in names
    assert "_relative_pa" not in {name for name, _ in asked(probe, page("CR"))[0].fields}


def test_a_writer_that_was_stopped(probe: Path) -> None:
    sound = page("C")
    assert asked(probe, sound[:4] + bytes(4) + sound[8:])[0].status == UNFINISHED
    assert asked(probe, bytes(4) + sound[4:], bytes(4096), b"\xff" * 4096, b"") == [
        one._replace(status=0, mask=0) for one in asked(probe, bytes(4) + sound[4:], bytes(4096), b"\xff" * 4096, b"")
    ]


def test_finds_records_among_other_memory(probe: Path) -> None:
    memory = b"".join(
        (bytes(4096), page("C", how="noise"), b"\xff\xdd\xee\xcc" * 1024, page("A2", how="noise"), bytes(8), page("V3s"))
    )
    said = asked(probe, memory)[0]
    aliases = [layout.alias for layout in kinfo.layouts()]
    assert [(place, aliases[layout]) for place, layout in said.found] == [(4096, "C"), (12288, "A2"), (16392, "V3s")]


def test_a_header_of_some_layouts_has_their_structs_alone() -> None:
    text = exported("c", [kinfo.layout("C")])
    assert "struct kinfo_debug_kinfo_text {" in text
    assert "kinfo_detect" not in text.split("#define KINFO_LAYOUTS_H")[1]


def test_a_field_is_one_kind_in_every_layout() -> None:
    one = kinfo.layout("C")
    other = kinfo.layout("D")
    assert len(kinds([one, other])) == len(one.fields)
    fields = tuple(
        Field(one.name, one.offset, one.size, "B" if one.name == "num_syms" else one.item, one.elements) for one in one.fields
    )
    changed = kinfo.Layout(
        **{name: getattr(one, name) for name in ("name", "alias", "title", "kernels", "seen_in", "writers", "compatible")}
    )
    object.__setattr__(changed, "fields", fields)
    with pytest.raises(ValueError, match="num_syms of C is another kind of field elsewhere"):
        kinds([other, changed])
