"""Unpacked files that are kept for the next command: found again, bounded, and never in the way."""

from __future__ import annotations

import fcntl
import gzip
import io
import os
import shutil
import stat
from pathlib import Path

import pytest

from kinfo import notices
from kinfo.errors import DumpError
from kinfo.memory import Dump
from kinfo.sources import cache, open_file, open_source, unpack
from kinfo.sources.cache import Cache, keeping
from tests.conftest import Cli
from tests.test_ram_folders import Heard

DATA = os.urandom(1 << 16) * 2


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    path = tmp_path / "ram.gz"
    path.write_bytes(gzip.compress(DATA))
    return path


@pytest.fixture
def kept(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", least=0)


def content(path: Path, cache: Cache | None) -> tuple[bytes, list[str]]:
    heard = Heard()
    with notices.heard_by(heard), keeping(cache), open_file(path) as file:
        return file.content.read(0, 1 << 20), heard.lines


def files(cache: Cache) -> list[Path]:
    return sorted(Path(cache.folder).iterdir()) if os.path.isdir(cache.folder) else []


def test_kept_and_found_again(packed: Path, kept: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    first, said = content(packed, kept)
    assert first == DATA
    assert said == [f"{packed}: unpacked, and kept in {kept.folder} for the next command (--no-cache: it is not)"]
    (one,) = files(kept)
    assert stat.S_IMODE(one.stat().st_mode) == 0o600
    assert stat.S_IMODE(os.stat(kept.folder).st_mode) == 0o700
    monkeypatch.setattr(unpack, "_fill", None)  # nothing is unpacked now
    again, said = content(packed, kept)
    assert again == DATA
    assert said == [f"{packed}: was unpacked before, and is read from {kept.folder}"]


def test_not_kept_unasked(packed: Path, kept: Cache) -> None:
    assert content(packed, None) == (DATA, [])
    assert not files(kept)


def test_another_file_of_that_name_is_unpacked_itself(packed: Path, kept: Cache) -> None:
    content(packed, kept)
    packed.write_bytes(gzip.compress(DATA[::-1]))
    assert content(packed, kept)[0] == DATA[::-1]
    known = packed.stat()
    packed.write_bytes(gzip.compress(DATA))
    os.utime(packed, ns=(known.st_atime_ns, known.st_mtime_ns + 1))
    assert content(packed, kept)[0] == DATA


@pytest.mark.parametrize("damage", ["cut", "link", "folder"])
def test_what_was_damaged_is_unpacked_again(damage: str, packed: Path, kept: Cache, tmp_path: Path) -> None:
    content(packed, kept)
    (one,) = files(kept)
    if damage == "cut":
        os.truncate(one, 5)
    else:
        one.unlink()
        (tmp_path / "other").write_bytes(bytes(len(DATA)))
        one.symlink_to(tmp_path / "other") if damage == "link" else one.mkdir()
    assert content(packed, kept)[0] == DATA


def test_the_oldest_goes_first(tmp_path: Path) -> None:
    kept = Cache(tmp_path / "cache", limit=3 * len(DATA), least=0)
    for number in range(4):
        path = tmp_path / f"{number}.gz"
        path.write_bytes(gzip.compress(bytes([number]) + DATA[1:]))
        content(path, kept)
        for age, one in enumerate(files(kept)):
            os.utime(one, ns=(age, one.stat().st_mtime_ns if age else 10**9 * number))
    assert sum(one.stat().st_blocks * 512 for one in files(kept)) <= kept.limit
    assert content(tmp_path / "3.gz", kept)[1][0].endswith(f"is read from {kept.folder}")


def test_small_and_piped_data_is_not_kept(packed: Path, tmp_path: Path) -> None:
    kept = Cache(tmp_path / "cache", least=len(DATA) + 1)
    assert content(packed, kept) == (DATA, [])
    assert not files(kept)
    kept = Cache(tmp_path / "cache", least=0)
    with keeping(kept), open_source("-", io.BytesIO(packed.read_bytes())) as dump:
        assert dump.read(0, 9) == DATA[:9]
    assert not files(kept)


def test_a_disk_that_is_full_is_no_failure(packed: Path, kept: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(packed.parent)
    room = {kept.folder: 1000}
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=room.get(path, 1 << 40)))
    assert content(packed, kept) == (DATA, [])
    assert not files(kept)


def test_a_write_that_fails_is_the_disks_fault(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("r+b", buffering=0) as full:
        monkeypatch.setattr("tempfile.TemporaryFile", lambda: full)
        with pytest.raises(DumpError, match="is too full to unpack it; unpack it first: gzip -dk"):
            content(packed, None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o500)
    assert content(packed, Cache(tmp_path / "cache", least=0)) == (DATA, [])


def test_a_folder_that_is_a_file(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("x")
    assert content(packed, Cache(tmp_path / "cache", least=0)) == (DATA, [])


def test_parts_that_were_left_go_and_those_of_others_stay(packed: Path, kept: Cache) -> None:
    os.makedirs(kept.folder)
    left, held = Path(kept.folder, "a.part"), Path(kept.folder, "b.part")
    for one in (left, held):
        one.write_bytes(b"x")
    with held.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        content(packed, kept)
        assert not left.exists()
        assert held.exists()


def test_two_at_once(packed: Path, kept: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process keeps the same file while this one unpacks: each has its own bytes, one file is left."""
    fill = unpack._fill

    def slow(dump: Dump, kind: object, file: object, folder: str) -> int:
        monkeypatch.setattr(unpack, "_fill", fill)
        assert content(packed, kept)[0] == DATA
        return fill(dump, kind, file, folder)  # type: ignore[arg-type]

    monkeypatch.setattr(unpack, "_fill", slow)
    assert content(packed, kept)[0] == DATA
    assert len(files(kept)) == 1


def test_damaged_data_leaves_nothing(packed: Path, kept: Cache) -> None:
    packed.write_bytes(packed.read_bytes()[:-100])
    with pytest.raises(DumpError, match="is compressed, and damaged or cut off"):
        content(packed, kept)
    assert not files(kept)


class TestCommands:
    def test_kept_for_the_next_command(
        self, kinfo_cli: Cli, shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
        monkeypatch.setattr(cache.Cache.__init__, "__defaults__", (cache.LIMIT, 0))
        packed, folder = tmp_path / "ram.gz", tmp_path / "home" / "kinfo" / "unpacked"
        packed.write_bytes(gzip.compress((shipped / "ram-6.12.bin").read_bytes()))
        off = kinfo_cli("find", packed, "--no-cache")
        assert (off.code, off.err) == (0, "")
        assert not folder.exists()
        first = kinfo_cli("find", packed)
        again = kinfo_cli("decode", packed, "--format", "json")
        assert (first.code, first.out) == (0, off.out)
        assert f"kept in {folder} for the next command" in first.err
        assert (again.code, f"is read from {folder}" in again.err) == (1, True)

    def test_no_bar_where_nobody_watches(self, capsys: pytest.CaptureFixture[str]) -> None:
        from kinfo.cli.hearing import Terminal

        terminal = Terminal()
        terminal.progress("unpacking", 1 << 20, 1 << 30)
        assert capsys.readouterr().err == ""

    def test_a_bar_on_a_terminal(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        import sys

        from kinfo.cli.hearing import Terminal

        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        with notices.heard_by(Terminal()), notices.progress("unpacking x", 1 << 30) as done:
            done(1 << 29)
            done((1 << 29) + 1)
        assert capsys.readouterr().err == f"\runpacking x  [{'#' * 15:<30}]  50%\r\x1b[K"
