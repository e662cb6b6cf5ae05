"""`kinfo compare`: what it prints, its exit codes and messages, folders, baselines, real records."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import yaml

import kinfo
from tests.conftest import ROOT, Cli, Ran
from tests.synthetic import make_fields
from tests.test_compare import addresses


@pytest.fixture
def files(tmp_path: Path) -> Path:
    fields = make_fields("C", 1)
    moved = {name: fields[name] + 0x200000 for name in addresses("C", fields)}
    for name, values in {
        "old": fields,
        "moved": fields | moved,
        "bad": fields | {"thread_size": 0x8000},
    }.items():
        (tmp_path / f"{name}.bin").write_bytes(kinfo.encode(values, "C").ljust(4096, b"\0"))
    (tmp_path / "noise").write_bytes(b"no record" * 100)
    (tmp_path / "flat.yaml").write_text("num_syms: 7\n")
    (tmp_path / "bomb.yaml").write_text("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n")
    return tmp_path


def test_the_command(kinfo_cli: Cli, files: Path) -> None:
    same = kinfo_cli("compare", files / "old.bin", files / "old.bin")
    assert (same.code, same.err) == (0, "")
    assert same.out == (
        f"{files}/old.bin (C) against {files}/old.bin (C)\n  the same build, loaded at the same place; 30 same\n\n"
        "passes: nothing differs that should not\n"
    )
    moved = kinfo_cli("compare", files / "old.bin", files / "moved.bin")
    assert moved.code == 0
    assert "  the same build, moved by +0x200000; 16 same, 14 moved\n" in moved.out
    bad = kinfo_cli("compare", files / "old.bin", files / "bad.bin")
    assert bad.code == 1
    assert "error  compare-regression  thread_size: 16384 became 32768: it does not depend on boot or build\n" in bad.out
    assert bad.out.endswith("wanted changes go into the baseline: kinfo compare --update-baseline DIR RECORD\n")
    assert kinfo_cli("compare", files / "old.bin", files / "bad.bin", "--ignore", "thread_size").code == 0
    assert kinfo_cli("compare", files / "old.bin", files / "moved.bin", "--exact").code == 1
    assert "  magic" not in kinfo_cli("compare", files / "old.bin", files / "old.bin", "--all").out
    assert "  num_syms" in kinfo_cli("compare", files / "old.bin", files / "old.bin", "--all").out


def test_fields_files_are_records_too(kinfo_cli: Cli, files: Path) -> None:
    for form in ("yaml", "json"):
        (files / f"old.{form}").write_text(kinfo_cli("decode", files / "old.bin", "--format", form).out)
        ran = kinfo_cli("compare", files / f"old.{form}", files / "old.bin", "--exact")
        assert (ran.code, ran.err) == (0, "")


def test_policy_file(kinfo_cli: Cli, files: Path) -> None:
    policy = files / "p.yaml"
    policy.write_text("pass: [same]\nfields:\n  thread_size: [regression]\n")
    assert kinfo_cli("compare", files / "old.bin", files / "bad.bin", "--policy", policy).code == 0
    assert kinfo_cli("compare", files / "old.bin", files / "moved.bin", "--policy", policy).code == 1
    policy.write_text("pas: [same]\n")
    ran = kinfo_cli("compare", files / "old.bin", files / "bad.bin", "--policy", policy)
    assert (ran.code, ran.err) == (2, f"kinfo: {policy}: has an unknown key 'pas'; did you mean pass?\n")


FIRST = "the first baseline is made with `kinfo compare --update-baseline OLD NEW`"
MISTAKES = {
    "one": (["old.bin"], "two records or folders are compared; 1 is named; see `kinfo compare --help`"),
    "mixed": ([".", "old.bin"], "{f}/. against {f}/old.bin: a folder and a file; name two folders, or two files"),
    "folder and many": ([".", "old.bin", "old.bin"], "{f}/. is a folder: name one record that the others are compared with"),
    "stdin and many": (["-", "old.bin", "old.bin"], "- is read once: name a file that the others are compared with"),
    "empty list": (["old.bin", "--files-from", "/dev/null"], "--files-from /dev/null: names no file"),
    "old is noise": (["noise", "old.bin", "old.bin"], "{f}/noise: no record in"),
    "gone": (["old.bin", "gone"], "{f}/gone: No such file or directory; check the path and its permissions"),
    "no baseline yet": (["golden", "."], f"{{f}}/golden: No such file or directory; {FIRST}\n"),
    "noise": (["old.bin", "noise"], "{f}/noise: no record in"),
    "stdin": (["-", "-"], "- can be named once; see `kinfo compare --help`"),
    "no layout": (
        ["old.bin", "flat.yaml"],
        "{f}/flat.yaml: does not say its layout; write `layout: NAME`, and the fields below",
    ),
    "cyclic": (["old.bin", "bomb.yaml"], "{f}/bomb.yaml: is neither YAML nor JSON; write `name: value`, one a line\n"),
    "field": (["old.bin", "old.bin", "--ignore", "thread"], "no layout has a field 'thread'; did you mean thread_size?"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_2(name: str, kinfo_cli: Cli, files: Path) -> None:
    arguments, message = MISTAKES[name]
    words = [
        arg if arg.startswith("-") or arg == "thread" else str(files / arg) if arg != "." else f"{files}/."
        for arg in arguments
    ]
    ran = kinfo_cli("compare", *words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"kinfo: {message.format(f=files)}")


def test_erased_regions_and_fifos(kinfo_cli: Cli, files: Path) -> None:
    (files / "erased").write_bytes(bytes(4096))
    ran = kinfo_cli("compare", files / "erased", files / "old.bin")
    assert (ran.code, ran.err) == (
        2,
        f"kinfo: {files}/erased: is an erased region: every byte is the same; name a dump that has a record\n",
    )
    os.mkfifo(files / "pipe")
    assert "is a FIFO" in kinfo_cli("compare", files / "pipe", files / "old.bin").err


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    old, new = tmp_path / "old", tmp_path / "new"
    fields = make_fields("C", 1)
    for folder in (old, new):
        (folder / "sub").mkdir(parents=True)
        for number in range(60):
            (folder / "sub" / f"{number}.bin").write_bytes(kinfo.encode(fields, "C"))
    (new / "sub" / "7.bin").write_bytes(kinfo.encode(fields | {"thread_size": 0x8000}, "C"))
    (old / "gone.bin").write_bytes(kinfo.encode(fields, "C"))
    (new / "more.bin").write_bytes(kinfo.encode(fields, "C"))
    (new / ".hidden").write_bytes(b"x")
    return old, new


def test_folders_by_name(kinfo_cli: Cli, folders: tuple[Path, Path]) -> None:
    old, new = folders
    ran = kinfo_cli("compare", old, new)
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.endswith(
        f"error  compare-missing  gone.bin: {new} lacks it\nwarning  compare-extra  more.bin: {old} lacks it\n"
        "60 pairs: 1 differ, 59 pass; 2 without a partner\n"
    )
    assert f"{new}/sub/7.bin" in ran.out
    assert ran.out.startswith(f"{new}/sub/0.bin: passes; 30 same\n")
    (old / "sub" / "noise").write_bytes(b"x" * 99)
    (new / "sub" / "noise").write_bytes(b"x" * 99)
    broken = kinfo_cli("compare", old, new)
    assert (broken.code, "noise: no record in" in broken.err) == (2, True)
    (old.parent / "a").mkdir()
    (old.parent / "b").mkdir()
    empty = kinfo_cli("compare", old.parent / "a", old.parent / "b")
    assert empty == Ran(2, "", f"kinfo: {old.parent}/a: has no files to compare with; name a folder of records; {FIRST}\n")


def test_formats(kinfo_cli: Cli, folders: tuple[Path, Path]) -> None:
    old, new = map(str, folders)
    ran = kinfo_cli("compare", old, new, "--format", "json")
    data = json.loads(ran.out)
    jsonschema.validate(data, json.loads((ROOT / "docs" / "compare.schema.json").read_text()))
    assert (ran.code, [pair["passes"] for pair in data["pairs"]].count(False)) == (1, 1)
    assert yaml.safe_load(kinfo_cli("compare", old, new, "--format", "yaml").out) == data
    junit = ET.fromstring(kinfo_cli("compare", old, new, "--format", "junit").out)
    assert [suite.get("failures") for suite in junit].count("1") == 2
    sarif = json.loads(kinfo_cli("compare", old, new, "--format", "sarif").out)
    assert {result["ruleId"] for result in sarif["runs"][0]["results"]} == {
        "compare-regression",
        "compare-missing",
        "compare-extra",
    }
    github = kinfo_cli("compare", old, new, "--format", "github").out
    assert github.startswith(f"::error file={new}/sub/7.bin,title=compare-regression::thread_size: 16384 became 32768")


def test_the_baseline(kinfo_cli: Cli, files: Path) -> None:
    base = files / "base"
    first = kinfo_cli("compare", "--update-baseline", base, files / "old.bin", files / "moved.bin")
    assert (first.code, first.out) == (0, "")
    assert first.err == f"kinfo: {base}/old.bin: new\nkinfo: {base}/moved.bin: new\nkinfo: {base}: 2 new, 0 changed, 0 same\n"
    assert (base / "old.bin").stat().st_size == 472
    (files / "old.bin").write_bytes((files / "bad.bin").read_bytes())
    second = kinfo_cli("compare", "--update-baseline", base, files / "old.bin", files / "moved.bin")
    assert second.err == (f"kinfo: {base}/old.bin: changed: thread_size\nkinfo: {base}: 0 new, 1 changed, 1 same\n")
    assert kinfo_cli("compare", base / "old.bin", files / "bad.bin", "--exact").code == 0
    fields = make_fields("C", 1)
    moved = ("thread_size", "name_len", "symbol_len", "num_syms", "build_info", "_end_pa", "_etext_pa", "swapper_pg_dir_pa")
    many = {name: fields[name] + 1 if name != "build_info" else "other" for name in moved}
    (files / "old.bin").write_bytes(kinfo.encode(fields | many, "C"))
    third = kinfo_cli("compare", "--update-baseline", base, files / "old.bin")
    named, _, more = third.err.splitlines()[0].partition(": changed: ")[2].partition(" and ")
    assert (set(named.split(", ")) < many.keys(), more) == (True, f"{8 - len(named.split(', '))} more")
    noise = kinfo_cli("compare", "--update-baseline", files / "none", files / "noise", files / "old.bin")
    assert (noise.code, (files / "none").exists()) == (2, False)


def test_a_baseline_goes_by_the_records_names(kinfo_cli: Cli, files: Path) -> None:
    """What is compressed or a file of fields in one folder meets the plain record in the other."""
    out = files / "out"
    out.mkdir()
    (out / "a.bin.gz").write_bytes(gzip.compress((files / "old.bin").read_bytes()))
    (out / "b.yaml").write_text(kinfo_cli("decode", files / "old.bin", "--format", "yaml").out)
    assert kinfo_cli("compare", "--update-baseline", files / "base", out).code == 0
    assert sorted(path.name for path in (files / "base").iterdir()) == ["a.bin", "b.bin"]
    assert kinfo_cli("compare", files / "base", out).out.endswith("\n2 pairs: 0 differ, 2 pass; 0 without a partner\n")
    (out / "a.bin").write_bytes(b"")
    ran = kinfo_cli("compare", files / "base", out)
    assert ran == Ran(2, "", f"kinfo: {out}/a.bin.gz: {out}/a.bin is the record a.bin too; keep one of them\n")
    ran = kinfo_cli("compare", "--update-baseline", out, out / "b.yaml")
    assert (ran.code, "is the record a.bin too" in ran.err) == (2, True)
    (out / "a.bin").unlink()
    ran = kinfo_cli("compare", "--update-baseline", out, out / "b.yaml")
    assert ran == Ran(
        2, "", f"kinfo: {out}/b.yaml: holds the record b.bin already; remove it, or write the baseline elsewhere\n"
    )


def test_what_a_baseline_says(kinfo_cli: Cli, files: Path) -> None:
    base = files / "base"
    assert kinfo_cli("compare", "--update-baseline", base, files / "old.bin", files / "bad.bin").code == 0
    (base / "old.bin").write_bytes(b"damaged")
    ran = kinfo_cli("compare", "--update-baseline", base, files / "old.bin")
    assert ran.err == (
        f"kinfo: {base}/old.bin: changed: it held no record\nkinfo: {base}: 0 new, 1 changed, 0 same; 1 not named, and left\n"
    )
    fields = make_fields("C", 2)
    (files / "old.bin").write_bytes(kinfo.encode(fields, "C"))
    ran = kinfo_cli("compare", "--update-baseline", base, files / "old.bin")
    assert re.search(r"^kinfo: .*/old.bin: changed: (\w+, ){5}\w+ and \d+ more$", ran.err, re.MULTILINE)
    stdin = kinfo_cli("compare", "--update-baseline", base, "-")
    assert stdin == Ran(2, "", "kinfo: -: standard input has no name for the baseline; write it to a file first\n")
    more = kinfo_cli("compare", "--update-baseline", base, files / "old.bin", "--strict")
    words = "--update-baseline compares nothing: leave the other options out; see `kinfo compare --help`"
    assert more == Ran(2, "", f"kinfo: {words}\n")


def test_the_baseline_of_a_folder(kinfo_cli: Cli, folders: tuple[Path, Path], tmp_path: Path) -> None:
    old, new = folders
    assert kinfo_cli("compare", "--update-baseline", tmp_path / "base", new).err.endswith("base: 61 new, 0 changed, 0 same\n")
    assert kinfo_cli("compare", tmp_path / "base", new).code == 0
    twice = kinfo_cli("compare", "--update-baseline", tmp_path / "x", old / "gone.bin", old / "gone.bin")
    assert (twice.code, "another file is called gone.bin too" in twice.err) == (2, True)
    within = kinfo_cli("compare", "--update-baseline", new / "base", new)
    assert within == Ran(2, "", f"kinfo: {new}: the baseline {new}/base lies within it; keep the baseline elsewhere\n")
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "sub").write_text("")
    under = kinfo_cli("compare", "--update-baseline", tmp_path / "half", new)
    assert under == Ran(2, "", f"kinfo: {tmp_path}/half/sub: cannot be made: File exists; name a folder\n")
    blocked = tmp_path / "file"
    blocked.write_text("")
    ran = kinfo_cli("compare", "--update-baseline", blocked / "x", old / "gone.bin")
    assert (ran.code, ran.err) == (2, f"kinfo: {blocked}/x: cannot be made: Not a directory; name a folder\n")


def test_real_records(real_samples: Path, kinfo_cli: Cli) -> None:
    """One boot, two drivers: the same bytes. Two kernels of one release: another build. A flipped bit: a regression."""
    kernels, records = real_samples / "kernels", real_samples / "records"
    one_boot = kernels / "meminspect-v1"
    assert kinfo_cli("compare", one_boot / "kinfo.bin", one_boot / "kinfo_up.bin", "--exact").code == 0
    assert kinfo_cli("compare", one_boot / "kinfo.bin", one_boot / "kinfo-crash.bin").code == 0
    builds = kinfo_cli("compare", kernels / "android-6.12" / "kinfo.bin", real_samples / "ram" / "kinfo.bin")
    assert (builds.code, "another build; 17 same, 13 per-build" in builds.out) == (0, True)
    posted = kinfo_cli("compare", records / "C_mi1__exact.bin", records / "D_mi3__exact.bin")
    assert (posted.code, "v3 never stores _relative_pa" in posted.out) == (0, True)
    flipped = kinfo_cli("compare", records / "A2__exact.bin", records / "A2__flip_ptr.bin")
    assert (flipped.code, "_relative_pa: 0x80210000 became 0x80230000" in flipped.out) == (1, True)
    half = kinfo_cli("compare", records / "C_mi1__exact.bin", records / "C_mi1__mi_half1.bin")
    assert half.code == 1


def test_reports_name_whole_paths_and_hold_their_totals(kinfo_cli: Cli, folders: tuple[Path, Path]) -> None:
    old, new = map(str, folders)
    lines = kinfo_cli("compare", old, new, "--format", "github").out.splitlines()
    assert f"::error file={old}/gone.bin,title=compare-missing::gone.bin: {new} lacks it" in lines
    assert f"::warning file={new}/more.bin,title=compare-extra::more.bin: {old} lacks it" in lines
    junit = ET.fromstring(kinfo_cli("compare", old, new, "--format", "junit").out)
    for suite in (junit, *junit):
        cases = list(suite.iter("testcase"))
        assert suite.get("tests") == str(len(cases))
        assert suite.get("failures") == str(sum(case.find("failure") is not None for case in cases))
        assert (suite.get("errors"), suite.get("skipped")) == ("0", "0")
    run = json.loads(kinfo_cli("compare", old, new, "--format", "sarif").out)["runs"][0]
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert run["tool"]["driver"]["informationUri"].startswith("https://")
    for result in run["results"]:
        assert rules[result["ruleId"]]["helpUri"].endswith(f"/docs/findings.md#{result['ruleId']}")
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"].startswith("file:///")
        assert place["region"] == {"startLine": 1}


def test_reports_of_text_files_and_odd_names(monkeypatch: pytest.MonkeyPatch, kinfo_cli: Cli, files: Path) -> None:
    monkeypatch.chdir(files)
    (files / "a b#.bin").write_bytes(kinfo.encode(make_fields("C", 1) | {"thread_size": 0x8000}, "C"))
    sarif = json.loads(kinfo_cli("compare", "old.bin", "a b#.bin", "--format", "sarif").out)
    places = [one["locations"][0]["physicalLocation"] for one in sarif["runs"][0]["results"]]
    assert {place["artifactLocation"]["uri"] for place in places} == {"a%20b%23.bin"}


def test_a_key_that_comes_twice_in_a_policy(kinfo_cli: Cli, files: Path) -> None:
    policy = files / "twice.yaml"
    policy.write_text("ignore: []\nfields:\n  thread_size: [regression]\n  thread_size: [moved]\n")
    ran = kinfo_cli("compare", files / "old.bin", files / "old.bin", "--policy", policy)
    assert ran == Ran(2, "", f"kinfo: {policy}: line 4: the key 'thread_size' comes twice; keep one of them\n")


@pytest.mark.parametrize("form", ["text", "json", "yaml", "sarif", "junit", "github", "gitlab"])
def test_no_pair_is_kept_once_it_is_written(form: str, monkeypatch: pytest.MonkeyPatch, files: Path) -> None:
    """However many pairs there are: each can be freed when the next but one is asked for."""
    from kinfo.cli import common, compared
    from kinfo.diff.judge import judge
    from kinfo.diff.model import Compared
    from kinfo.diff.policy import Policy

    monkeypatch.setattr(common, "write", len)
    old, new = (kinfo.decode(str(files / name)) for name in ("old.bin", "old.bin"))
    made, freed = [0], [0]

    class _Pair(Compared):
        def __del__(self) -> None:
            freed[0] += 1

    def pairs() -> Iterator[Compared]:
        for _ in range(200):
            made[0] += 1
            yield _Pair("old", "new", *judge(old, new, Policy()))
            assert made[0] - freed[0] < 4

    if form == "text":
        compared.write_text(pairs(), (), every=False, many=True)
    else:
        compared.write_as(form, pairs(), (), strict=False)
    assert made == [200]


def test_one_record_against_many(kinfo_cli: Cli, files: Path) -> None:
    (files / "new").mkdir()
    for name in ("old.bin", "bad.bin", "moved.bin"):
        (files / "new" / name).write_bytes((files / name).read_bytes())
    old, new = files / "old.bin", files / "new"
    ran = kinfo_cli("compare", old, new)
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.endswith("3 pairs: 1 differ, 2 pass; 0 without a partner\n")
    (files / "list").write_text("".join(f"{new}/{name}\n" for name in ("bad.bin", "moved.bin", "old.bin")))
    for words in ([f"{new}/*.bin"], [new / "bad.bin", new / "moved.bin", new / "old.bin"], ["--files-from", files / "list"]):
        assert kinfo_cli("compare", old, *words) == ran
    lines = [json.loads(line) for line in kinfo_cli("compare", old, new, "--format", "jsonl").out.splitlines()]
    pairs = json.loads(kinfo_cli("compare", old, new, "--format", "json").out)["pairs"]
    assert [one["pairs"] for one in lines] == [[pair] for pair in pairs]
    assert kinfo_cli("compare", old, new, "--ignore", "thread_size", "--jobs", "1").code == 0
    (new / "noise").write_bytes(b"x" * 8192)
    ran = kinfo_cli("compare", old, new)
    assert ran.code == 2
    assert ran.err.startswith(f"kinfo: {new}/noise: no record in")
    assert "3 pairs" in ran.out


def test_a_folder_without_files_is_2(kinfo_cli: Cli, files: Path) -> None:
    (files / "none").mkdir()
    ran = kinfo_cli("compare", files / "old.bin", files / "none")
    assert (ran.code, ran.err) == (2, f"kinfo: {files}/none: no file is there; name some, or another folder\n")
