"""SARIF as code scanning takes it: every rule of GitHub's ingestion, on what every judging command writes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kinfo.catalogue import RULES
from kinfo.report.formats import Shown, rendered, sarif
from kinfo.report.judged import Judged
from tests.build_files import Extra, config_text, module_types, symbol_values, vmlinux
from tests.conftest import ROOT, Cli
from tests.kernels.image import Spec, make

WRONG, SAMPLES = ROOT / "dts_examples" / "wrong", ROOT / "kinfo" / "samples"
Commands = dict[str, list[str]]


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """A command line a kind of output: records, source and blobs of devicetrees, two records, two drivers, nothing at all."""
    monkeypatch.chdir(tmp_path)
    for path in (*SAMPLES.glob("*.bin"), WRONG / "devicetree-cells.dtb", WRONG / "devicetree-cells.dts"):
        shutil.copy(path, tmp_path)
    kernel = make(Spec(slide=0))
    Path("vmlinux").write_bytes(vmlinux(kernel, symbol_values(kernel), extras=[Extra(".BTF", module_types(kernel))]))
    Path("config").write_text(config_text("6.12.1"))
    return {
        "decode": ["decode", "ram-6.12.bin", "./meminspect-half.bin"],
        "verify-dt": ["verify-dt", "--no-schema", ".//devicetree-cells.dtb"],
        "compare": ["compare", "pixel-5.10.bin", "ram-6.12.bin"],
        "crosscheck": ["crosscheck", "vmlinux", "config", "--phys-base", hex(kernel.spec.text)],
        "sound": ["compare", "pixel-5.10.bin", "pixel-5.10.bin"],
    } | ({"source": ["verify-dt", "--no-schema", "devicetree-cells.dts"]} if shutil.which("dtc") else {})


def refused(log: dict[str, Any]) -> list[str]:
    """What GitHub would refuse, not show, or show twice; [] for nothing."""
    faults = [f"version {log['version']}"] if log["version"] != "2.1.0" else []
    categories = [run.get("automationDetails", {}).get("id", "") for run in log["runs"]]
    if len({*categories}) < len(categories) or len(categories) > 20:
        faults.append(f"runs {categories}")
    for run in log["runs"]:
        rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
        faults += [f"rule {rule['id']}" for rule in rules.values() if not _is_rule(rule)]
        faults += [f"result {result}" for result in run["results"] if not _is_result(result) or result["ruleId"] not in rules]
        if len(run["results"]) > 25_000:
            faults.append("too many results")
        marks = [(one["ruleId"], one["partialFingerprints"]["primaryLocationLineHash"]) for one in run["results"]]
        if len({*marks}) < len(marks):
            faults.append("two results are one alert")
    return faults


def _is_rule(rule: dict[str, Any]) -> bool:
    texts = [rule["shortDescription"]["text"], rule["fullDescription"]["text"]]
    return (
        all(0 < len(text) <= 1024 for text in texts)
        and bool(rule["help"]["text"])
        and 0 < len(rule["name"]) <= 255
        and rule["properties"]["problem.severity"] in ("error", "warning", "recommendation")
        and len(rule["properties"]["tags"]) <= 20
        and "security-severity" not in rule["properties"]
    )


def _is_result(result: dict[str, Any]) -> bool:
    (location,) = result["locations"]
    place = location["physicalLocation"]
    uri, region = place["artifactLocation"]["uri"], place["region"]
    relative = re.fullmatch(r"[^/:]+(/[^/:]+)*", uri) and place["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
    return (
        bool(relative)
        and not uri.startswith("./")
        and region["startLine"] >= 1
        and region.get("startColumn", 1) >= 1
        and region.get("endLine", region["startLine"]) >= region["startLine"]
        and result["level"] in ("note", "warning", "error", "none")
        and bool(result["message"]["text"])
    )


def test_code_scanning_takes_what_every_command_writes(commands: Commands, kinfo_cli: Cli) -> None:
    for name, words in commands.items():
        ran = kinfo_cli(*words, "--format", "sarif")
        log = json.loads(ran.out)
        assert (ran.code, refused(log)) == (int(name not in ("crosscheck", "sound")), []), name
        assert bool(log["runs"][0]["results"]) == (name != "sound")
        assert "automationDetails" not in log["runs"][0]  # upload-sarif's category counts only where there is none


def test_a_place_in_source_has_its_column(commands: Commands, kinfo_cli: Cli) -> None:
    if "source" not in commands:
        pytest.skip("dtc is not installed")
    log = json.loads(kinfo_cli(*commands["source"], "--format", "sarif").out)
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    line = Path("devicetree-cells.dts").read_text().splitlines()[place["region"]["startLine"] - 1]
    assert line[place["region"]["startColumn"] - 1 :].startswith("#size-cells")
    assert place["artifactLocation"] == {"uri": "devicetree-cells.dts", "uriBaseId": "%SRCROOT%"}


def judged(number: int, source: str = "a.bin") -> Judged:
    return Judged("decode", source, None, tuple(RULES[0].at(f"field {place}", "is wrong") for place in range(number)))


def written(*things: Judged) -> dict[str, Any]:
    log: dict[str, Any] = json.loads("".join(rendered("sarif", Shown(dict, lambda: things))))
    return log


@pytest.mark.parametrize(("results", "runs"), [(0, 1), (1, 1), (3, 1), (4, 2), (6, 2), (7, 3)])
def test_a_run_holds_no_more_than_code_scanning_takes(results: int, runs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sarif.RESULTS_A_RUN == 25_000
    monkeypatch.setattr(sarif, "RESULTS_A_RUN", 3)
    log = written(judged(results))
    assert [len(run["results"]) for run in log["runs"]] == [max(0, min(3, results - 3 * number)) for number in range(runs)]
    assert refused(log) == []
    places = [one["locations"][0]["logicalLocations"][0] for run in log["runs"] for one in run["results"]]
    assert places == [{"fullyQualifiedName": f"field {place}"} for place in range(results)]


@pytest.mark.parametrize(
    ("source", "uri"),
    [
        ("boards/a.dts", "boards/a.dts"),
        ("./boards//./a.dts", "boards/a.dts"),
        ("a b#:c.dtb", "a%20b%23%3Ac.dtb"),
        ("../a.dts", "../a.dts"),
        ("/tmp/./a.dts", "file:///tmp/./a.dts"),
        (".", "."),
    ],
)
def test_names_of_files(source: str, uri: str) -> None:
    (result,) = written(judged(1, source))["runs"][0]["results"]
    artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact == ({"uri": uri} if source.startswith("/") else {"uri": uri, "uriBaseId": "%SRCROOT%"})


def test_every_rule_is_one_of_code_scanning() -> None:
    for rule in RULES:
        assert _is_rule(sarif._rule(rule)), rule.code
    names = [sarif._rule(rule)["name"] for rule in RULES]
    assert len({*names}) == len(names)
    assert all(re.fullmatch(r"([A-Z][a-z0-9]*)+", str(name)) for name in names)


def test_what_the_multitool_says(commands: Commands, kinfo_cli: Cli, tmp_path: Path) -> None:
    """Microsoft's validator, of the npm package @microsoft/sarif-multitool-linux: its rules of SARIF, and GitHub's."""
    tool = shutil.which("Sarif.Multitool")
    if tool is None:
        pytest.skip("Sarif.Multitool is not installed")
    for name, words in commands.items():
        (tmp_path / f"{name}.sarif").write_text(kinfo_cli(*words, "--format", "sarif").out)
        names = [f"{name}.sarif", "-o", f"{name}.found"]
        levels = ["--rule-kind", "Sarif;Ghas", "--level", "Error;Warning"]
        done = subprocess.run([tool, "validate", *names, *levels], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        found = json.loads((tmp_path / f"{name}.found").read_text())["runs"][0]["results"]
        assert [one["ruleId"] for one in found if one.get("level", "warning") != "note"] == [], done.stdout


def test_two_findings_of_a_rule_at_a_place_are_two(commands: Commands, kinfo_cli: Cli) -> None:
    """In GitLab's report too, whose issues are told apart by their fingerprint alone; the first keeps its own."""
    twice = judged(1)._replace(findings=judged(1).findings * 3)
    marks = [one["partialFingerprints"]["primaryLocationLineHash"] for one in written(twice)["runs"][0]["results"]]
    alone = written(judged(1))["runs"][0]["results"][0]["partialFingerprints"]["primaryLocationLineHash"]
    assert (len({*marks}), marks[0]) == (3, alone)
    issues = json.loads(kinfo_cli(*commands["compare"], "--format", "gitlab").out)
    assert len({one["fingerprint"] for one in issues}) == len(issues) > 20
