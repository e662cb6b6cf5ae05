"""A survey's table summed up: counts against decode's answers, outliers of a build, what is new."""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import kinfo
from kinfo.errors import KinfoError
from kinfo.survey.formats import form_of
from kinfo.survey.run import survey_files
from kinfo.survey.schema import BY_NAME
from tests.conftest import Cli
from tests.synthetic import make_fields, wrap
from tests.test_survey import fleet, put, suffix

__all__ = ["fleet", "suffix"]  # fixtures


def build(slide: int, **changed: object) -> bytes:
    """A record of one build, at another load address."""
    fields: dict[str, Any] = dict(make_fields("C", 1))
    fields |= {name: value + slide for name, value in fields.items() if name.endswith("_pa") and value}
    return wrap(kinfo.encode(fields | changed, "C"), "zero")[0]


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    """Four devices of one build, each at its own address; then one with another thread_size, and one with a moved table."""
    folder = tmp_path / "devices"
    for at in range(4):
        put(folder / f"{at}.bin", build(at << 21))
    put(folder / "stack.bin", build(9 << 21, thread_size=0x8000))
    fields = make_fields("C", 1)
    put(folder / "table.bin", build(0, _names_pa=fields["_names_pa"] + 8))
    return folder


class TestCounts:
    def test_are_what_decode_says(self, fleet: Path, suffix: str, tmp_path: Path) -> None:
        table = str(tmp_path / f"t{suffix}")
        survey_files([str(fleet)], table)
        found = kinfo.survey_report(table)
        records = [kinfo.decode(path) for path in fleet.rglob("*.bin") if path.stat().st_size and path.name != "junk.bin"]
        assert (found.rows, found.distinct, found.kinds) == (8, 6, {"record": 5, "none": 2, "erased": 1})
        counts = found.counts
        assert counts["layouts"] == Counter(one.layout.alias for one in records if one.layout)
        assert counts["states"] == Counter(one.state.value for one in records)
        assert counts["releases"] == Counter(one.release_text for one in records if one.release_text)
        assert counts["writers"] == Counter(name for one in records for name in one.writers)
        assert counts["findings"] == Counter(code for one in records for code in {each.code for each in one.findings})

    def test_of_a_folder(self, fleet: Path, tmp_path: Path) -> None:
        pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install kinfo[survey]")
        survey_files([str(fleet)], str(tmp_path / "one.parquet"))
        survey_files([str(fleet)], str(tmp_path / "many.parquet"), partition="release")
        one, many = (kinfo.survey_report(str(tmp_path / f"{name}.parquet")) for name in ("one", "many"))
        assert {name: Counter(count) for name, count in one.counts.items()} == many.counts
        assert one.rows == many.rows

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("gone.csv", "gone.csv: is not there; check the path"),
            ("folder.csv", "holds no table of kinfo's survey; name the table that survey wrote"),
            ("other.csv", "does not begin as a table of this kinfo's survey"),
            ("x.txt", "its name does not say what table it is"),
        ],
    )
    def test_what_is_no_table(self, name: str, said: str, tmp_path: Path, kinfo_cli: Cli) -> None:
        (tmp_path / "folder.csv").mkdir()
        (tmp_path / "other.csv").write_text("a,b\n1,2\n")
        ran = kinfo_cli("survey", "--report", tmp_path / name)
        assert (ran.code, ran.out) == (2, "")
        assert said in ran.err
        with pytest.raises(KinfoError):
            kinfo.survey_report(str(tmp_path / name))


class Failing(io.BytesIO):
    """A file whose disk, or network, fails behind its first line."""

    def read1(self, size: int | None = -1, /) -> bytes:
        del size
        raise OSError("AWS Error NETWORK_CONNECTION\nand more")


def test_a_table_that_cannot_be_read_to_its_end() -> None:
    form = form_of("t.csv")
    head = (",".join(BY_NAME) + "\n").encode()
    with pytest.raises(KinfoError, match=r"^t\.csv: cannot be read: AWS Error NETWORK_CONNECTION; try again$"):
        list(form.rows(Failing(head + b"x"), "t.csv", ["source"]))
    closed = os.open(os.devnull, os.O_WRONLY)
    with open(closed, "rb", buffering=0) as file, pytest.raises(KinfoError, match=r"^t\.csv: cannot be read: .*; try again$"):
        list(form.rows(file, "t.csv", ["source"]))


class TestOutliers:
    def test_what_contradicts_its_build(self, devices: Path, suffix: str, tmp_path: Path) -> None:
        table = str(tmp_path / f"t{suffix}")
        survey_files([str(devices)], table)
        found = kinfo.survey_report(table)
        assert found.outlier_count == 2
        stack, moved = found.outliers
        assert (Path(stack.source).name, stack.offset, stack.state) == ("stack.bin", 0, "valid")
        assert stack.fields == {"thread_size": (0x8000, 0x4000)}
        assert Path(moved.source).name == "table.bin"
        fields = make_fields("C", 1)
        size, place = fields["_markers_pa"] - fields["_names_pa"], fields["_names_pa"] - fields["_stext_pa"]
        assert moved.fields["names_size"] == (size - 8, size)
        assert moved.fields["_names_pa"] == (place + 8, place)

    def test_two_records_are_no_majority(self, tmp_path: Path) -> None:
        put(tmp_path / "in" / "a", build(0))
        put(tmp_path / "in" / "b", build(0, thread_size=0x8000))
        survey_files([str(tmp_path / "in")], str(tmp_path / "t.csv"))
        assert kinfo.survey_report(str(tmp_path / "t.csv")).outlier_count == 0

    def test_half_is_no_majority(self, tmp_path: Path) -> None:
        for at in range(4):
            put(tmp_path / "in" / f"{at}", build(at << 21, thread_size=0x8000 if at % 2 else 0x4000))
        survey_files([str(tmp_path / "in")], str(tmp_path / "t.csv"))
        assert kinfo.survey_report(str(tmp_path / "t.csv")).outlier_count == 0

    def test_damaged_records_do_not_outvote_sound_ones(self, tmp_path: Path) -> None:
        for at in range(3):
            put(tmp_path / "in" / f"{at}", build(at << 21))
        for at in range(5):
            data = bytearray(build(0, thread_size=0x8000))
            data[200] ^= 1 << at  # the sum is wrong, and thread_size is not what the others have
            put(tmp_path / "in" / f"damaged{at}", bytes(data))
        survey_files([str(tmp_path / "in")], str(tmp_path / "t.csv"))
        found = kinfo.survey_report(str(tmp_path / "t.csv"))
        assert found.outlier_count == 5
        assert {one.state for one in found.outliers} == {"mismatch"}
        assert all(one.fields["thread_size"] == (0x8000, 0x4000) for one in found.outliers)


class TestScreen:
    def test_text(self, devices: Path, tmp_path: Path, kinfo_cli: Cli) -> None:
        survey_files([str(devices)], str(tmp_path / "t.csv"))
        ran = kinfo_cli("survey", "--report", tmp_path / "t.csv")
        lines = ran.out.splitlines()
        assert ran.code == 0
        assert lines[:5] == [
            f"{tmp_path}/t.csv: 6 rows: 6 record",
            "  6 different records",
            "",
            "Layouts",
            f"  6  {'#' * 30}  C",
        ]
        assert "Outliers: 2 records that contradict most of their release" in lines
        assert any("stack.bin at 0x0" in line and "thread_size 0x8000 (0x4000)" in line for line in lines)

    def test_what_is_new(self, devices: Path, tmp_path: Path, kinfo_cli: Cli) -> None:
        survey_files([str(devices)], str(tmp_path / "old.csv"))
        put(devices / "new.bin", wrap(kinfo.encode(make_fields("D", 3), "D"), "zero")[0])
        survey_files([str(devices)], str(tmp_path / "new.csv"))
        ran = kinfo_cli("survey", "--report", tmp_path / "new.csv", "--since", tmp_path / "old.csv")
        assert f"New since {tmp_path}/old.csv: 1 records" in ran.out
        found = json.loads(
            kinfo_cli("survey", "--report", tmp_path / "new.csv", "--since", tmp_path / "old.csv", "--format", "json").out
        )
        assert (found["rows"], found["new_records"], found["new"]["layouts"]) == (7, 1, {"D": 1})
        assert found["new"]["versions"] == {"7.1": 1}
        assert found["outliers"][0]["fields"] == {"thread_size": {"here": 0x8000, "others": 0x4000}}
        same = kinfo_cli("survey", "--report", tmp_path / "new.csv", "--since", tmp_path / "new.csv")
        assert "no value that it lacks" in same.out

    def test_long_lists_are_cut_and_say_so(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        for at in range(14):
            put(tmp_path / "in" / f"{at:02}", wrap(kinfo.encode(make_fields("C", at), "C"), "zero")[0])
        survey_files([str(tmp_path / "in")], str(tmp_path / "t.csv"))
        assert "  and 2 more\n" in kinfo_cli("survey", "--report", tmp_path / "t.csv").out
