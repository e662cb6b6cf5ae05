"""What a plain install brings, and that nothing falls over where an extra is missing."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from kinfo.cli.commands import COMMANDS
from tests.conftest import ROOT
from tests.fdt import blob, board
from tests.kernels.image import make

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def name_of(requirement: Requirement) -> str:
    return re.sub(r"[-_.]+", "-", requirement.name).lower()


def brought(
    requirements: list[str], extras: frozenset[str] = frozenset()
) -> Iterator[tuple[str, importlib.metadata.Distribution]]:
    """Every distribution that these requirements install here, with what it requires in turn."""
    for requirement in map(Requirement, requirements):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in (extras or {""})):
            found = importlib.metadata.distribution(requirement.name)
            yield name_of(requirement), found
            yield from brought(found.requires or [], frozenset(requirement.extras))


def is_gpl(found: importlib.metadata.Distribution) -> bool:
    stated = [*(found.metadata.get_all("License-Expression") or []), *(found.metadata.get_all("Classifier") or [])]
    return any(re.search(r"\bA?GPL|GNU (Affero )?General Public", one) for one in stated)


def test_a_plain_install_brings_neither_gpl_nor_a_compiler() -> None:
    plain = dict(brought(PROJECT["dependencies"]))
    assert {"pyfdt", "click"} <= set(plain)
    assert not {"dtschema", "rfc3987", "pylibfdt", "drgn"} & set(plain)
    assert not [name for name, found in plain.items() if is_gpl(found)]
    dt = dict(brought(PROJECT["optional-dependencies"]["dt"]))
    assert {"dtschema", "pylibfdt"} <= set(dt)
    assert [name for name, found in dt.items() if is_gpl(found)] == ["rfc3987"]  # this test would see it


def test_developers_get_every_extra() -> None:
    (own,) = (one for one in map(Requirement, PROJECT["optional-dependencies"]["dev"]) if one.name == "kinfo")
    others = {
        "dev",
        "mutants",
        "packages",
        "kdump",
    }  # two are for more than dev; Debian 12's libkdumpfile is too old for kdump
    assert own.extras == set(PROJECT["optional-dependencies"]) - others


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which dtschema and drgn cannot be imported."""
    folder = tmp_path_factory.mktemp("without")
    for name in ("dtschema", "drgn"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(f'raise ModuleNotFoundError("No module named {name!r}")')
    return dict(os.environ) | {"PYTHONPATH": str(folder)}


def run(without: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kinfo", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=without, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert "Traceback" not in done.stderr + done.stdout
    return done


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_there(command: str, without: dict[str, str]) -> None:
    assert run(without, command, "--help").returncode == 0


def test_the_demo(without: dict[str, str]) -> None:
    assert run(without, "demo").returncode == 0


def test_verify_dt_says_what_is_missing(without: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "b.dtb").write_bytes(blob(board()))
    done = run(without, "verify-dt", tmp_path / "b.dtb")
    assert (done.returncode, "pip install 'kinfo[dt]'" in done.stdout) == (0, True)
    assert run(without, "verify-dt", "--require-schema", tmp_path / "b.dtb").returncode == 2


def test_the_script_for_drgn_says_what_is_missing(without: dict[str, str], tmp_path: Path) -> None:
    make().write_elf(tmp_path / "core")
    script = tmp_path / "session.py"
    script.write_text(run(without, "debug", tmp_path / "core", "--tool", "drgn").stdout)
    command = [sys.executable, "-i", str(script)]
    done = subprocess.run(
        command, cwd=ROOT, env=without, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    install = f"install it in this Python: {sys.executable} -m pip install 'kinfo[drgn]'"
    assert (done.returncode, done.stderr) == (2, f"No module named 'drgn'; {install}\n")
