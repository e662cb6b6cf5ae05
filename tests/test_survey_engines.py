"""The survey as a function on Arrow tables, and the engines that run it."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import kinfo
from kinfo.errors import KinfoError
from kinfo.survey import batch
from kinfo.survey.files import looked_at
from kinfo.survey.schema import OF_FIELDS, OF_RECORD
from tests.conftest import ROOT, Cli
from tests.test_survey import put, region

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install kinfo[survey]")
OWN = [column.name for column in (*OF_RECORD, *OF_FIELDS)]


def test_columns_are_what_the_survey_says_of_a_file(tmp_path: Path, shipped: Path) -> None:
    paths = [shipped / "pixel-5.10.bin", put(tmp_path / "a.gz", gzip.compress(region("C"), mtime=0))]
    paths += [put(tmp_path / "junk", b"nothing" * 99), put(tmp_path / "b", region("V4"))]
    blobs = [path.read_bytes() for path in paths]
    found = batch(pa.table({"path": [str(path) for path in paths], "bytes": blobs, "lab": list("wxyz")}))
    assert found.column_names == ["path", "lab", *OWN]
    wanted = [(at, row) for at, path in enumerate(paths) for row in looked_at(str(path)).rows]
    assert found.num_rows == len(wanted) == 5
    for row, (at, alone) in zip(found.to_pylist(), wanted, strict=True):
        assert {name: row[name] for name in OWN} == {name: alone[name] for name in OWN}
        assert (row["path"], row["lab"]) == (str(paths[at]), "wxyz"[at])
    assert str(found.schema.field("_stext_pa").type) == "uint64"
    assert str(found.schema.field("num_syms").type) == "uint32"


def test_rows_do_not_depend_on_their_neighbours() -> None:
    blobs = [region("C", seed) for seed in range(6)]
    whole = batch(pa.table({"b": blobs}), "b")
    halves = [batch(pa.table({"b": pa.array(part, pa.large_binary())}), "b") for part in (blobs[:2], blobs[2:])]
    assert whole.equals(pa.concat_tables(halves))


def test_nothing_in_nothing_out() -> None:
    empty = batch(pa.table({"bytes": pa.array([], pa.binary())}))
    assert (empty.num_rows, empty.column_names) == (0, OWN)
    (none,) = batch(pa.table({"bytes": pa.array([None], pa.binary())})).to_pylist()
    assert (
        none["reason"]
        == "row 0: 0 bytes are shorter than any record (72); dump the whole reserved-memory region (a page at least)"
    )


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"data": [b"a"]}, "the table has no column 'bytes'; name the one with the bytes: data"),
        ({"bytes": ["a"]}, "the column 'bytes' holds string, no bytes"),
        (
            {"bytes": [b"a"], "layout": ["x"], "size": [1]},
            "the table has a column 'layout', as the answer has",
        ),
    ],
)
def test_tables_that_it_cannot_take(columns: dict[str, list[object]], said: str) -> None:
    with pytest.raises(KinfoError) as caught:
        batch(pa.table(columns))
    assert str(caught.value).startswith(said)


def test_the_room_is_there_by_import() -> None:
    code = "import kinfo.survey, kinfo; assert kinfo.survey.batch.__name__ == 'batch'; assert kinfo.decode"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


RAY = (ROOT / "docs" / "survey.md").read_text().partition("<!-- ray -->\n```python\n")[2].partition("```")[0]


def test_ray_data_over_a_folder(tmp_path: Path) -> None:
    """The example of the document, as it stands there."""
    pytest.importorskip("ray", reason="ray is not installed: pip install 'ray[data]' runs the example of docs/survey.md")
    for seed in range(40):
        put(tmp_path / "dumps" / f"{seed % 4}" / f"{seed}.bin", region(("A2", "C", "D")[seed % 3], seed))
    assert "batch" in RAY
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT), "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
    done = subprocess.run(
        [sys.executable, "-c", RAY], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    from pyarrow import dataset

    read = {row["path"]: row for row in dataset.dataset(tmp_path / "fleet").to_table().to_pylist()}
    assert len(read) == 40
    for path, row in read.items():
        record = kinfo.decode(tmp_path / path)
        assert record.layout is not None
        assert (row["layout"], row["state"]) == (record.layout.alias, record.state.value)
        assert row["_stext_pa"] == record.number("_stext_pa")


DOCUMENT = (ROOT / "docs" / "survey.md").read_text()


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for seed in range(6):
        put(tmp_path / "dumps" / f"{seed}.bin", region(("C", "D")[seed % 2], seed))
    kinfo.survey_files([str(tmp_path / "dumps")], str(tmp_path / "fleet.parquet"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_documents_duckdb_example(fleet: Path) -> None:
    duckdb = pytest.importorskip(
        "duckdb", reason="duckdb is not installed: pip install duckdb runs the example of docs/survey.md"
    )
    queries = DOCUMENT.partition("<!-- duckdb -->\n```sql\n")[2].partition("```")[0].strip().split(";\n")
    by_version, by_code = [duckdb.sql(query).fetchall() for query in queries]
    assert by_version == [("6.12", "valid", 3), ("7.1", "valid", 3)]
    wanted = [code for path in fleet.rglob("*.bin") for code in {one.code for one in kinfo.decode(path).findings}]
    assert dict(by_code) == {code: wanted.count(code) for code in wanted}


def test_the_documents_polars_example(fleet: Path) -> None:
    pytest.importorskip("polars", reason="polars is not installed: pip install polars runs the example of docs/survey.md")
    assert (fleet / "fleet.parquet").is_file()
    names: dict[str, Any] = {}
    exec(DOCUMENT.partition("<!-- polars -->\n```python\n")[2].partition("```")[0], names)
    assert names["answer"].rows() == [("6.12", "valid", 3), ("7.1", "valid", 3)]


def test_the_documents_example_of_the_command(tmp_path: Path, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    samples = ["kinfo/samples/pixel-5.10.bin", "kinfo/samples/ram-6.12.bin"]
    ran = kinfo_cli("survey", *samples, "-o", tmp_path / "fleet.csv")
    assert f"{ran.out.removeprefix(f'{tmp_path}/')}exit code {ran.code}\n```" in DOCUMENT
