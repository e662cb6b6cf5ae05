"""What contributors are handed: the release check, the templates, the hooks of their own."""

from __future__ import annotations

import shutil
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tools import release_check


@pytest.mark.parametrize(
    ("changelog", "wanted"),
    [
        ("# Changelog\n\n## 1.2.0 (2026-11-25)\n\n* x\n\n## 1.1.0 (2026-01-01)\n", ""),
        ("## 1.2.0 (unreleased)\n", "CHANGELOG.md begins with '1.2.0 (unreleased)': head it `## 1.2.0 (YYYY-MM-DD)`"),
        ("## 1.1.0 (2026-01-01)\n## 1.2.0 (2026-11-25)\n", "CHANGELOG.md begins with '1.1.0 (2026-01-01)': head it "),
        ("## 1x2.0 (2026-01-01)\n", "CHANGELOG.md begins with '1x2.0 (2026-01-01)': head it "),
        ("nothing\n", "CHANGELOG.md has no section"),
    ],
)
def test_a_version_needs_its_dated_section(changelog: str, wanted: str) -> None:
    found = release_check.unreleased("1.2.0", changelog)
    assert found.startswith(wanted)
    assert bool(found) == bool(wanted)


def test_builds_that_differ_are_named(tmp_path: Path) -> None:
    for folder, text in (("a", "1"), ("b", "2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.whl").write_text("wheel")
        (tmp_path / folder / "kinfo.tar.gz").write_text(text)
    (tmp_path / "b" / "more.whl").write_text("")
    first, second = (release_check.digests(tmp_path / folder) for folder in "ab")
    assert list(release_check.differences(first, first)) == []
    assert list(release_check.differences(first, second)) == [
        "kinfo.tar.gz: two builds of one commit differ",
        "more.whl: two builds of one commit differ",
    ]


def test_the_release_check_goes_through_its_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With builds that say their time, as careless build backends do: the check must end with 1 and name the file."""
    seen: list[Path] = []

    def careless(source: Path, into: Path) -> dict[str, str]:
        into.mkdir()
        (into / "kinfo.whl").write_text(str(len(seen)))
        seen.append(source)
        return release_check.digests(into)

    monkeypatch.setattr(release_check, "built", careless)
    monkeypatch.setattr(release_check, "exported", lambda into: into / "tree")
    monkeypatch.setattr(release_check, "demonstrated", lambda *_: "kinfo.whl: kinfo demo ended with 1: no samples")
    monkeypatch.setattr(release_check, "unreleased", lambda *_: "")
    assert release_check.main() == 1
    printed = capsys.readouterr().out
    assert "release-check: kinfo.whl: two builds of one commit differ" in printed
    assert "release-check: kinfo.whl: kinfo demo ended with 1: no samples" in printed
    assert len(set(seen)) == 2
    assert tmp_path.exists()


@pytest.mark.skipif(shutil.which("git") is None or not (ROOT / ".git").exists(), reason="needs git and a checkout")
def test_what_is_built_is_what_is_committed(tmp_path: Path) -> None:
    tree = release_check.exported(tmp_path)
    assert (tree / "pyproject.toml").exists()
    assert not (tree / ".venv").exists()
    with tarfile.open(tmp_path / "tree.tar") as tar:
        assert "kinfo/version.py" in tar.getnames()


def test_a_command_that_fails_ends_the_check() -> None:
    with pytest.raises(SystemExit, match="exit code 3\nsaid\n"):
        release_check.run(sys.executable, "-c", "print('said'); raise SystemExit(3)")


def test_the_templates_are_forms() -> None:
    folder = ROOT / ".github/ISSUE_TEMPLATE"
    forms = [path for path in sorted(folder.glob("*.yml")) if path.name != "config.yml"]
    assert [path.name for path in forms] == ["new-layout.yml", "wrong-answer.yml"]
    for path in forms:
        form = yaml.safe_load(path.read_text())
        assert {"name", "description", "body"} <= form.keys()
        assert all(part["attributes"]["label"] for part in form["body"])
        assert len({part["id"] for part in form["body"]}) == len(form["body"])


def test_the_hooks_run_what_make_lint_runs() -> None:
    makefile = (ROOT / "Makefile").read_text()
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    tools = {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in hooks}
    assert tools == {"ruff", "mypy"}
    assert all(f"$(BIN)/{tool}" in makefile for tool in tools)


def test_contributing_names_targets_that_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in ("test", "lint", "bench", "generate", "release-check"):
        assert f"make {target}" in (ROOT / "CONTRIBUTING.md").read_text()
        assert f"\n{target}:" in makefile
