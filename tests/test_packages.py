"""The project's packages: built alike everywhere, holding what is committed, bringing no GPL."""

from __future__ import annotations

import email.message
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kinfo.version import __version__
from tests.conftest import ROOT
from tools.packages import dist, licences, sbom
from tools.packages.licences import Package
from tools.sessions import blocks

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def test_builds_that_differ_are_named(tmp_path: Path) -> None:
    for folder, text in (("a", "1"), ("b", "2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.whl").write_text("wheel")
        (tmp_path / folder / "kinfo.tar.gz").write_text(text)
    (tmp_path / "b" / "more.whl").write_text("")
    first, second = (dist.digests(tmp_path / folder) for folder in "ab")
    assert list(dist.differences(first, first)) == []
    assert list(dist.differences(first, second)) == [
        "kinfo.tar.gz: two builds of one commit differ",
        "more.whl: two builds of one commit differ",
    ]


def packages(folder: Path, in_sdist: list[str], in_wheel: list[str]) -> None:
    with tarfile.open(folder / "kinfo-1.tar.gz", "w:gz") as tar:
        for name in in_sdist:
            tar.addfile(tarfile.TarInfo(f"kinfo-1/{name}"), io.BytesIO())
    with zipfile.ZipFile(folder / "kinfo-1-py3-none-any.whl", "w") as wheel:
        for name in [*in_wheel, "kinfo-1.dist-info/METADATA"]:
            wheel.writestr(name, "")


def test_packages_hold_what_is_committed(tmp_path: Path) -> None:
    files = ["Makefile", "kinfo/a.py", "bindings/b.yaml"]
    packages(tmp_path, [*files, "PKG-INFO"], ["kinfo/a.py", "kinfo/bindings/b.yaml"])
    assert list(dist.wrong_contents(tmp_path, files)) == []
    packages(tmp_path, ["Makefile", "kinfo/a.py", "notes"], ["kinfo/a.py", "kinfo/left.pyc"])
    assert list(dist.wrong_contents(tmp_path, files)) == [
        "kinfo-1.tar.gz: holds notes, which is not committed",
        "kinfo-1.tar.gz: lacks PKG-INFO",
        "kinfo-1.tar.gz: lacks bindings/b.yaml",
        "kinfo-1-py3-none-any.whl: holds kinfo/left.pyc, which is not committed",
        "kinfo-1-py3-none-any.whl: lacks kinfo/bindings/b.yaml",
    ]


@pytest.mark.parametrize("fault", ["", "kinfo.whl: two builds of one commit differ"])
def test_what_make_dist_says(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "kinfo.whl").write_bytes(b"")
    monkeypatch.setattr(dist, "ROOT", tmp_path)
    monkeypatch.setattr(dist, "faults", lambda _: [fault] if fault else [])
    assert dist.main() == int(bool(fault))
    printed = capsys.readouterr().out
    if fault:
        assert printed == f"dist: {fault}\n"
    else:
        assert (tmp_path / "dist" / "SHA256SUMS").read_text() in printed
        assert printed.startswith("e3b0c44298fc1c149afbf4c8996fb924")  # of nothing


def small(folder: Path) -> Path:
    """The source of a package with one file."""
    tree = folder / "tree"
    (tree / "one").mkdir(parents=True)
    (tree / "one" / "__init__.py").write_text("")
    (tree / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "one"\nversion = "1"\nrequires-python = ">=3.11"\n'
    )
    return tree


def test_a_build_by_another_day_differs(tmp_path: Path) -> None:
    """What `make dist` compares would show it: the wheel of another date has other bytes."""
    tree = small(tmp_path)
    first, other = (
        dist.built(tree, tmp_path / epoch, place, epoch, "--wheel")
        for place, epoch in zip(dist.PLACES, ("1700000000", "1600000000"), strict=True)
    )
    assert (list(first), first == other) == (["one-1-py3-none-any.whl"], False)
    again = dist.built(tree, tmp_path / "again", dist.PLACES[1], "1700000000", "--wheel")
    assert again == first


def small_checkout(folder: Path) -> Path:
    """The same under version control, committed at one second of 2001."""
    tree, date = small(folder), "2001-02-03T04:05:06+0000"
    git = ["git", "-C", str(tree), "-c", "user.name=a", "-c", "user.email=a@b"]
    dated = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        dist.run(*git, *words, environment=os.environ | dated)
    return tree


@needs_git
def test_clones_differ_in_what_must_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dist, "ROOT", small_checkout(tmp_path))
    first, second = (dist.cloned(place, tmp_path) / "pyproject.toml" for place in dist.PLACES)
    assert first.read_bytes() == second.read_bytes()
    modes = [path.stat().st_mode & 0o777 for path in (first, second)]
    assert modes == [0o644, 0o600]
    assert first.stat().st_mtime - second.stat().st_mtime > 86_400 * 300
    assert dist.committed() == ["one/__init__.py", "pyproject.toml"]


@needs_git
def test_the_documented_build(tmp_path: Path) -> None:
    """The lines of packages.md date everything by the commit, as `make dist` does."""
    (block,) = (one for one in blocks((ROOT / "docs" / "packages.md").read_text()) if "SOURCE_DATE_EPOCH" in one.body)
    tree = small_checkout(tmp_path)
    program = block.body.replace("python -m build", f"{shlex.quote(sys.executable)} -m build")
    subprocess.run(["bash", "-ec", program], cwd=tree, check=True, capture_output=True)
    with zipfile.ZipFile(next(tree.glob("dist/*.whl"))) as wheel:
        assert {entry.date_time for entry in wheel.infolist()} == {(2001, 2, 3, 4, 5, 6)}


def test_a_command_that_fails_ends_it() -> None:
    with pytest.raises(SystemExit, match="exit code 3\nsaid\n"):
        dist.run(sys.executable, "-c", "print('said'); raise SystemExit(3)")


@pytest.mark.parametrize(
    ("licence", "is_gpl", "is_known"),
    [
        ("MIT", False, True),
        ("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", False, True),
        ("GPL-2.0-or-later", True, True),
        ("GNU General Public License v3 or later (GPLv3+)", True, True),
        ("GNU Affero General Public License v3", True, True),
        ("MIT AND AGPL-3.0-only", True, True),
        ("GPL-2.0-or-later OR BSD-2-Clause", False, True),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", False, True),
        ("GNU Lesser General Public License v2 or later (LGPLv2+)", False, True),
        ("Proprietary", False, False),
        ("MIT AND SSPL-1.0", False, False),
        ("Other/Proprietary License, MIT License", False, False),
        ("", False, False),
    ],
)
def test_what_a_licence_is(licence: str, is_gpl: bool, is_known: bool) -> None:
    one = Package("one", "1", licence)
    assert (one.is_gpl, one.is_known) == (is_gpl, is_known)
    assert bool(list(licences.faults([one]))) == (is_gpl or not is_known)


def installed(name: str, fields: dict[str, str], files: tuple[str, ...] = ()) -> Distribution:
    metadata = email.message.Message()
    for key, value in ({"Name": name} | fields).items():
        metadata[key] = value
    paths = [PurePosixPath(file) for file in files]
    return cast(Distribution, SimpleNamespace(metadata=metadata, version="1", files=paths))


def test_where_a_licence_is_stated() -> None:
    old = {"License": "MIT", "Classifier": "License :: OSI Approved :: BSD License"}
    assert licences.of(installed("A_b", {"License-Expression": "ISC"} | old)) == Package("a-b", "1", "ISC")
    assert licences.of(installed("a", old)).licence == "BSD License"
    assert licences.of(installed("a", {"License": "MIT"})).licence == "MIT"
    assert licences.of(installed("a", {"License": "Copyright 2018\nAll of the text"})).licence == ""
    assert licences.of(installed("pyfdt", {})).source == "the head of its one file, pyfdt/pyfdt.py"


def test_libraries_in_wheels_are_asked_too() -> None:
    files = ("numpy.libs/libgfortran-04.so.5", "numpy.libs/libnew-1.so", "numpy/core/x.so")
    one = licences.of(installed("numpy", {"License-Expression": "MIT"}, files))
    assert one.strangers == ["libnew-1.so"]
    assert list(licences.faults([one])) == [
        "numpy 1: its wheel carries libnew-1.so: find out its licence, and note it in BUNDLED"
    ]
    assert licences.of(installed("other", {"License-Expression": "MIT"}, files)).strangers == [
        "libgfortran-04.so.5",
        "libnew-1.so",
    ]


def test_a_plain_install_brings_no_gpl(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(licences.faults(licences.plain())) == []
    assert licences.main(["--extra", "dt"]) == 0
    printed = capsys.readouterr().out
    assert "licences: no GPL in the " in printed
    assert [line.split()[0] for line in printed.splitlines() if line.endswith("  <- GPL")] == ["rfc3987"]


def test_gpl_in_a_plain_install_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(licences, "plain", lambda: [Package("bad", "2", "GPL-3.0-only"), Package("odd", "3", "")])

    def none(_: str) -> list[Package]:
        raise PackageNotFoundError("pykdumpfile")

    monkeypatch.setattr(licences, "of_extra", none)
    assert licences.main(["--extra", "kdump"]) == 1
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "extra kdump: pykdumpfile is not installed here, so what it brings is not known",
        "licences: bad 2: GPL-3.0-only: put it into an extra, or do without it",
        "licences: odd 3: licence not stated: find out, or do without it",
    ]


def stages() -> list[list[str]]:
    """The Containerfile's instructions, a list a stage."""
    text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", (ROOT / "Containerfile").read_text(), flags=re.MULTILINE))
    lines = [" ".join(line.split()) for line in text.splitlines() if line]
    starts = [at for at, line in enumerate(lines) if line.startswith("FROM ")]
    return [lines[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


def test_the_container() -> None:
    """What hadolint cannot know: both stages on one base, no compiler and no root in what runs, what it copies is there."""
    build, last = stages()
    assert build[0] == "FROM ${BASE} AS build"
    assert last[0] == "FROM ${BASE}"
    assert not re.search(r"gcc|-dev|pip", " ".join(last))
    assert "USER 65532:65532" in last
    assert 'ENTRYPOINT ["kinfo"]' in last
    copied = [word for line in build if line.startswith("COPY") for word in line.split()[1:-1]]
    assert all((ROOT / name).exists() for name in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = {
        project["project"]["readme"],
        *project["project"]["license-files"],
        *project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"],
    }
    named |= project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"].keys()
    assert {"pyproject.toml", *named} == set(copied)
    text = (ROOT / "Containerfile").read_text()
    assert re.search(r"^ARG BASE=\S+:\d[\w.-]*$", text, re.MULTILINE)  # a tag that is no "latest"


def test_hadolint() -> None:
    if shutil.which("hadolint") is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run(["hadolint", ROOT / "Containerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def bill() -> dict[str, Any]:
    """What cyclonedx-py writes, in short: pyfdt states no licence."""
    parts = [
        {"type": "library", "name": one.name, "version": one.version, "licenses": [{"license": {"name": one.licence}}]}
        for one in licences.plain()
        if one.name != licences.PROJECT
    ]
    for one in parts:
        if one["name"] == "pyfdt":
            del one["licenses"]
    head = {"component": {"type": "application", "name": "kinfo"}}
    return {"bomFormat": "CycloneDX", "specVersion": sbom.VERSION, "version": 1, "metadata": head, "components": parts}


def test_the_bill_of_materials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sbom, "invalid", lambda _: [])
    assert list(sbom.faults(bill())) == ["pyfdt: no licence"]
    whole = sbom.completed(bill())
    assert list(sbom.faults(whole)) == []
    assert {"expression": "Apache-2.0"} in [licence for one in whole["components"] for licence in one["licenses"]]
    assert whole["metadata"]["component"]["version"] == __version__
    whole["components"] = [one for one in whole["components"] if one["name"] != "click"] + [
        {"name": "Odd_One", "licenses": [{"expression": "MIT"}]}
    ]
    assert list(sbom.faults(whole)) == [
        "odd-one: is in the document, but no part of a plain install",
        "click: is part of a plain install, but not in the document",
    ]


def test_the_bill_is_held_against_the_schema() -> None:
    pytest.importorskip("cyclonedx.validation.json", reason="cyclonedx-bom is not installed: make sbom installs it")
    assert list(sbom.invalid(sbom.completed(bill()))) == []
    (fault,) = sbom.invalid(bill() | {"components": [{"name": "no type"}]})
    assert "'type' is a required property" in fault


@pytest.mark.parametrize("is_whole", [True, False])
def test_what_make_sbom_says(
    is_whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = bill()
    if not is_whole:
        found["components"] = found["components"][1:]
    monkeypatch.setattr(sbom, "invalid", lambda _: [])
    monkeypatch.setattr(sbom, "described", lambda _: found)
    monkeypatch.setattr(dist, "ROOT", tmp_path)
    assert sbom.main() == int(not is_whole)
    printed, out = capsys.readouterr().out, tmp_path / "dist" / "kinfo.cdx.json"
    assert out.exists() == is_whole
    if is_whole:
        assert len(json.loads(out.read_text())["components"]) == len(found["components"])
        assert printed.endswith(f"{len(found['components'])} packages, valid by its schema\n")
    else:
        assert "is part of a plain install, but not in the document" in printed
