"""Commands that are given many files: each one's part, the summary, the exit code of the worst."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import jsonschema
import pytest
import yaml

import kinfo
from kinfo.cli import decode_many
from kinfo.cli.many import FileShown, ManyTask, run
from kinfo.cli.tally import Tally
from kinfo.many.names import NamedFiles
from kinfo.sources import open_source
from kinfo.workers import WINDOW
from tests.conftest import ROOT, Cli

RECORD_SCHEMA = json.loads((ROOT / "docs" / "record.schema.json").read_text())
ENV = os.environ | {"PYTHONPATH": str(ROOT)}
SOUND, BROKEN, HALF = "pixel-5.10.bin", "ram-6.12.bin", "meminspect-half.bin"


@pytest.fixture
def fleet(tmp_path: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a sound record, one with a note that a boot loader needs more, a broken one, and two without."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "day").mkdir()
    for name in (SOUND, BROKEN, HALF):
        shutil.copy(shipped / name, tmp_path / "day" / name)
    (tmp_path / "day" / "empty.bin").touch()
    (tmp_path / "day" / "noise.bin").write_bytes(b"\x55\xaa" * 4096)
    return tmp_path / "day"


@pytest.fixture
def sound(fleet: Path) -> Path:
    """A folder of sound records alone."""
    for name in (BROKEN, HALF, "empty.bin", "noise.bin"):
        (fleet / name).unlink()
    shutil.copy(fleet / SOUND, fleet / "other.bin")
    return fleet


class Counted(dict[str, int]):
    """A document of which it is known how many there are in this process, and how many there were at once."""

    alive = most = 0

    def __new__(cls, *given: object) -> Self:
        Counted.alive += 1
        Counted.most = max(Counted.most, Counted.alive)
        return super().__new__(cls, *given)

    def __del__(self) -> None:
        Counted.alive -= 1


@pytest.mark.parametrize(("form", "jobs", "most"), [("jsonl", 1, 4), ("jsonl", 2, 2 * WINDOW), ("json", 2, 2 * WINDOW)])
def test_results_are_held_by_the_window(form: str, jobs: int, most: int, tmp_path: Path) -> None:
    """Of any number of files: what was shown of one is let go of."""
    (tmp_path / "list").write_text(f"{__file__}\n" * 4 * WINDOW)
    task = ManyTask("counting", "number", lambda path: FileShown(document=Counted({"size": len(path)}), things=1), _refused)
    Counted.most = Counted.alive
    tally = run(task, NamedFiles((), str(tmp_path / "list")), form, jobs=jobs)
    assert tally.things == 4 * WINDOW
    assert 0 < Counted.most - Counted.alive <= most


def _refused(name: str, problem: str) -> dict[str, str]:
    return {"source": name, "problem": problem}


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


class TestDecode:
    @pytest.mark.usefixtures("fleet")
    def test_a_block_for_each_and_a_summary(self, kinfo_cli: Cli) -> None:
        ran = kinfo_cli("decode", "day")
        assert ran.code == 2
        blocks = ran.out.splitlines()
        assert blocks[0].startswith("day/meminspect-half.bin: C, valid, incomplete: sound as far as it goes")
        assert blocks[1].split()[:2] == ["warning", "record-incomplete"]
        assert blocks[2] == "day/pixel-5.10.bin: A2, valid, 5.10.107-android13-4-00020-g5a3a4f5b6c7d-ab8456789: sound: 1 note"
        assert blocks[3].startswith("day/ram-6.12.bin at 0x9000: C, mismatch, 6.12.37-android16-5-")
        assert blocks[4].split()[:2] == ["error", "checksum-mismatch"]
        said = ran.err.splitlines()
        assert said[0] == "kinfo: day/empty.bin: is empty; check the command that wrote it"
        assert said[1].startswith("kinfo: day/noise.bin: no record in 0x2000 bytes")
        counts = "5 files: 3 records (1 with errors, 1 with warnings), 1 without a record, 1 could not be read"
        assert said[2:] == [f"kinfo: {counts}; worst: error checksum-mismatch (kinfo explain checksum-mismatch)"]

    def test_the_code_is_that_of_the_worst(self, kinfo_cli: Cli, fleet: Path) -> None:
        assert kinfo_cli("decode", "day").code == 2
        (fleet / "empty.bin").unlink()
        assert kinfo_cli("decode", "day").code == 2
        (fleet / "noise.bin").unlink()
        assert kinfo_cli("decode", "day").code == 1
        (fleet / BROKEN).unlink()
        assert kinfo_cli("decode", "day").code == 0
        assert kinfo_cli("decode", "day", "--strict").code == 1
        (fleet / HALF).unlink()
        assert kinfo_cli("decode", "day", "--strict") == (
            0,
            "day/pixel-5.10.bin: A2, valid, 5.10.107-android13-4-00020-g5a3a4f5b6c7d-ab8456789: sound: 1 note\n",
            "kinfo: 1 file: 1 record\n",
        )
        (fleet / SOUND).unlink()
        ran = kinfo_cli("decode", "day")
        assert (ran.code, ran.out, ran.err) == (2, "", "kinfo: day: no file is there; name some, or another folder\n")

    @pytest.mark.usefixtures("fleet")
    def test_jsonl_has_a_line_for_each_file(self, kinfo_cli: Cli) -> None:
        ran = kinfo_cli("decode", "day", "--format", "jsonl")
        found = lines_of(ran.out)
        for one in found:
            jsonschema.validate(one, RECORD_SCHEMA)
        assert [Path(one["source"]).name for one in found] == ["empty.bin", HALF, "noise.bin", SOUND, BROKEN]
        assert [len(one["records"]) for one in found] == [0, 1, 0, 1, 1]
        assert found[0]["problem"] == "day/empty.bin: is empty; check the command that wrote it"
        assert ran.err.count("\n") == 1
        for one in (found[1], found[3], found[4]):
            assert json.loads(kinfo_cli("decode", one["source"], "--format", "json").out) == one

    @pytest.mark.usefixtures("fleet")
    def test_json_and_yaml_have_the_same_files(self, kinfo_cli: Cli) -> None:
        lines = lines_of(kinfo_cli("decode", "day", "--format", "jsonl").out)
        wanted = {"schema_version": 1, "files": lines}
        assert json.loads(kinfo_cli("decode", "day", "--format", "json").out) == wanted
        assert yaml.safe_load(kinfo_cli("decode", "day", "--format", "yaml").out) == wanted

    @pytest.mark.usefixtures("fleet")
    def test_jsonl_of_one_file(self, kinfo_cli: Cli) -> None:
        (line,) = kinfo_cli("decode", f"day/{SOUND}", "--format", "jsonl").out.splitlines()
        assert json.loads(line) == json.loads(kinfo_cli("decode", f"day/{SOUND}", "--format", "json").out)

    @pytest.mark.parametrize("form", ["junit", "sarif", "github"])
    @pytest.mark.usefixtures("fleet")
    def test_findings_of_every_file(self, kinfo_cli: Cli, form: str) -> None:
        ran = kinfo_cli("decode", "day", "--format", form)
        assert "checksum-mismatch" in ran.out
        assert "record-incomplete" in ran.out
        assert "day/empty.bin: is empty" in ran.err

    def test_patterns_lists_and_words_name_the_same(self, kinfo_cli: Cli, sound: Path) -> None:
        (sound.parent / "list").write_text("day/other.bin\nday/pixel-5.10.bin\n")
        (sound.parent / "nuls").write_bytes(b"day/other.bin\0day/pixel-5.10.bin\0")
        wanted = kinfo_cli("decode", "day")
        assert wanted.code == 0
        for words in (
            ["day/*.bin"],
            ["**/*.bin"],
            ["day/other.bin", f"day/{SOUND}"],
            ["--files-from", "list"],
            ["--files-from", "nuls", "--jobs", "1"],
            ["--jobs", "5", "day"],
        ):
            assert kinfo_cli("decode", *words) == wanted

    @pytest.mark.usefixtures("sound")
    def test_a_list_on_standard_input(self) -> None:
        command = [sys.executable, "-m", "kinfo", "decode", "--files-from", "-", "--format", "jsonl"]
        find = subprocess.run(["find", "day", "-type", "f", "-print0"], capture_output=True, check=True)
        done = subprocess.run(command, input=find.stdout, capture_output=True, check=True, env=ENV)
        assert {one["source"] for one in lines_of(done.stdout.decode())} == {"day/other.bin", f"day/{SOUND}"}

    def test_standard_input_among_others(self, sound: Path) -> None:
        command = [sys.executable, "-m", "kinfo", "decode", "day", "-", "--format", "jsonl"]
        data = (sound / SOUND).read_bytes()
        done = subprocess.run(command, input=data, capture_output=True, check=True, env=ENV)
        assert [one["source"] for one in lines_of(done.stdout.decode())] == ["day/other.bin", f"day/{SOUND}", "<stdin>"]

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["-", "-"], "- can be named once"),
            (["-", "--files-from", "-"], "- can be named once"),
            (["--files-from", "gone"], "--files-from gone: No such file or directory"),
            (["--files-from", "day/empty.bin"], "--files-from day/empty.bin: names no file"),
            (["--jobs", "0", "day"], "0 is not in the range"),
            (["day", "--format", "html"], "--format html is a page of one dump: name one, or take --format jsonl"),
            (["gone*.bin"], "gone*.bin: no such file, and nothing fits it as a pattern"),
            (["gone", "gone"], "gone: No such file or directory"),
        ],
    )
    @pytest.mark.usefixtures("fleet")
    def test_what_cannot_be_decided(self, kinfo_cli: Cli, words: list[str], message: str) -> None:
        ran = kinfo_cli("decode", *words)
        assert (ran.code, ran.out) == (2, "")
        assert message in ran.err

    @pytest.mark.usefixtures("sound")
    def test_whole_screens_where_they_are_asked_for(self, kinfo_cli: Cli) -> None:
        one = kinfo_cli("decode", f"day/{SOUND}", "--explain", "--hex").out.split("\nNext:")[0]
        both = kinfo_cli("decode", "day", "--explain", "--hex").out
        assert both.count("Evidence") == 2
        assert one.replace(SOUND, "other.bin") in both

    def test_every_record_of_every_file(self, kinfo_cli: Cli, sound: Path) -> None:
        data = (sound / SOUND).read_bytes()
        (sound / "two.bin").write_bytes(data.ljust(8192, b"\0") + data)
        ran = kinfo_cli("decode", "day")
        assert "  1 more; --all shows them" in ran.out
        ran = kinfo_cli("decode", "day", "--all")
        assert "day/two.bin at 0x2000: A2" in ran.out
        assert "3 files: 4 records" in ran.err

    def test_a_folder_that_is_one_dump_stays_one(self, kinfo_cli: Cli, sound: Path) -> None:
        shutil.copy(sound / SOUND, sound / "DDRCS0_0.BIN")
        ran = kinfo_cli("decode", "day")
        assert ran.code == 2
        assert "no dump_info.txt or load.cmm that says where they lie" in ran.err

    @pytest.mark.usefixtures("sound")
    def test_a_file_that_shrinks_while_it_is_read(self, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        opened = open_source

        def shrinking(path: str, stdin: Any) -> Any:
            source = opened(path, stdin)
            if path.endswith("other.bin"):
                os.truncate(path, 0)
            return source

        monkeypatch.setattr(decode_many, "open_source", shrinking)
        ran = kinfo_cli("decode", "day")
        assert ran.code == 2
        assert "day/other.bin" in ran.err
        assert f"day/{SOUND}: A2, valid" in ran.out

    def test_a_killed_worker_is_named_and_the_rest_goes_on(self, sound: Path) -> None:
        for number in range(40):
            shutil.copy(sound / SOUND, sound / f"{number:03}.bin")
        code = """
import os, signal, sys
import kinfo
from kinfo.cli import decode_many
opened = decode_many.open_source
def killing(path, stdin):
    if path.endswith("017.bin"):
        os.kill(os.getpid(), signal.SIGKILL)
    return opened(path, stdin)
decode_many.open_source = killing
from kinfo.cli.main import main
main(["decode", "day", "--format", "jsonl", "--jobs", "3"])
"""
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=False,
            env=ENV,
        )
        assert done.returncode == 2
        found = lines_of(done.stdout)
        assert [one["source"] for one in found if "problem" in one] == ["day/017.bin"]
        assert "was killed (signal 9), twice; is memory short?" in found[17]["problem"]
        assert len(found) == 42
        assert done.stderr == "kinfo: 42 files: 41 records, 1 could not be read\n"

    def test_ctrl_c_ends_every_process(self, sound: Path) -> None:
        for number in range(4):
            shutil.copy(sound / SOUND, sound / f"{number}.bin")
        code = """
import os, time
import kinfo
from kinfo.cli import decode_many
opened = decode_many.open_source
def slow(path, stdin):
    if path.endswith(("/0.bin", "/1.bin")):
        open(f"began{os.getpid()}", "w").close()
        time.sleep(86400)
    return opened(path, stdin)
decode_many.open_source = slow
from kinfo.cli.main import main
main(["decode", "day", "--jobs", "2"])
"""
        with subprocess.Popen(
            [sys.executable, "-c", code],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=ENV,
        ) as child:
            while len(list(sound.parent.glob("began*"))) < 2:
                time.sleep(0.02)
            child.send_signal(signal.SIGINT)
            _, err = child.communicate()
        assert (child.returncode, err) == (130, b"")
        for one in sound.parent.glob("began*"):
            with pytest.raises(ProcessLookupError):
                os.kill(int(one.name.removeprefix("began")), 0)


class TestFind:
    @pytest.mark.usefixtures("fleet")
    def test_hits_of_every_file(self, kinfo_cli: Cli) -> None:
        ran = kinfo_cli("find", "day")
        assert ran.code == 2
        rows = ran.out.splitlines()
        assert rows[0].split() == ["offset", "kind", "alias", "sure", "state", "release", "dump"]
        assert sorted({row.split()[-1] for row in rows[1:]}) == [f"day/{name}" for name in sorted((HALF, SOUND, BROKEN))]
        assert [row.split()[-1] for row in rows[1:]] == sorted(row.split()[-1] for row in rows[1:])
        assert ran.err.splitlines() == [
            "kinfo: day/empty.bin: is empty; check the command that wrote it",
            "kinfo: day/noise.bin: no record found",
            "kinfo: 5 files: 3 records, 1 without a record, 1 could not be read",
        ]

    def test_one_document_or_a_line_for_each(self, kinfo_cli: Cli, fleet: Path) -> None:
        lines = lines_of(kinfo_cli("find", "day", "--format", "jsonl").out)
        assert [Path(one["source"]).name for one in lines] == ["empty.bin", HALF, "noise.bin", SOUND, BROKEN]
        assert [len(one["hits"]) for one in lines][:4] == [0, 1, 0, 1]
        assert lines[0]["problem"] == "day/empty.bin: is empty; check the command that wrote it"
        ran = kinfo_cli("find", "day", "--format", "json")
        assert json.loads(ran.out)["hits"] == [hit for one in lines for hit in one["hits"]]
        assert "day/empty.bin: is empty" in ran.err
        alone = json.loads(kinfo_cli("find", str(fleet / SOUND), "--format", "json").out)
        assert [one["offset"] for one in alone["hits"]] == [one["offset"] for one in lines[3]["hits"]]

    def test_exit_codes(self, kinfo_cli: Cli, fleet: Path) -> None:
        assert kinfo_cli("find", "day").code == 2
        (fleet / "empty.bin").unlink()
        assert kinfo_cli("find", "day").code == 0
        for name in (SOUND, HALF, BROKEN):
            (fleet / name).unlink()
        ran = kinfo_cli("find", "day")
        assert (ran.code, ran.err.splitlines()[-1]) == (
            1,
            "kinfo: no record found: try --step 4 for records that are not at a page boundary",
        )
        (fleet / "noise.bin").unlink()
        ran = kinfo_cli("find", "day")
        assert (ran.code, ran.out, ran.err) == (2, "", "kinfo: day: no file is there; name some, or another folder\n")


@pytest.mark.usefixtures("sound")
def test_progress_on_a_terminal_alone() -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "kinfo", "decode", "day"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=ENV) as child:
        os.close(theirs)
        out = child.communicate()[0]
    shown = b""
    while select.select([ours], [], [], 0)[0]:
        try:
            shown += os.read(ours, 1 << 16)
        except OSError:
            break
    os.close(ours)
    assert b"decoding  1 file done" in shown
    assert b"kinfo: 2 files: 2 records" in shown
    assert out.count(b"\n") == 2
    assert b"decoding" not in out


def test_the_summary() -> None:
    tally = Tally("record")
    tally.add(FileShown(things=2), is_read=True)
    assert tally.summary({}) == "1 file: 2 records"
    tally.add(FileShown(problem="x"), is_read=False)
    tally.add(FileShown(problem="x"), is_read=True)
    assert tally.summary({"hidden": 3}) == (
        "3 files: 2 records, 1 without a record, 1 could not be read; passed over: 3 hidden"
    )
    assert tally.code == 2
    checksum, order = kinfo.explain("checksum-mismatch").at("here", "x"), kinfo.explain("symbols-table-order").at("here", "x")
    for findings in ((order,), (checksum, order), (order,)):
        tally.add(FileShown(things=1, code=1, findings=findings), is_read=True)
    assert "5 records (1 with errors, 2 with warnings)" in tally.summary({})
    assert tally.summary({}).endswith("; worst: error checksum-mismatch (kinfo explain checksum-mismatch)")
