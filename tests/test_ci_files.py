"""What other projects' CI takes from here: the GitHub Action and the pre-commit hooks."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from kinfo.cli.commands import COMMANDS
from tests.conftest import ROOT

EXAMPLES = ROOT / "dts_examples"
WITH_KINFO = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def action() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
    return data


def run_action(tmp_path: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """The action's last step, with its inputs as GitHub would hand them over."""
    step = action()["runs"]["steps"][-1]
    values = {name: str(one.get("default", "")) for name, one in action()["inputs"].items()} | inputs
    env = {name: values[re.fullmatch(r"\$\{\{ inputs\.(\w+) \}\}", text)[1]] for name, text in step["env"].items()}  # type: ignore[index]
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(command, cwd=tmp_path, env=WITH_KINFO | env, capture_output=True, text=True, check=False)


def test_the_action_annotates(tmp_path: Path) -> None:
    done = run_action(tmp_path, files=str(EXAMPLES / "wrong" / "devicetree-too-small.dtb"), options="--no-schema")
    assert done.returncode == 1
    assert "::error file=" in done.stdout
    assert "title=devicetree-too-small::" in done.stdout


def test_the_action_expands_patterns_and_writes_a_file(tmp_path: Path) -> None:
    done = run_action(
        tmp_path, files=f"{EXAMPLES}/right/*-like.dtb", options="--no-schema --if-present", format="junit", output="out.xml"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "out.xml").read_text().count("<testsuite ") == 5


def test_the_action_installs_itself() -> None:
    steps = action()["runs"]["steps"]
    assert steps[1]["run"] == 'python -m pip install --quiet "$KINFO"'
    assert steps[1]["env"] == {"KINFO": "${{ github.action_path }}"}
    assert all("shell" in step or "uses" in step for step in steps)
    assert action()["inputs"]["command"]["default"] in COMMANDS


HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_hooks_name_commands_that_are_there(hook: dict[str, Any]) -> None:
    words = shlex.split(hook["entry"])
    assert words[0] == "kinfo"
    assert words[1] in COMMANDS
    re.compile(hook["files"])


def test_the_devicetree_hook(tmp_path: Path) -> None:
    hook = next(one for one in HOOKS if one["id"] == "kinfo-verify-dt")
    assert re.search(hook["files"], "boards/a.dts")
    right, wrong = EXAMPLES / "right" / "v3.dtb", EXAMPLES / "wrong" / "devicetree-cells.dtb"
    for path, code in ((right, 0), (wrong, 1)):
        done = subprocess.run(
            [*shlex.split(hook["entry"]), path], cwd=tmp_path, env=WITH_KINFO, capture_output=True, check=False
        )
        assert done.returncode == code
