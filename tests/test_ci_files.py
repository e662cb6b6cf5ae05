"""What other projects' CI takes from here: the GitHub Action and the pre-commit hooks."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from kinfo.cli.commands import COMMANDS
from kinfo.diff.policy import policy_of
from tests.build_files import Extra, config_text, module_types, symbol_values, vmlinux
from tests.conftest import ROOT
from tests.kernels.image import Spec, make

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
    assert steps[1]["run"] == 'python -m pip install --quiet "${KINFO}[dt]"'
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
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert hook["additional_dependencies"] == extras["dt"]
    assert re.search(hook["files"], "boards/a.dts")
    right, wrong = EXAMPLES / "right" / "v3.dtb", EXAMPLES / "wrong" / "devicetree-cells.dtb"
    for path, code in ((right, 0), (wrong, 1)):
        done = subprocess.run(
            [*shlex.split(hook["entry"]), path], cwd=tmp_path, env=WITH_KINFO, capture_output=True, check=False
        )
        assert done.returncode == code


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / "docs" / "ci.md").read_text(), re.DOTALL | re.MULTILINE)


def test_the_documented_workflows_are_yaml() -> None:
    github, step, gitlab, devicetree, policy = map(yaml.safe_load, blocks("yaml"))
    assert set(github["jobs"]) == {"record"}
    assert step[0]["with"]["command"] in COMMANDS
    assert gitlab["debug-kinfo"]["artifacts"]["reports"]["junit"] == ["crosscheck.xml", "compare.xml"]
    policy_of(policy)
    job = devicetree["devicetree"]
    assert f"> {job['artifacts']['reports']['codequality']}" in job["script"][-1]
    for one in (gitlab["debug-kinfo"], job):
        assert {"image", "before_script", "script", "artifacts"} == set(one)


def test_the_documented_devicetree_job_runs(tmp_path: Path) -> None:
    job = yaml.safe_load(blocks("yaml")[3])["devicetree"]
    (tmp_path / "boards").mkdir()
    shutil.copy(EXAMPLES / "right" / "v3.dtb", tmp_path / "boards")
    command = job["script"][-1].replace("/opt/kinfo/bin/", "").replace("*.dts", "*.dtb")
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=WITH_KINFO, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    issues = json.loads((tmp_path / "gl-code-quality.json").read_text())
    assert issues
    assert {one["severity"] for one in issues} <= {"minor", "info"}  # what a right tree may be told


def test_the_documented_commands_run(tmp_path: Path) -> None:
    """Every kinfo line of both workflows, in order, on a kernel of our own, but for where its image is loaded."""
    kernel = make(Spec(slide=0))
    (tmp_path / "vmlinux").write_bytes(vmlinux(kernel, symbol_values(kernel), extras=[Extra(".BTF", module_types(kernel))]))
    (tmp_path / ".config").write_text(config_text("6.12.1"))
    (tmp_path / "golden").mkdir()
    for block in blocks("yaml")[:3:2]:
        lines = [line.strip().removeprefix("- ").removeprefix("run: ") for line in block.splitlines()]
        commands = [line for line in lines if line.startswith(("kinfo ", "mkdir "))]
        assert len(commands) == 4
        for command in sorted(commands, key=lambda line: not line.startswith(("mkdir", "kinfo build"))):
            line = command.replace("0x80200000", hex(kernel.spec.text)).replace("-o out", "--force -o out")
            if command.startswith("kinfo compare"):
                subprocess.run(
                    ["sh", "-c", "kinfo compare --update-baseline golden out"], cwd=tmp_path, env=WITH_KINFO, check=True
                )
            done = subprocess.run(
                ["sh", "-c", line], cwd=tmp_path, env=WITH_KINFO, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
    assert (tmp_path / "crosscheck.xml").read_text().startswith("<?xml")


def test_the_action_compares(tmp_path: Path) -> None:
    sample = ROOT / "kinfo" / "samples" / "pixel-5.10.bin"
    done = run_action(tmp_path, command="compare", files=f"{sample} {sample}", format="text")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "passes: nothing differs that should not")
