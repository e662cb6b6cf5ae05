"""What contributors are handed: the release check, the templates, the hooks of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tools import release_check
from tools.packages import dist


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


def test_the_release_check_goes_through_its_steps(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def careless(into: Path) -> Iterator[str]:
        into.mkdir()
        (into / "kinfo.whl").write_text("")
        yield "kinfo.whl: two builds of one commit differ"

    monkeypatch.setattr(dist, "faults", careless)
    monkeypatch.setattr(release_check, "demonstrated", lambda *_: "kinfo.whl: kinfo demo ended with 1: no samples")
    monkeypatch.setattr(release_check, "unreleased", lambda *_: "")
    assert release_check.main() == 1
    printed = capsys.readouterr().out
    assert "release-check: kinfo.whl: two builds of one commit differ" in printed
    assert "release-check: kinfo.whl: kinfo demo ended with 1: no samples" in printed


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
