"""Files are written whole or not at all, wherever they lie, and whatever ends the one who writes."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

import pytest

from kinfo import whole_file
from kinfo.errors import KinfoError
from tests.conftest import ROOT


@pytest.fixture(params=["no name", "a name", "no links"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system with files of no name (ext4, tmpfs), one without (NFS), and one that has no hard links either (FAT)."""
    if request.param != "no name":
        monkeypatch.setattr(whole_file, "_HANDLES", "/nowhere")
    if request.param == "no links":
        monkeypatch.setattr(os, "link", refused)


def refused(*_: object, **__: object) -> None:
    raise PermissionError(errno.EPERM, "Operation not permitted")


@pytest.mark.usefixtures("system")
class TestWriting:
    def test_a_new_file(self, tmp_path: Path) -> None:
        before = os.umask(0o027)
        try:
            whole_file.write_bytes(tmp_path / "new", b"x" * 100_000)
        finally:
            os.umask(before)
        assert [one.name for one in tmp_path.iterdir()] == ["new"]
        assert (tmp_path / "new").read_bytes() == b"x" * 100_000
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640

    def test_one_that_is_there(self, tmp_path: Path) -> None:
        (tmp_path / "old").write_bytes(b"old")
        with pytest.raises(KinfoError, match=r"old: exists already; .* --force"):
            whole_file.write_bytes(tmp_path / "old", b"new")
        assert (tmp_path / "old").read_bytes() == b"old"
        whole_file.write_bytes(tmp_path / "old", b"new", force=True)
        assert (tmp_path / "old").read_bytes() == b"new"
        assert [one.name for one in tmp_path.iterdir()] == ["old"]

    def test_one_that_came_meanwhile(self, tmp_path: Path) -> None:
        def write(file: IO[bytes]) -> None:
            file.write(b"mine")
            (tmp_path / "both").write_bytes(b"other")

        with pytest.raises(KinfoError, match="both: exists already"):
            whole_file.write_with(tmp_path / "both", write)
        assert (tmp_path / "both").read_bytes() == b"other"
        assert [one.name for one in tmp_path.iterdir()] == ["both"]

    @pytest.mark.parametrize("force", [True, False])
    def test_what_fails_leaves_nothing(self, tmp_path: Path, force: bool) -> None:
        def write(file: IO[bytes]) -> None:
            file.write(b"x" * 100_000)
            raise OSError(errno.ENOSPC, "No space left on device")

        with pytest.raises(
            KinfoError, match="new: cannot write: No space left on device; make room, or write to another disk"
        ):
            whole_file.write_with(tmp_path / "new", write, force=force)
        assert list(tmp_path.iterdir()) == []

    def test_a_rename_that_fails_leaves_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "replace", refused)
        monkeypatch.setattr(os, "link", refused)
        monkeypatch.setattr(whole_file, "_HANDLES", "/nowhere")
        with pytest.raises(KinfoError, match="new: cannot write: Operation not permitted"):
            whole_file.write_bytes(tmp_path / "new", b"x")
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("force", [True, False])
def test_devices_and_pipes_stay_what_they_are(tmp_path: Path, force: bool) -> None:
    """A superuser's --force would put a file in the place of /dev/null."""
    os.mkfifo(tmp_path / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    whole_file.write_bytes(tmp_path / "pipe", b"x" * 100_000, force=force)
    reader.join()
    assert read == [b"x" * 100_000]
    (tmp_path / "null").symlink_to("/dev/null")
    whole_file.write_bytes(tmp_path / "null", b"x", force=force)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["null", "pipe"]
    with pytest.raises(KinfoError, match="full: cannot write: No space left on device; make room"):
        whole_file.write_bytes("/dev/full", b"x", force=force)


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    with pytest.raises(KinfoError, match="link: exists already"):
        whole_file.write_bytes(tmp_path / "link", b"x")
    for data in (b"first", b"second"):
        whole_file.write_bytes(tmp_path / "link", data, force=True)
        assert (tmp_path / "target").read_bytes() == data
    assert (tmp_path / "link").is_symlink()


_ENDED = """
import os, signal, sys
from kinfo import whole_file
from kinfo.cli import interrupt
interrupt.raise_stops()
if {is_named}: whole_file._HANDLES = "/nowhere"
def write(file):
    file.write(bytes(1 << 20))
    os.kill(os.getpid(), {number})
whole_file.write_with("out", write)
"""


def has_nameless(folder: Path) -> bool:
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o600))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("number", "is_named"),
    [(signal.SIGINT, False), (signal.SIGINT, True), (signal.SIGTERM, True), (signal.SIGKILL, False)],
)
def test_whatever_ends_it_leaves_nothing(tmp_path: Path, number: int, is_named: bool) -> None:
    """With a name a kill -9 leaves that, hidden; files of no name are for that."""
    if number == signal.SIGKILL and not has_nameless(tmp_path):
        pytest.skip("the file system of the temporary folder has no files without a name (O_TMPFILE)")
    code = _ENDED.format(number=int(number), is_named=is_named)
    where = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=where, capture_output=True, check=False)
    assert done.returncode
    assert list(tmp_path.iterdir()) == []
