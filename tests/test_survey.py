"""Tables of many records: every cell against what decode says, whole or not at all, gone on with after an end of any kind."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo import whole_file
from kinfo.errors import KinfoError
from kinfo.record import locate, text
from kinfo.record.layouts import LAYOUTS
from kinfo.record.model import bits_of
from kinfo.survey import build_words, files, look, run, schema
from kinfo.survey.blobs import _alone, _read, rows_of_blobs
from kinfo.survey.formats import FORMS, form_of, iso_time, of_iso_time
from kinfo.survey.parts import KEY_COLUMNS, folder_of
from kinfo.survey.report import rows_of_table
from kinfo.survey.rows import FileFacts, file_time
from kinfo.survey.run import survey_files
from kinfo.survey.schema import BY_NAME, COLUMNS, TableRow
from tests.conftest import Cli
from tests.synthetic import MAIN, VENDOR, make_fields, wrap

OLD = 1_700_000_000  # when the files of a test were written: long ago
OLD_NS = OLD * 10**9 + 123_456_789  # as file systems keep it
SUFFIXES = [form.suffix for form in FORMS]


@pytest.fixture(params=SUFFIXES)
def suffix(request: pytest.FixtureRequest) -> str:
    if request.param == ".parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install kinfo[survey]")
    return str(request.param)


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, ns=(OLD_NS, OLD_NS))
    return path


def record(alias: str, seed: int = 0) -> bytes:
    return kinfo.encode(make_fields(alias, seed), alias)


def region(alias: str, seed: int = 0) -> bytes:
    return wrap(record(alias, seed), "zero")[0]


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """Records of several layouts, one damaged, one erased region, one file without a record, an empty one."""
    folder = tmp_path / "fleet"
    for alias in ("A2", "A6", "C", "D"):
        put(folder / "sound" / f"{alias}.bin", region(alias))
    damaged = bytearray(region("C", 1))
    damaged[100] ^= 8
    put(folder / "damaged.bin", bytes(damaged))
    put(folder / "erased.bin", bytes(4096))
    put(folder / "junk.bin", b"no record here" * 50)
    put(folder / "none.bin", b"")
    return folder


def table_of(name: Path | str) -> list[TableRow]:
    columns = list(BY_NAME)
    return [dict(zip(columns, cells, strict=True)) for cells in rows_of_table(str(name), columns)]


def by_source(rows: list[TableRow]) -> dict[str, TableRow]:
    return {os.path.basename(str(row["source"])): row for row in rows}


def field_cells(examined: kinfo.Examined) -> dict[str, object]:
    def cell(value: object) -> object:
        if isinstance(value, bytes):
            return text.escape(text.before_nul(value))
        return [cell(item) for item in value] if isinstance(value, tuple) else value

    return {name: cell(value) for name, value in examined.values.items()}


def same_as_decode(row: TableRow, examined: kinfo.Examined) -> None:
    """Every cell of a record's row, against the library's own answer."""
    layout = examined.layout
    assert layout is not None
    own = field_cells(examined)
    for column in schema.OF_FIELDS:
        assert row[column.name] == own.get(column.name), column.name
    assert (row["layout"], row["layout_name"], row["confidence"]) == (layout.alias, layout.name, examined.confidence.value)
    assert row["rivals"] == [rival.layout.alias for rival in examined.rivals]
    assert (row["state"], row["computed_checksum"]) == (examined.state.value, examined.checksum.computed)
    assert (row["size"], row["truncated"]) == (examined.size, examined.is_truncated)
    assert (row["offset"], row["address"]) == (examined.offset, examined.address)
    assert row["sha256"] == hashlib.sha256(examined.raw).hexdigest()
    assert row["writers"] == list(examined.writers)
    assert row["findings"] == list(dict.fromkeys(one.code for one in examined.findings))
    assert row["severity"] == (examined.findings[0].severity.value if examined.findings else None)
    assert row["release"] == (examined.release_text or None)


class TestRows:
    @pytest.mark.parametrize("alias", [*MAIN, *VENDOR])
    def test_every_layout(self, alias: str, tmp_path: Path) -> None:
        path = put(tmp_path / "region.bin", region(alias))
        rows = files.looked_at(str(path)).rows
        examined = kinfo.decode_all(path)
        assert len(rows) == sum(1 + bool(one.vendor) for one in examined)
        same_as_decode(rows[0], examined[0])
        assert rows[0]["kind"] == ("vendor" if alias in VENDOR else "record")
        assert (rows[0]["source"], rows[0]["file_size"], rows[0]["modified"]) == (str(path), 4096, OLD_NS // 1000)
        assert rows[0]["settled"] is True
        assert rows[0]["reason"] is None

    def test_every_field_of_every_layout_has_a_column_of_its_width(self) -> None:
        for layout in LAYOUTS:
            for field in layout.fields:
                kind = BY_NAME[field.name].kind
                wanted = f"u{field.bits}" if field.bits else "text"
                assert kind == (f"{wanted}s" if field.elements else wanted)
        assert BY_NAME["_stext_pa"].kind == "u64"
        assert bits_of("num_syms") == 32
        assert len({column.name for column in COLUMNS}) == len(COLUMNS)

    def test_a_vendor_block_has_a_row(self, shipped: Path) -> None:
        rows = files.looked_at(str(shipped / "pixel-5.10.bin")).rows
        (examined,) = kinfo.decode_all(shipped / "pixel-5.10.bin")
        assert examined.vendor is not None
        assert [row["kind"] for row in rows] == ["record", "vendor"]
        same_as_decode(rows[0], examined)
        same_as_decode(rows[1], examined.vendor)

    def test_image_and_tables(self, shipped: Path) -> None:
        row = files.looked_at(str(shipped / "pixel-5.10.bin")).rows[0]
        assert (row["image_start"], row["image_size"]) == (0x8DC00000, 0x8FB70000 - 0x8DC00000)
        assert row["names_size"] == 0x8F2F3EC8 - 0x8F09B398
        assert row["token_table_size"] == 0x8F2F5058 - 0x8F2F4C70
        assert row["tables_span"] == 0x8F2F5058 - 0x8EFC0D58
        assert (row["product"], row["os_release"], row["build_type"]) == ("komodo", "15", "user")

    def test_tables_in_disorder_have_no_size(self, tmp_path: Path) -> None:
        fields = make_fields("C", 1)
        fields["_names_pa"], fields["_markers_pa"] = fields["_markers_pa"], fields["_names_pa"]
        row = files.looked_at(str(put(tmp_path / "a", kinfo.encode(fields, "C")))).rows[0]
        assert row["names_size"] is None
        assert row["token_table_size"] is not None

    def test_files_without_a_record_have_the_reason(self, fleet: Path) -> None:
        rows = {name: files.looked_at(str(fleet / name)).rows for name in ("junk.bin", "none.bin", "erased.bin", "missing")}
        assert [(row["kind"], row["reason"]) for row in rows["none.bin"]] == [
            ("none", f"{fleet}/none.bin: is empty; check the command that wrote it")
        ]
        assert rows["junk.bin"][0]["kind"] == "none"
        with pytest.raises(KinfoError) as caught:
            kinfo.decode(fleet / "junk.bin")
        assert rows["junk.bin"][0]["reason"] == str(caught.value)
        assert rows["missing"][0]["kind"] == "unread"
        assert rows["missing"][0]["file_size"] is None
        assert (rows["erased.bin"][0]["kind"], rows["erased.bin"][0]["state"]) == ("erased", "erased")
        assert rows["erased.bin"][0]["findings"] == ["record-erased"]

    def test_many_records_of_one_dump(self, tmp_path: Path) -> None:
        path = put(tmp_path / "ram", b"".join(region("C", seed) for seed in range(8)))
        rows = files.looked_at(str(path)).rows
        by_offset = {one.offset: one for one in kinfo.decode_all(path)}
        assert [row["offset"] for row in rows] == [4096 * at for at in range(8)]
        for row in rows:
            same_as_decode(row, by_offset[int(str(row["offset"]))])

    def test_where_a_dump_of_magics_ends_is_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        dump = bytearray(30 * 4096)
        for page in range(30):
            dump[page * 4096 : page * 4096 + 4] = record("C")[:4]
        dump[: len(record("C"))] = record("C")
        monkeypatch.setattr(locate, "MAX_MAGICS", 20)
        rows = files.looked_at(str(put(tmp_path / "pattern", bytes(dump)))).rows
        assert [row["kind"] for row in rows if row["kind"] != "vendor"] == ["record", "unread"]
        assert "more than 20 magics" in str(rows[-1]["reason"])
        dump[100] ^= 1  # without a sound record every word is looked at
        monkeypatch.setattr(look, "MAX_MAGICS", 20)
        rows = files.looked_at(str(put(tmp_path / "pattern", bytes(dump)))).rows
        assert rows[-1]["kind"] == "unread"
        assert "more than 20 magics" in str(rows[-1]["reason"])

    def test_damaged_packed_data_is_unread(self, tmp_path: Path) -> None:
        import gzip

        whole = gzip.compress(region("C") * 40, mtime=0)
        (row,) = files.looked_at(str(put(tmp_path / "cut.gz", whole[: len(whole) // 2]))).rows
        assert row["kind"] == "unread"
        rows = files.looked_at(str(put(tmp_path / "whole.gz", gzip.compress(region("C"), mtime=0)))).rows
        assert rows[0]["layout"] == "C"

    def test_a_file_that_changes_while_it_is_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = put(tmp_path / "a", region("C"))
        rows_in = look.rows_in

        def changing(opened: object) -> object:
            put(path, region("C", 2) + bytes(4096))
            return rows_in(opened)  # type: ignore[arg-type]

        monkeypatch.setattr(files, "rows_in", changing)
        looked = files.looked_at(str(path))
        assert looked.is_changed
        assert looked.rows[0]["settled"] is False

    def test_a_fresh_file_is_not_settled(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(region("C"))
        os.utime(tmp_path / "a", (1 << 33, 1 << 33))  # the future counts as now
        assert files.looked_at(str(tmp_path / "a")).rows[0]["settled"] is False
        assert FileFacts("a", 1, 2, is_settled=True).cells["settled"] is True


def wild(seed: int) -> bytes:
    """A region with a record of any layout, sound or damaged in any of many ways."""
    rng = random.Random(seed)
    alias = rng.choice([*MAIN, *VENDOR])
    data = bytearray(wrap(record(alias, seed), rng.choice(["alone", "zero", "zero", "noise", "embedded"]), seed)[0])
    for _ in range(rng.choice([0, 0, 1, 3, 40])):
        data[rng.randrange(min(len(data), 600))] ^= 1 << rng.randrange(8)
    if rng.random() < 0.1:
        data = data[: rng.randrange(len(data))]
    if rng.random() < 0.1:
        data[len(data) // 2 :] = record(rng.choice(VENDOR), seed).ljust(len(data), b"\0")[: len(data) - len(data) // 2]
    return bytes(data)


def together_as_alone(count: int, first: int) -> None:
    blobs = [wild(seed) for seed in range(first, first + count)]
    blobs += [b"", bytes(4096), b"\x7fELF" + bytes(60)]
    found = list(rows_of_blobs([f"blob {at}" for at in range(len(blobs))], blobs))
    assert found == [_alone(f"blob {at}", blob) for at, blob in enumerate(blobs)]


@pytest.mark.parametrize("size", [0, 1, 71, 72, 100, 4096, 1 << 16, (1 << 16) + 1])
@pytest.mark.parametrize("filling", [b"\0", b"\xff", b"A"])
def test_a_region_that_nobody_wrote_is_read_once(size: int, filling: bytes) -> None:
    for _ in range(2):
        found = _alone("x", filling * size)
        assert found == _read("x", filling * size)
        found[0].clear()  # it is the caller's own


def test_many_together_are_as_each_alone() -> None:
    together_as_alone(250, 0)


@pytest.mark.parametrize(
    ("release", "wanted"),
    [
        ("6.12.38-android16-5-g1d9b3c5a7e20-ab13579246", ("6.12", 38, 16, 5, "1d9b3c5a7e20", "13579246")),
        ("5.10.107-android13-4-00020-g5a3a4f5b6c7d-ab8456789", ("5.10", 107, 13, 4, "5a3a4f5b6c7d", "8456789")),
        ("6.1.99-android14-11-g9224d60f52bc-abP123", ("6.1", 99, 14, 11, "9224d60f52bc", "P123")),
        ("7.1.0-rc2-next-20260707-g97ccafd36f03", ("7.1", 0, None, None, "97ccafd36f03", None)),
        ("6.12", ("6.12", None, None, None, None, None)),
        ("6.12.4-android", ("6.12", 4, None, None, None, None)),
        ("6.1.0-18-arm64", ("6.1", 0, None, None, None, None)),
        ("6.6.1-gabcdefg", ("6.6", 1, None, None, None, None)),
    ],
)
def test_releases_taken_apart(release: str, wanted: tuple[object, ...]) -> None:
    columns = ("version", "patch_level", "android_release", "kmi_generation", "commit", "kernel_build")
    examined = kinfo.decode(kinfo.encode(make_fields("C", 1) | {"last_uts_release": release}, "C"), layout="C")
    assert examined.release is not None
    found = build_words.of_release(release, examined.release.version)
    assert tuple(found[name] for name in columns) == wanted


def test_what_is_no_release_and_no_fingerprint_is_not_guessed_at() -> None:
    assert build_words.of_release("Linux", None) == {"release": "Linux"}
    assert build_words.of_release("", None) == {"release": None}
    assert build_words.of_fingerprint("google/a/b:15/AP4A.1/12:user/release-keys")["incremental"] == "12"
    for wrong in ("", "google/a/b:15/AP4A.1/12:user", "a/b:c", "google/a/b:15/x/y:user/release-keys/more", "g/a/b:1/2/3:u/"):
        assert build_words.of_fingerprint(wrong) == {}


def test_a_stale_fingerprint_is_nobodys(tmp_path: Path) -> None:
    fields = make_fields("C", 1) | {"build_info": "google/a/b:15/AP4A.1/12:user/release-keys"}
    echoed = fields | {"build_info": b"google/a/b:15/AP4A.1/12:user/release-keys\n"}
    stale = kinfo.encode(fields, "C", {"build_info": b"se-keys"})
    assert files.looked_at(str(put(tmp_path / "a", stale))).rows[0]["product"] is None
    assert files.looked_at(str(put(tmp_path / "b", kinfo.encode(fields, "C")))).rows[0]["product"] == "a"
    assert files.looked_at(str(put(tmp_path / "c", kinfo.encode(echoed, "C")))).rows[0]["build_tags"] == "release-keys"


class TestForms:
    def test_a_row_comes_back_as_it_was(self, fleet: Path, suffix: str, tmp_path: Path) -> None:
        put(fleet / "vendor.bin", region("V4"))
        wanted = [row for path in sorted(fleet.rglob("*.bin")) for row in files.looked_at(str(path)).rows]
        survey_files([str(fleet)], str(tmp_path / f"t{suffix}"))
        found = by_source(table_of(tmp_path / f"t{suffix}"))
        assert found == by_source(wanted)

    def test_what_other_readers_make_of_it(self, fleet: Path, suffix: str, tmp_path: Path) -> None:
        name = tmp_path / f"t{suffix}"
        survey_files([str(fleet / "sound")], str(name))
        fields = kinfo.decode(fleet / "sound" / "C.bin").fields
        row: dict[str, object]
        if suffix == ".csv":
            with name.open(newline="") as file:
                row = {key: int(cell) if cell.isdigit() else cell for key, cell in list(csv.DictReader(file))[2].items()}
        elif suffix == ".jsonl":
            row = json.loads(name.read_text().splitlines()[2])
        else:
            from pyarrow import parquet

            read = parquet.read_table(name)
            assert str(read.schema.field("_stext_pa").type) == "uint64"
            assert read.schema.field("_stext_pa").metadata[b"meaning"] == b"Start of the kernel's executable text"
            row = read.to_pylist()[2]
        assert row["_stext_pa"] == fields["_stext_pa"]
        assert row["last_uts_release"] == fields["last_uts_release"]
        if suffix != ".parquet":
            assert row["modified"] == "2023-11-14T22:13:20.123456Z"

    @given(st.integers(-30_610_224_000_000_000, 253_402_300_799_999_999))
    def test_times_come_back(self, time: int) -> None:
        assert file_time(time * 1000 + 999) == time
        assert of_iso_time(iso_time(time)) == time

    def test_times_that_no_calendar_has(self) -> None:
        assert file_time(None) is None
        assert file_time((1 << 40) * 10**9) is None
        assert file_time(253_402_300_799_999_999_999) == 253_402_300_799_999_999

    def test_a_name_that_says_no_form(self) -> None:
        with pytest.raises(KinfoError, match=r"its name does not say what table it is; let t\.txt end in \.parquet, \.csv"):
            form_of("t.txt")

    def test_without_pyarrow_there_is_no_parquet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(KinfoError, match=r"needs pyarrow, which is not installed; install kinfo\[survey\]"):
            form_of("t.parquet")
        with pytest.raises(KinfoError, match=r"s3://a/b: needs pyarrow"):
            survey_files(["s3://a/b"], "t.csv")
        assert not os.path.exists("t.csv.parts")


class TestRuns:
    def test_append_skips_what_is_there(self, fleet: Path, suffix: str, tmp_path: Path) -> None:
        name = str(tmp_path / f"t{suffix}")
        first = survey_files([str(fleet)], name)
        assert (first.files, first.skipped, first.rows) == (8, 0, 8)
        again = survey_files([str(fleet)], name, append=True)
        assert (again.files, again.skipped, again.rows) == (8, 8, 0)
        put(fleet / "new.bin", region("C", 9))
        assert survey_files([str(fleet)], name, append=True).rows == 1
        assert len(table_of(name)) == 9

    def test_what_may_not_be_read_is_looked_at_again(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Rights change without the time of the last change."""
        name, path = str(tmp_path / "t.csv"), put(tmp_path / "in" / "a", region("C"))
        monkeypatch.setattr(run, "_CHUNK", 1)
        with monkeypatch.context() as shut:
            shut.setattr(os, "access", lambda *_: False)
            shut.setattr(files, "_blob", lambda _: None)
            shut.setattr(files, "open_file", refused)
            assert survey_files([str(path)], name).kinds == {"unread": 1}
        again = survey_files([str(path)], name, append=True)
        assert (again.skipped, again.kinds) == (0, {"record": 1})
        assert survey_files([str(path)], name, append=True).skipped == 1

    def test_hashes_tell_where_times_do_not(self, tmp_path: Path, suffix: str) -> None:
        name = str(tmp_path / f"t{suffix}")
        path = put(tmp_path / "in" / "a", region("C"))
        survey_files([str(path.parent)], name)
        os.utime(path, (OLD + 1, OLD + 1))  # touched, and the same
        again = survey_files([str(path.parent)], name, append=True)
        assert (again.skipped, again.rows, again.repeated) == (0, 0, 1)
        put(path, region("C", 5))
        os.utime(path, (OLD + 2, OLD + 2))
        assert survey_files([str(path.parent)], name, append=True).rows == 1

    def test_once(self, tmp_path: Path, suffix: str) -> None:
        for name in "abc":
            put(tmp_path / "in" / name, region("C"))
        put(tmp_path / "in" / "d", region("C", 2))
        every, once = (str(tmp_path / f"{name}{suffix}") for name in ("every", "once"))
        assert survey_files([str(tmp_path / "in")], every).rows == 4
        assert survey_files([str(tmp_path / "in")], once, once=True).rows == 2
        put(tmp_path / "in" / "e", region("C", 2))
        assert survey_files([str(tmp_path / "in")], once, once=True, append=True).rows == 0
        assert survey_files([str(tmp_path / "in")], every, append=True).rows == 1

    def test_a_file_that_is_named_twice_is_there_once(self, fleet: Path, tmp_path: Path) -> None:
        assert survey_files([str(fleet), str(fleet), str(fleet / "junk.bin")], str(tmp_path / "t.csv")).rows == 8

    def test_links_lead_nowhere_twice(self, fleet: Path, tmp_path: Path) -> None:
        (fleet / "sound" / "loop").symlink_to(fleet)
        (fleet / "linked.bin").symlink_to(fleet / "junk.bin")
        os.mkfifo(fleet / "fifo")
        done = survey_files([str(fleet)], str(tmp_path / "t.csv"))
        assert done.rows == 9  # what is no file is passed over

    def test_names_of_any_bytes(self, tmp_path: Path, suffix: str) -> None:
        for name in (b"a\xfe", b"new\nline", b"quote\"', ;"):
            put(tmp_path / "in" / os.fsdecode(name), region("C"))
        survey_files([str(tmp_path / "in")], str(tmp_path / f"t{suffix}"))
        names = {os.path.basename(str(row["source"])) for row in table_of(tmp_path / f"t{suffix}")}
        assert names == {"a\\xfe", "new\\x0aline", "quote\"', ;"}

    def test_an_existing_table_stays(self, fleet: Path, suffix: str, tmp_path: Path) -> None:
        name = tmp_path / f"t{suffix}"
        survey_files([str(fleet)], str(name))
        before = name.read_bytes()
        with pytest.raises(KinfoError, match="exists already; add to it with --append, overwrite it with --force"):
            survey_files([str(fleet / "sound")], str(name))
        assert name.read_bytes() == before
        assert survey_files([str(fleet / "sound")], str(name), force=True).rows == 4
        assert len(table_of(name)) == 4

    def test_what_is_no_table_of_ours_stays(self, fleet: Path, suffix: str, tmp_path: Path) -> None:
        name = tmp_path / f"t{suffix}"
        name.write_bytes(b"my thesis\n")
        for is_added in (True, False):
            with pytest.raises(KinfoError, match=r"t\.\w+: (is no whole table|does not begin as a table)"):
                survey_files([str(fleet)], str(name), append=is_added, force=not is_added)
        assert name.read_bytes() == b"my thesis\n"
        assert not os.path.exists(folder_of(str(name)))

    def test_a_cut_table_is_not_added_to(self, fleet: Path, suffix: str, tmp_path: Path) -> None:
        name = tmp_path / f"t{suffix}"
        survey_files([str(fleet)], str(name))
        cut = name.read_bytes()[:-20]
        name.write_bytes(cut)
        with pytest.raises(KinfoError, match=r"is no whole table: .*; move it away, and survey anew"):
            survey_files([str(fleet)], str(name), append=True)
        assert name.read_bytes() == cut

    def test_a_flipped_bit_of_a_page_is_noticed(self, fleet: Path, tmp_path: Path) -> None:
        """Parquet's pages have checksums; without them a third of all flipped bits were other numbers."""
        pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install kinfo[survey]")
        from pyarrow import parquet

        table = tmp_path / "t.parquet"
        survey_files([str(fleet)], str(table))
        good, group = table.read_bytes(), parquet.ParquetFile(table).metadata.row_group(0)
        for name in ("source", "num_syms", "_stext_pa", "sha256"):
            column = next(one for at in range(group.num_columns) if (one := group.column(at)).path_in_schema == name)
            last = min(column.data_page_offset, column.dictionary_page_offset or column.data_page_offset)
            last += column.total_compressed_size - 1  # of the last page's data
            table.write_bytes(good[:last] + bytes([good[last] ^ 4]) + good[last + 1 :])
            with pytest.raises(KinfoError, match=r"is no whole table: .*; move it away, and survey anew"):
                table_of(table)

    def test_a_table_of_others(self, fleet: Path, tmp_path: Path) -> None:
        pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install kinfo[survey]")
        from pyarrow import parquet

        parquet.write_table(pa.table({"source": ["a"]}), tmp_path / "t.parquet")
        with pytest.raises(KinfoError, match=r"is Parquet, but no table of this kinfo's survey: it is not overwritten"):
            survey_files([str(fleet)], str(tmp_path / "t.parquet"), force=True)

    def test_two_at_once(self, fleet: Path, tmp_path: Path) -> None:
        from kinfo.survey.parts import Parts
        from kinfo.survey.storage import storage_of

        name = str(tmp_path / "t.csv")
        with (
            Parts(storage_of(name), name, form_of(name)).alone(),
            pytest.raises(KinfoError, match=r"t\.csv\.parts: another survey is writing there; wait for it"),
        ):
            survey_files([str(fleet)], name)

    def test_a_full_disk(self, fleet: Path, tmp_path: Path) -> None:
        code = f"""
import resource, signal
from kinfo.survey.run import survey_files
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
survey_files([{str(fleet)!r}], {str(tmp_path / "t.jsonl")!r}, part_rows=1)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert "cannot write: File too large; make room, or write to another disk" in done.stderr
        assert not (tmp_path / "t.jsonl").exists()

    def test_a_disk_that_was_full_before(self, fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What another run left stays; where there is nothing to go on from, nothing stays."""
        name = tmp_path / "t.csv"
        code = f"""
import os
from kinfo.survey import parts, run
add = parts.Parts.add
def adding(self, payloads):
    add(self, payloads)
    os._exit(9)
parts.Parts.add = adding
run._CHUNK = 1
run.survey_files([{str(fleet)!r}], {str(name)!r}, part_rows=1)
"""
        for is_gone_on_with in (False, True):
            if is_gone_on_with:
                assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
            with monkeypatch.context() as full:
                full.setattr(whole_file, "_write_beside", no_room)
                with pytest.raises(KinfoError, match=r"plan\.json: cannot write: No space left on device; make room"):
                    survey_files([str(fleet)], str(name))
            assert Path(folder_of(str(name))).exists() is is_gone_on_with
        assert survey_files([str(fleet)], str(name)).kept > 0


def refused(path: str) -> None:
    raise KinfoError(f"{path}: Permission denied", "check the path and its permissions")


def no_room(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def a_hundred(folder: Path) -> Path:
    rng = random.Random(1)
    for at in range(80):
        data = bytearray(region(("A2", "C", "D")[at % 3], at))
        if not at % 7:
            data[rng.randrange(300)] ^= 1 << rng.randrange(8)
        put(folder / f"{at % 10}" / f"{at:04}.bin", bytes(data))
    return folder


KILLED = """
import os, sys
from kinfo.survey import parts, run
from kinfo.survey.run import survey_files
run._CHUNK = 8
add = parts.Parts.add
def adding(self, payloads):
    add(self, payloads)
    if len(self) == 2:
        print(flush=True)
        {end}
parts.Parts.add = adding
survey_files([{folder!r}], {table!r}, part_rows=16, **{options!r})
"""


def end_in_the_middle(folder: Path, table: Path, end: str, **options: object) -> subprocess.CompletedProcess[str]:
    code = KILLED.format(folder=str(folder), table=str(table), end=end, options=options)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


SIGKILLED = "os.kill(os.getpid(), 9)"
INTERRUPTED = "os.kill(os.getpid(), 2)"


class TestEnds:
    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(run, "_CHUNK", 8)

    def test_a_run_that_is_killed_is_gone_on_with(self, tmp_path: Path, suffix: str) -> None:
        self.ended_and_gone_on_with(SIGKILLED, tmp_path, suffix)

    def test_a_run_that_is_interrupted_likewise(self, tmp_path: Path) -> None:
        self.ended_and_gone_on_with(INTERRUPTED, tmp_path, ".csv")

    def ended_and_gone_on_with(self, end: str, tmp_path: Path, suffix: str) -> None:
        folder = a_hundred(tmp_path / "in")
        undisturbed, killed = tmp_path / f"undisturbed{suffix}", tmp_path / f"killed{suffix}"
        survey_files([str(folder)], str(undisturbed), part_rows=16)
        done = end_in_the_middle(folder, killed, end)
        assert done.returncode in (-signal.SIGKILL, -signal.SIGINT, 1)
        assert not killed.exists()
        parts = Path(folder_of(str(killed)))
        assert len([one for one in parts.iterdir() if one.name.startswith("part-")]) == 2
        resumed = survey_files([str(folder)], str(killed), part_rows=16)
        assert (resumed.kept, resumed.skipped, resumed.rows) == (32, 32, 48)
        assert table_of(killed) == table_of(undisturbed)
        assert killed.read_bytes() == undisturbed.read_bytes()
        assert not parts.exists()

    def test_an_append_that_is_killed(self, tmp_path: Path, suffix: str) -> None:
        folder = a_hundred(tmp_path / "in")
        table = tmp_path / f"t{suffix}"
        survey_files([str(folder / "0")], str(table))
        before = table.read_bytes()
        assert end_in_the_middle(folder, table, SIGKILLED, append=True).returncode == -signal.SIGKILL
        assert table.read_bytes() == before
        assert survey_files([str(folder)], str(table), append=True, part_rows=16).rows == 80 - 8 - 32
        assert sorted(str(row["source"]) for row in table_of(table)) == sorted(map(str, folder.rglob("*.bin")))

    def test_parts_of_another_survey_are_left_out(self, tmp_path: Path) -> None:
        folder = a_hundred(tmp_path / "in")
        table = tmp_path / "t.csv"
        end_in_the_middle(folder, table, SIGKILLED, once=True)
        assert survey_files([str(folder)], str(table)).kept == 0
        assert len(table_of(table)) == 80

    def test_a_worker_that_is_killed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in "abcd":
            put(tmp_path / "in" / name, region("C"))
        looked_at_many, parent = files.looked_at_many, os.getpid()

        def killing(paths: Sequence[str]) -> Iterator[files.Looked]:
            if any(path.endswith("c") for path in paths) and os.getpid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)
            return looked_at_many(paths)

        monkeypatch.setattr(run, "looked_at_many", killing)
        monkeypatch.setattr(run, "_CHUNK", 2)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
        done = survey_files([str(tmp_path / "in")], str(tmp_path / "t.csv"))
        assert (done.rows, done.kinds) == (4, {"record": 3, "unread": 1})
        killed = by_source(table_of(tmp_path / "t.csv"))["c"]
        assert str(killed["reason"]).endswith(
            "/c: the process that read it was killed (signal 9), twice; is memory short? take it alone"
        )


class TestPartitions:
    @pytest.fixture(autouse=True)
    def _parquet(self) -> None:
        pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install kinfo[survey]")

    @pytest.mark.parametrize(("partition", "key"), [("day", "day"), ("release", "kernel")])
    def test_a_folder_holds_what_a_file_would(self, partition: str, key: str, fleet: Path, tmp_path: Path) -> None:
        os.utime(fleet / "damaged.bin", (OLD + 86_400, OLD + 86_400))
        survey_files([str(fleet)], str(tmp_path / "one.parquet"))
        name = str(tmp_path / "many.parquet")
        survey_files([str(fleet)], name, partition=partition)
        assert by_source(table_of(name)) == by_source(table_of(tmp_path / "one.parquet"))
        values = {path.name for path in Path(name).iterdir()}
        days = {"day=2023-11-14", "day=2023-11-15"}
        kernels = {f"kernel={value}" for value in ("6.1", "6.6", "6.12", "7.1", "__HIVE_DEFAULT_PARTITION__")}
        assert values == (days if key == "day" else kernels)
        put(fleet / "new.bin", region("C", 9))
        assert survey_files([str(fleet)], name, partition=partition, append=True).rows == 1
        assert len(table_of(name)) == 9
        assert survey_files([str(fleet)], name, partition=partition, force=True).rows == 9
        assert {path.name for path in Path(name).rglob("*.parquet")} == {"rows-00000.parquet"}

    def test_other_readers_know_the_partitions(self, fleet: Path, tmp_path: Path) -> None:
        from pyarrow import dataset

        survey_files([str(fleet)], str(tmp_path / "t.parquet"), partition="day")
        read = dataset.dataset(tmp_path / "t.parquet", partitioning="hive").to_table(columns=["source", "day"])
        assert {*read.column("day").to_pylist()} == {"2023-11-14"}
        assert read.num_rows == 8

    def test_an_end_between_two_moves(self, fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from kinfo.survey.storage import Disk

        name = str(tmp_path / "t.parquet")
        rename, moved = Disk.rename, [0]

        def ending(self: Disk, old: str, new: str) -> None:
            if moved[0] == 2:
                raise KeyboardInterrupt
            moved[0] += 1
            rename(self, old, new)

        with monkeypatch.context() as patched:
            patched.setattr(Disk, "rename", ending)
            with pytest.raises(KeyboardInterrupt):
                survey_files([str(fleet)], name, partition="release")
        again = survey_files([str(fleet)], name, partition="release", append=True)
        assert again.rows == 0
        assert len(table_of(name)) == 8

    def test_what_is_no_folder_of_tables(self, fleet: Path, tmp_path: Path) -> None:
        (tmp_path / "file.parquet").write_bytes(b"x")
        (tmp_path / "folder.parquet").mkdir()
        cases = {
            "file.parquet": "is no folder, as a table in partitions is; leave --partition out",
            "folder.parquet": "holds no table of kinfo's survey; name another folder, or remove it",
        }
        for name, said in cases.items():
            with pytest.raises(KinfoError, match=said):
                survey_files([str(fleet)], str(tmp_path / name), partition="day", force=True)
        with pytest.raises(KinfoError, match=r"a table in a folder is of Parquet files; let its name end in \.parquet"):
            survey_files([str(fleet)], str(tmp_path / "t.csv"), partition="day")


class TestCommand:
    def test_exit_codes(self, fleet: Path, tmp_path: Path, kinfo_cli: Cli) -> None:
        one = kinfo_cli("survey", fleet / "sound", "-o", tmp_path / "a.csv")
        assert (one.code, one.out) == (0, f"{tmp_path}/a.csv: 4 rows added of 4 files: 4 record\n")
        two = kinfo_cli("survey", fleet, "-o", tmp_path / "b.csv")
        assert (two.code, two.out) == (1, f"{tmp_path}/b.csv: 8 rows added of 8 files: 1 erased, 2 none, 5 record\n")
        three = kinfo_cli("survey", fleet / "missing", fleet / "sound", "-o", tmp_path / "c.csv")
        assert (three.code, three.out) == (2, f"{tmp_path}/c.csv: 5 rows added of 5 files: 4 record, 1 unread\n")
        assert three.err == "kinfo: 1 file could not be read: the column `reason` says why\n"
        (tmp_path / "bare").mkdir()
        ran = kinfo_cli("survey", tmp_path / "bare", "-o", tmp_path / "d.csv")
        assert (ran.code, ran.err) == (0, "kinfo: no file is there: name some, or another folder\n")
        again = kinfo_cli("survey", fleet, "-o", tmp_path / "b.csv", "--append")
        assert again.out.splitlines()[1] == "  8 files were not read: their rows are there, by name, size and time"
        assert kinfo_cli("survey", fleet, "-o", tmp_path / "b.csv").code == 2

    def test_a_list_of_files(self, fleet: Path, tmp_path: Path, kinfo_cli: Cli) -> None:
        listed = tmp_path / "list"
        listed.write_text(f"{fleet}/sound/C.bin\n{fleet}/sound/D.bin\n{fleet}/gone\n")
        ran = kinfo_cli("survey", "--files-from", listed, "-o", tmp_path / "t.csv")
        assert (ran.code, ran.out.split(": ", 1)[1]) == (2, "3 rows added of 3 files: 2 record, 1 unread\n")
        reasons = [row["reason"] for row in table_of(tmp_path / "t.csv") if row["reason"]]
        assert reasons == [f"{fleet}/gone: No such file or directory; check the path and its permissions"]

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ((), "name files or folders, and the table with -o; or a table with --report"),
            (("x",), "name files or folders, and the table with -o"),
            (("x", "-o", "t.csv", "--since", "u"), "--since goes with --report"),
            (("x", "-o", "t.csv", "--format", "json"), "--format goes with --report"),
            (("-", "-o", "t.csv"), "- has no name that a table could have"),
            (("x", "-o", "t.csv", "--append", "--force"), "--append keeps what --force overwrites"),
            (("x", "--report", "t.csv"), "--report sums a table up"),
        ],
    )
    def test_words_that_do_not_go_together(self, words: tuple[str, ...], said: str, kinfo_cli: Cli) -> None:
        ran = kinfo_cli("survey", *words)
        assert ran.code == 2
        assert said in " ".join(ran.err.split())

    def test_what_it_says_of_changes_and_earlier_runs(self) -> None:
        from kinfo.report import survey as report
        from kinfo.survey.run import Surveyed

        said = report.done(Surveyed("t.csv", 3, 0, 2, 7, 1200, {"record": 2}, {}, ("a", "b")))
        assert said.splitlines() == [
            "t.csv: 2 rows added of 3 files: 2 record",
            "  1,200 rows are of a run before, which did not end",
            "  7 rows were not added: they are there, with the same content",
            "  2 changed while they were read, as a: survey them again with --append",
        ]

    def test_progress_is_for_terminals(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        from kinfo.cli import progress

        monkeypatch.setattr(progress, "_EVERY", 0)
        with progress.SurveyProgress() as bar:
            bar.move(1, 2)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        with progress.SurveyProgress() as bar:
            bar.move(1000, 2000)
        assert capsys.readouterr().err == "\r\033[K1,000 files, 2,000 rows\r\033[K"


def test_keys_are_columns() -> None:
    assert set(KEY_COLUMNS) <= set(BY_NAME)


def test_lots_of_files_grow_and_each_processor_has_one_soon() -> None:
    many = [files.ToLookAt(f"{number}", "", 4096, 1) for number in range(60_000)]
    lots = [len(lot) for lot in run._chunks(many, 8192)]
    assert (lots[0], sum(lots)) == (512, 60_000)
    assert lots[:-1] == sorted(lots[:-1])
    assert max(lots) == 8192
    large = [files.ToLookAt(f"{number}", "", 20 << 20, 1) for number in range(5)]
    assert [len(lot) for lot in run._chunks(large, 8192)] == [2, 2, 1]


def test_a_file_that_is_not_read_whole_is_opened_as_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [str(put(tmp_path / f"{seed}", region("C", seed))) for seed in range(3)]
    wanted = [one.rows for one in map(files.looked_at, paths)]
    read = os.read
    monkeypatch.setattr(os, "read", lambda handle, size: read(handle, size)[: min(size, 99)])
    assert [files._blob(path) for path in paths] == [None] * 3
    assert [one.rows for one in files.looked_at_many(paths)] == wanted
