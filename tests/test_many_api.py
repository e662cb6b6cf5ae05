"""`kinfo.decode_each`: many dumps for programs."""

from __future__ import annotations

import io
import pickle
import shutil
import threading
from pathlib import Path

import pytest

import kinfo


@pytest.fixture
def fleet(tmp_path: Path, shipped: Path) -> Path:
    for name in ("pixel-5.10.bin", "ram-6.12.bin"):
        shutil.copy(shipped / name, tmp_path / name)
    (tmp_path / "empty").touch()
    return tmp_path


@pytest.mark.parametrize("jobs", [None, 1, 2])
def test_every_dump_as_decode_has_it(fleet: Path, jobs: int | None) -> None:
    found = {Path(one.path).name: one for one in kinfo.decode_each(fleet, jobs=jobs)}
    assert list(found) == ["empty", "pixel-5.10.bin", "ram-6.12.bin"]
    assert (found["empty"].records, found["empty"].problem) == (
        (),
        f"{fleet}/empty: is empty; check the command that wrote it",
    )
    assert "is empty" in repr(found["empty"])
    for name in ("pixel-5.10.bin", "ram-6.12.bin"):
        wanted = kinfo.decode_all(fleet / name)
        assert not found[name].problem
        assert f"{name}: {len(wanted)} records" in repr(found[name])
        for one, other in zip(found[name].records, wanted, strict=True):
            assert one.layout is other.layout
            assert dict(one.fields) == dict(other.fields)
            assert one.findings == other.findings
            assert (one.offset, one.state, one.writers) == (other.offset, other.state, other.writers)


def test_lists_and_standard_input(fleet: Path) -> None:
    (fleet / "list").write_text(f"{fleet}/pixel-5.10.bin\n")
    stdin = io.BytesIO((fleet / "ram-6.12.bin").read_bytes())
    found = list(kinfo.decode_each("-", files_from=fleet / "list", stdin=stdin, jobs=1))
    assert [one.path for one in found] == ["-", f"{fleet}/pixel-5.10.bin"]
    assert [one.records[0].layout.alias for one in found if one.records[0].layout] == ["C", "A2"]


def test_mistakes_are_raised(fleet: Path) -> None:
    with pytest.raises(kinfo.KinfoError, match="no layout is called"):
        list(kinfo.decode_each(fleet, layout="nosuch"))
    with pytest.raises(kinfo.KinfoError, match="No such file"):
        list(kinfo.decode_each([], files_from=fleet / "gone"))


def test_a_program_with_threads_forks_nothing(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    monkeypatch.setattr("os.fork", None)
    assert len(list(kinfo.decode_each(fleet))) == 3


def test_a_layout_is_the_same_one_in_every_process() -> None:
    for one in kinfo.layouts():
        assert pickle.loads(pickle.dumps(one)) is one
