"""Whatever is derived is current: shapes, the documents' tables, the README's examples, the shipped samples."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tools.generate import targets

FILES = targets()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_is_current(path: object) -> None:
    assert FILES[path].decode("latin-1") == path.read_bytes().decode("latin-1"), "run `make generate`"  # type: ignore[attr-defined, index]


def test_check_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "tools/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


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
