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
from typing import Any, NamedTuple

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


def step(name: str) -> dict[str, Any]:
    """A step of the action, by its id or its name."""
    return next(one for one in action()["runs"]["steps"] if name in (one.get("id"), one["name"]))


class Acted(NamedTuple):
    """How the action ended, what its log holds, and the outputs of the step that ran kinfo."""

    code: int
    log: str
    errors: str
    outputs: dict[str, str]


def bash(one: dict[str, Any], folder: Path, values: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A step as GitHub runs it: its expressions filled in, in the environment alone."""
    env = {name: re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: values[found[1]], text) for name, text in one["env"].items()}
    assert "${{" not in one["run"]  # an input in the program's text would be run
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", one["run"]]
    env |= {"GITHUB_OUTPUT": str(folder / "outputs")}
    return subprocess.run(command, cwd=folder, env=WITH_KINFO | env, capture_output=True, text=True, check=False)


def run_action(tmp_path: Path, **inputs: str) -> Acted:
    """The action's steps that run kinfo and say how it went, with inputs as GitHub would hand them over."""
    given = {name: str(one.get("default", "")) for name, one in action()["inputs"].items()} | inputs
    venv = tmp_path / "runner" / "kinfo-venv" / "bin"
    venv.mkdir(parents=True)
    (venv / "kinfo").symlink_to(Path(sys.executable).parent / "kinfo")
    values = {f"inputs.{name}": value for name, value in given.items()} | {"runner.temp": str(tmp_path / "runner")}
    done = bash(step("kinfo"), tmp_path, values)
    if done.returncode:
        return Acted(done.returncode, done.stdout, done.stderr, {})
    lines = (tmp_path / "outputs").read_text().splitlines()
    outputs = dict(line.split("=", 1) for line in lines)
    ended = bash(
        step("Say how it went"), tmp_path, values | {f"steps.kinfo.outputs.{key}": value for key, value in outputs.items()}
    )
    assert (ended.stdout, ended.stderr) == ("", "")
    return Acted(ended.returncode, done.stdout, done.stderr, outputs)


SMALL = str(EXAMPLES / "wrong" / "devicetree-too-small.dtb")


def test_the_action_annotates(tmp_path: Path) -> None:
    done = run_action(tmp_path, files=SMALL, options="--no-schema")
    assert (done.code, done.outputs) == (1, {"exit-code": "1", "file": ""})
    assert done.log.startswith("::error file=")
    assert "title=devicetree-too-small::" in done.log


def test_the_action_expands_patterns_and_writes_a_file(tmp_path: Path) -> None:
    done = run_action(
        tmp_path, files=f"{EXAMPLES}/right/*-like.dtb", options="--no-schema --if-present", format="junit", output="out.xml"
    )
    assert done == Acted(0, "", "", {"exit-code": "0", "file": "out.xml", "written": "true"})
    assert (tmp_path / "out.xml").read_text().count("<testsuite ") == 5


def test_the_action_uploads_what_it_found(tmp_path: Path) -> None:
    done = run_action(tmp_path, files=SMALL, options="--no-schema", upload="true", fail="false")
    assert done == Acted(0, "", "", {"exit-code": "1", "file": "kinfo.sarif", "written": "true"})
    assert json.loads((tmp_path / "kinfo.sarif").read_text())["runs"][0]["results"]
    upload = step("Upload to code scanning")
    assert upload["if"] == "${{ inputs.upload == 'true' && steps.kinfo.outputs.written == 'true' }}"
    assert upload["with"]["sarif_file"] == "${{ steps.kinfo.outputs.file }}"


def test_the_action_fails_where_nothing_was_decided(tmp_path: Path) -> None:
    done = run_action(tmp_path, files="missing.dtb", upload="true", fail="false")
    assert (done.code, done.outputs) == (2, {"exit-code": "2", "file": "kinfo.sarif"})  # nothing to upload
    assert done.errors.startswith("kinfo: missing.dtb: ")


@pytest.mark.parametrize("name", ["command", "files", "options", "format", "output"])
def test_no_input_is_run(name: str, tmp_path: Path) -> None:
    words = f'$(touch {tmp_path}/run) `touch {tmp_path}/run` "; touch {tmp_path}/run; #'
    done = run_action(tmp_path, **{"files": SMALL, "options": "--no-schema"} | {name: words})
    assert done.code in (1, 2)
    assert not (tmp_path / "run").exists()


def test_the_name_of_a_file_is_no_option(tmp_path: Path) -> None:
    shutil.copy(SMALL, tmp_path / "--help")
    done = run_action(tmp_path, files="*-*", options="--no-schema")
    assert done.code == 1
    assert "::error file=--help,title=devicetree-too-small::" in done.log


def test_what_a_dump_holds_is_no_workflow_command(tmp_path: Path) -> None:
    shutil.copy(ROOT / "kinfo" / "samples" / "pixel-5.10.bin", tmp_path / "::add-mask::x")
    done = run_action(tmp_path, command="decode", files="::*", format="text")
    first, *_, last = done.log.splitlines()
    assert done.log.splitlines()[1].startswith("::add-mask::x at 0x0")
    token = first.removeprefix("::stop-commands::")
    assert (len(token), last, done.code) == (40, f"::{token}::", 0)


def test_an_output_with_a_line_break_adds_no_output(tmp_path: Path) -> None:
    done = run_action(tmp_path, files=SMALL, output="a\nwritten=true")
    assert done == Acted(2, "", "kinfo: output: a line break in a file's name\n", {})


def test_the_action_installs_itself() -> None:
    steps = action()["runs"]["steps"]
    install, cache = step("Install kinfo"), step("cache")
    assert install["run"].splitlines()[1] == '"$VENV/bin/python" -m pip install --quiet "${KINFO}${EXTRAS:+[$EXTRAS]}"'
    assert install["env"]["KINFO"] == "${{ github.action_path }}"
    assert install["if"] == "${{ steps.cache.outputs.cache-hit != 'true' }}"
    assert cache["with"]["path"] == install["env"]["VENV"] == step("kinfo")["env"]["VENV"]
    assert {"runner.os", "runner.arch", "steps.source.outputs.sum"} <= set(
        re.findall(r"\{\{ ([\w.-]+) ", cache["with"]["key"])
    )
    assert all("shell" in one or "uses" in one for one in steps)
    assert all("description" in one for one in (action()["inputs"] | action()["outputs"]).values())
    assert action()["inputs"]["command"]["default"] in COMMANDS
    assert action()["inputs"]["extras"]["default"] in EXTRAS


def test_the_cache_is_of_the_actions_own_files(tmp_path: Path) -> None:
    sums = []
    (tmp_path / "kinfo").mkdir()
    (tmp_path / "bindings").mkdir()
    (tmp_path / "pyproject.toml").write_text("")
    for name in ("kinfo/a.py", "kinfo/a.pyc", "notes", "bindings/b.yaml"):
        (tmp_path / name).write_text("x")
        done = bash(step("source"), tmp_path, {"github.action_path": str(tmp_path)})
        assert done.returncode == 0, done.stderr
        sums.append((tmp_path / "outputs").read_text().splitlines()[-1])
    assert re.fullmatch("sum=[0-9a-f]{64}", sums[0])
    assert sums[0] == sums[1] == sums[2] != sums[3]


EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_hooks_name_commands_that_are_there(hook: dict[str, Any]) -> None:
    words = shlex.split(hook["entry"])
    assert words[0] == "kinfo"
    assert words[1] in COMMANDS
    re.compile(hook["files"])


def test_the_devicetree_hook(tmp_path: Path) -> None:
    hook = next(one for one in HOOKS if one["id"] == "kinfo-verify-dt")
    assert hook["additional_dependencies"] == EXTRAS["dt"]
    assert re.search(hook["files"], "boards/a.dts")
    right, wrong = EXAMPLES / "right" / "v3.dtb", EXAMPLES / "wrong" / "devicetree-cells.dtb"
    for path, code in ((right, 0), (wrong, 1)):
        done = subprocess.run(
            [*shlex.split(hook["entry"]), path], cwd=tmp_path, env=WITH_KINFO, capture_output=True, check=False
        )
        assert done.returncode == code


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / "docs" / "ci.md").read_text(), re.DOTALL | re.MULTILINE)


def documented(name: str) -> Any:
    """The YAML of docs/ci.md, by a word in it."""
    (block,) = (one for one in blocks("yaml") if name in one)
    return yaml.safe_load(block)


def test_the_documented_workflows_are_yaml() -> None:
    workflow, step_, scan, gitlab, job, policy = map(
        documented,
        ("debug-kinfo\non:", "command: compare", "security-events", "debug-kinfo:\n", "devicetree:\n  image", "pass: ["),
    )
    assert set(workflow["jobs"]) == {"record"}
    assert step_[0]["with"]["command"] in COMMANDS
    used = scan["jobs"]["devicetree"]["steps"][-1]["with"]
    assert used.keys() | step_[0]["with"].keys() <= action()["inputs"].keys()
    assert (used["upload"], scan["permissions"]["security-events"]) == ("true", "write")
    assert gitlab["debug-kinfo"]["artifacts"]["reports"]["junit"] == ["crosscheck.xml", "compare.xml"]
    policy_of(policy)
    job = job["devicetree"]
    assert f"> {job['artifacts']['reports']['codequality']}" in job["script"][-1]
    for one in (gitlab["debug-kinfo"], job):
        assert {"image", "before_script", "script", "artifacts"} <= set(one)


def test_the_documented_inputs_are_the_actions() -> None:
    text = (ROOT / "docs" / "ci.md").read_text()
    table = text.partition("| input | default |")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| `([\w-]+)` \| `?(.*?)`? \|", table, re.MULTILINE))
    inputs = {name: str(one.get("default", "")) for name, one in action()["inputs"].items()}
    assert rows.keys() == inputs.keys()
    assert {name: rows[name] for name, value in inputs.items() if value} == {
        name: value for name, value in inputs.items() if value
    }


def test_the_documented_component_and_hooks_are_there() -> None:
    (included,) = documented("component:")["include"]
    (job,) = component(**included["inputs"]).values()
    assert job["before_script"][-1].endswith('pip install "kinfo[dt] @ git+https://kinfo.invalid/kinfo.git@v0.1.0"')
    assert "boards/*.dts" in job["script"][0]
    (repository,) = documented("- repo:")["repos"]
    assert {one["id"] for one in repository["hooks"]} == {one["id"] for one in HOOKS}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder with a build, and where its image is loaded instead of the documents' address."""
    kernel = make(Spec(slide=0))
    (tmp_path / "vmlinux").write_bytes(vmlinux(kernel, symbol_values(kernel), extras=[Extra(".BTF", module_types(kernel))]))
    (tmp_path / ".config").write_text(config_text("6.12.1"))
    (tmp_path / "base").write_text(hex(kernel.spec.text))
    (tmp_path / "out").mkdir()
    return tmp_path


def typed(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", "-c", line], cwd=folder, env=WITH_KINFO, capture_output=True, text=True, check=False)


def lines_with(word: str) -> list[str]:
    (block,) = (one for one in blocks("sh") if word in one)
    return block.splitlines()


def test_the_documented_first_run(built: Path) -> None:
    """No golden folder: no pass, and a way out; then the lines of the document make one, and it compares."""
    before = typed("kinfo compare golden out", built)
    assert (before.returncode, before.stdout) == (2, "")
    assert "the first baseline is made with `kinfo compare --update-baseline OLD NEW`" in before.stderr
    lines = lines_with("--update-baseline")
    assert len(lines) == 4
    for line in lines:
        done = typed(line.replace("0x80200000", (built / "base").read_text()), built)
        assert done.returncode == 0, (line, done.stderr)
    assert done.stdout.endswith("1 pairs: 0 differ, 1 pass; 0 without a partner\n")


def test_the_documented_lines_of_shells(tmp_path: Path) -> None:
    samples = ROOT / "kinfo" / "samples"
    (gate,) = lines_with("[ $? = 1 ]")
    for name, code in (("pixel-5.10.bin", 0), ("ram-6.12.bin", 0)):  # sound, and with an error
        shutil.copy(samples / name, tmp_path / "region.bin")
        assert typed(gate, tmp_path).returncode == code
        assert (tmp_path / "kinfo.xml").read_text().startswith("<?xml")
    (tmp_path / "region.bin").unlink()
    assert typed(gate, tmp_path).returncode == 1  # could not be decided: the test fails, the job with it
    (tmp_path / "dumps").mkdir()
    shutil.copy(samples / "crash-6.12.elf", tmp_path / "dumps")
    (block,) = (one for one in blocks("sh") if "dumps/*" in one)
    done = typed(f"set -e\n{block}", tmp_path)
    assert done.returncode in (0, 1), done.stderr
    assert (tmp_path / "pages" / "crash-6.12.elf.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "survey.csv").exists()


def test_the_documented_devicetree_job_runs(tmp_path: Path) -> None:
    job = documented("devicetree:\n  image")["devicetree"]
    (tmp_path / "boards").mkdir()
    shutil.copy(EXAMPLES / "right" / "v3.dtb", tmp_path / "boards")
    command = job["script"][-1].replace("/opt/kinfo/bin/", "").replace("*.dts", "*.dtb")
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=WITH_KINFO, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    issues = json.loads((tmp_path / "gl-code-quality.json").read_text())
    assert issues
    assert {one["severity"] for one in issues} <= {"minor", "info"}  # what a right tree may be told


def test_the_documented_commands_run(built: Path) -> None:
    """Every kinfo line of both workflows, in order, on a kernel of our own, but for where its image is loaded."""
    (built / "golden").mkdir()
    for name in ("debug-kinfo\non:", "debug-kinfo:\n"):
        (block,) = (one for one in blocks("yaml") if name in one)
        lines = [line.strip().removeprefix("- ").removeprefix("run: ") for line in block.splitlines()]
        commands = [line for line in lines if line.startswith(("kinfo ", "mkdir "))]
        assert len(commands) == 4
        for command in sorted(commands, key=lambda line: not line.startswith(("mkdir", "kinfo build"))):
            line = command.replace("0x80200000", (built / "base").read_text()).replace("-o out", "--force -o out")
            if command.startswith("kinfo compare"):
                assert typed("kinfo compare --update-baseline golden out", built).returncode == 0
            done = typed(line, built)
            assert done.returncode == 0, done.stderr
    assert (built / "crosscheck.xml").read_text().startswith("<?xml")


def test_the_action_compares(tmp_path: Path) -> None:
    sample = ROOT / "kinfo" / "samples" / "pixel-5.10.bin"
    done = run_action(tmp_path, command="compare", files=f"{sample} {sample}", format="text")
    assert (done.code, done.log.splitlines()[-2]) == (0, "passes: nothing differs that should not")


def component(**inputs: str) -> dict[str, Any]:
    """The job that GitLab makes of the component, and of what an includer gives."""
    head, job = (ROOT / "templates" / "kinfo.yml").read_text().split("\n---\n")
    spec = yaml.safe_load(head)["spec"]["inputs"]
    assert inputs.keys() <= spec.keys()
    given = {name: inputs.get(name, one.get("default")) for name, one in spec.items()}
    assert None not in given.values(), given
    assert set(re.findall(r"\$\[\[ inputs\.(\w+) \]\]", job)) == spec.keys()
    made: dict[str, Any] = yaml.safe_load(re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda found: str(given[found[1]]), job))
    return made


def test_the_gitlab_component_gives_code_quality(tmp_path: Path) -> None:
    (job,) = component(files=SMALL, options="--no-schema", source="./kinfo").values()
    assert job["artifacts"] == {"when": "always", "reports": {"codequality": "gl-code-quality.json"}}
    line = job["script"][0].replace("/opt/kinfo/bin/", "")
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, env=WITH_KINFO, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    assert json.loads((tmp_path / "gl-code-quality.json").read_text())[0]["check_name"] == "devicetree-too-small"
    commands = yaml.safe_load((ROOT / "templates" / "kinfo.yml").read_text().split("\n---\n")[0])
    assert set(commands["spec"]["inputs"]["command"]["options"]) <= COMMANDS.keys()


def test_the_record_hooks(tmp_path: Path) -> None:
    """With the sample as a golden record: sound, and the same as itself; another build is not, nor a cut one."""
    hooks = {one["id"]: one for one in HOOKS}
    golden = tmp_path / "golden"
    golden.mkdir()
    data = (ROOT / "kinfo" / "samples" / "pixel-5.10.bin").read_bytes()
    (golden / "a.bin").write_bytes(data)
    (golden / "cut.bin").write_bytes(data[:300])
    assert re.search(hooks["kinfo-decode"]["files"], "golden/a.bin")
    assert not re.search(hooks["kinfo-decode"]["files"], "out/a.bin")
    for hook, names, code in (
        ("kinfo-decode", ["golden/a.bin"], 0),
        ("kinfo-decode", ["golden/cut.bin"], 1),
        ("kinfo-compare", ["golden/a.bin", "golden/a.bin"], 0),
        ("kinfo-compare", ["golden/a.bin", "golden/cut.bin"], 1),
    ):
        words = [*shlex.split(hooks[hook]["entry"]), *names]
        done = subprocess.run(words, cwd=tmp_path, env=WITH_KINFO, capture_output=True, text=True, check=False)
        assert done.returncode == code, (words, done.stderr)
