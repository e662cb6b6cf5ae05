"""Test vectors: the same on every run, with answers that are kinfo's, and that the C header does not contradict."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

import kinfo
from kinfo.errors import UnknownNameError
from kinfo.exports.made_kernel import record_of
from kinfo.exports.vectors import REGION, answer, index, vectors
from kinfo.record.layouts import LARGEST, LAYOUTS
from kinfo.record.model import Layout
from tests.conftest import Cli
from tests.test_headers import sanitized, wrong
from tools.headers import compare

STATES = {"sound": "valid", "alone": "valid", "inverted": "inverted", "flipped": "mismatch", "unsummed": "not-written"}
# What the table that the model needs says beside a sound record's own facts.
SOUND = {"layout-rivals", "symbols-addresses-garbage", "record-base-relative-zero", "symbols-place-relative"}


@pytest.fixture(scope="module")
def made() -> dict[str, kinfo.Vector]:
    return {one.name: one for one in vectors(LAYOUTS)}


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.alias)
def test_every_layout_sound_and_not(layout: Layout, made: dict[str, kinfo.Vector]) -> None:
    for name, state in STATES.items():
        expected = made[f"{layout.alias}-{name}.bin"].expected
        assert (expected["layout"], expected["checksum"]) == (layout.alias, state), name
    sound = made[f"{layout.alias}-sound.bin"]
    assert (len(sound.data), sound.layout) == (REGION, layout)
    assert set(sound.expected["findings"]) <= SOUND
    assert made[f"{layout.alias}-swapped.bin"].expected == {"record": False}
    fields = {field.name.strip("_") for field in layout.fields[2:]}
    assert all(f"{layout.alias}-{name}-ones.bin" in made for name in fields)
    if not layout.vendor:  # a vendor block has nothing before its release that would say so
        escaped = made[f"{layout.alias}-hostile-escape.bin"].expected["fields"]["last_uts_release"]
        assert escaped == "\\x1b[2J\\x1b]0;x\\x07"


def test_each_wrong_field_is_that_field_alone(made: dict[str, kinfo.Vector]) -> None:
    layout = kinfo.layout("C")
    sound = made["C-sound.bin"].data
    for field in layout.fields[2:]:
        wrong = made[f"C-{field.name.strip('_')}-ones.bin"].data
        assert {at for at in range(8, REGION) if sound[at] != wrong[at]} <= set(range(field.offset, field.end))
        assert wrong[field.offset : field.end] == b"\xff" * field.size
        assert layout.words == 116
        assert kinfo.decode(wrong, layout=layout).state is kinfo.State.VALID


def test_a_region_shows_detection_all_that_it_looks_at() -> None:
    assert REGION >= 2 * LARGEST


def test_answers_are_those_of_decode(made: dict[str, kinfo.Vector]) -> None:
    for name in ("A2-sound.bin", "V4-inverted.bin", "D-flipped.bin"):
        record = kinfo.decode(made[name].data)
        expected = made[name].expected
        assert record.layout is not None
        assert (record.layout.alias, record.confidence.value, record.state.value) == (
            expected["layout"],
            expected["confidence"],
            expected["checksum"],
        )
        assert {finding.code for finding in record.findings} == set(expected["findings"])
    assert answer(bytes(REGION)) == {"record": False}


def test_the_same_on_every_run() -> None:
    one, other = (index(vectors([kinfo.layout("V1"), kinfo.layout("A0")])) for _ in range(2))
    assert one == other
    first = next(iter(kinfo.vectors("Z0")))
    assert json.loads(one)["vectors"]["V1-sound.bin"]["written"] == "V1"
    assert first.name == "Z0-sound.bin"


def test_no_other_layout_is_written() -> None:
    unknown = kinfo.layout("A0")
    values = {name: getattr(unknown, name) for name in ("name", "title", "kernels", "seen_in", "writers", "compatible")}
    with pytest.raises(UnknownNameError, match="no driver's model writes debug-kinfo-2020; add its row"):
        record_of(Layout(alias="X", **values))


def test_the_c_header_answers_them_too(made: dict[str, kinfo.Vector], tmp_path: Path) -> None:
    probe = sanitized("gcc", "c11", tmp_path)
    data = [one.data for one in made.values()]
    said = compare.ask(probe, data, tmp_path / "cases")
    assert wrong(data, said) == []
    by_name = dict(zip(made, said, strict=True))
    assert all(layout.alias in by_name[f"{layout.alias}-sound.bin"].aliases for layout in LAYOUTS)


class TestCommand:
    def test_writes_the_folder_and_says_what_is_in_it(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        folder = tmp_path / "new" / "vectors"
        ran = kinfo_cli("vectors", "V1", "c", "-o", folder)
        assert (ran.code, ran.out) == (0, "")
        listed = json.loads((folder / "vectors.json").read_text())["vectors"]
        assert ran.err == f"kinfo: wrote {folder}: {len(listed)} regions, and vectors.json with what each must give\n"
        assert {path.name for path in folder.iterdir()} == {*listed, "vectors.json"}
        for name, one in listed.items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == one["sha256"]
        assert {one["written"] for one in listed.values()} == {"V1", "C"}

    def test_what_is_there_is_kept(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "mine").write_text("x")
        ran = kinfo_cli("vectors", "V1", "-o", tmp_path)
        assert (ran.code, ran.out) == (2, "")
        assert (
            ran.err == f"kinfo: {tmp_path}: there are files in it already; name another folder, or overwrite with --force\n"
        )
        assert kinfo_cli("vectors", "V1", "-o", tmp_path, "--force").code == 0
        assert (tmp_path / "mine").read_text() == "x"

    def test_what_cannot_be(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x")
        ran = kinfo_cli("vectors", "-o", tmp_path / "file")
        assert ran.code == 2
        assert ran.err.startswith(f"kinfo: {tmp_path / 'file'}: cannot be made: ")
        assert kinfo_cli("vectors", "V9", "-o", tmp_path / "new").err.startswith("kinfo: no layout is called 'V9'")
        assert not (tmp_path / "new").exists()
        assert kinfo_cli("vectors").err == "kinfo: Missing option '-o' / '--output'; see `kinfo vectors --help`\n"

    def test_half_of_them_is_none(self, kinfo_cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def until_the_index(data: bytes) -> Callable[[IO[bytes]], object]:
            return no_room if data.startswith(b"{") else lambda file: file.write(data)

        def no_room(_: IO[bytes]) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("kinfo.cli.vectors.writing", until_the_index)
        ran = kinfo_cli("vectors", "V1", "-o", tmp_path / "new" / "full")
        assert ran.code == 2
        assert ran.err.endswith("vectors.json: cannot write: No space left on device; make room, or write to another disk\n")
        assert list(tmp_path.iterdir()) == []
        (tmp_path / "mine").write_text("x")
        assert kinfo_cli("vectors", "V1", "-o", tmp_path, "--force").code == 2
        assert [path.name for path in tmp_path.iterdir()] == ["mine"]
