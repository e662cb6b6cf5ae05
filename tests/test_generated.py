"""Whatever is derived is current: shapes, the documents' tables, the README's examples, the shipped samples."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tools import generate
from tools.generate import targets

FILES = targets()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_is_current(path: Path) -> None:
    assert FILES[path]().decode("latin-1") == path.read_bytes().decode("latin-1"), "run `make generate`"


def test_all_samples_are_derived(shipped: Path) -> None:
    assert {path for path in FILES if path.parent == shipped} == set(shipped.iterdir())


def generated(monkeypatch: pytest.MonkeyPatch, path: Path, *options: str) -> int:
    """What the tool's exit code is, where this file is all that is derived."""
    monkeypatch.setattr(generate, "targets", lambda: {path: lambda: b"as it must be"})
    monkeypatch.setattr(generate, "ROOT", path.parent)
    monkeypatch.setattr(sys, "argv", ["generate.py", *options])
    return generate.main()


def test_check_says_what_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "derived"
    path.write_bytes(b"of yesterday")
    assert generated(monkeypatch, path, "--check") == 1
    assert (capsys.readouterr().out, path.read_bytes()) == ("stale: derived\n", b"of yesterday")
    assert generated(monkeypatch, path) == 0
    assert (capsys.readouterr().out, path.read_bytes()) == ("wrote: derived\n", b"as it must be")
    assert generated(monkeypatch, path, "--check") == 0
    assert capsys.readouterr().out == ""


def test_every_console_example_is_there_and_none_fails_silently() -> None:
    readme = (ROOT / "README.md").read_text()
    commands = re.findall(r"^\$ (.+)$", readme, re.MULTILINE)
    assert len(commands) >= 9
    assert "Traceback" not in readme
    assert "exit code 1" in readme


def test_links_in_documents_lead_somewhere() -> None:
    for document in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
