"""What is added to the command line must be whole: a command, a finding, an output format. What one lacks is said by name."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
import typing
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from kinfo.catalogue import FAMILIES, RULES
from kinfo.cli.commands import COMMANDS
from kinfo.cli.declare import AtLeast, Command, Parameter, ValueKind
from kinfo.findings import Rule, Severity
from kinfo.kernel.beside import RamOptions
from kinfo.report.formats import FORMATS, Format
from tests.conftest import ROOT

FINDINGS = (ROOT / "docs" / "findings.md").read_text()
OUTPUT = (ROOT / "docs" / "output.md").read_text()
DOCS = "".join(path.read_text() for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])


@functools.cache
def all_tests() -> str:
    return "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__))


# Commands


def field_type(parameter: Parameter) -> Any:
    """The type that the parameter's field must have, by what its values are."""
    if parameter.is_flag:
        return bool
    one: Any = int if parameter.kind is int or isinstance(parameter.kind, AtLeast) else str
    if isinstance(parameter.kind, ValueKind):
        one = typing.get_type_hints(parameter.kind.convert)["return"]
    if parameter.is_multiple or parameter.nargs == -1:
        return tuple[one, ...]
    if parameter.nargs == 2:
        return tuple[one, one] | None
    return one if parameter.is_required or parameter.default is not None else one | None


def is_frozen(options: type) -> bool:
    """Whether it is a NamedTuple, or a frozen dataclass (which can have fields of another)."""
    return hasattr(options, "_fields") or bool(getattr(getattr(options, "__dataclass_params__", None), "frozen", False))


def options_lack(command: Command) -> tuple[str, ...]:
    """Where a command's parameters and the fields of its Options do not agree."""
    parameters = {one.name: one for one in command.parameters if one.effect is None}
    options = command.options
    if options is None:
        return ("Options (and @takes(Options) below the last option)",) if parameters else ()
    if not is_frozen(options):
        return ("NamedTuple",)
    fields = typing.get_type_hints(options)
    lacking = [f"field {name}" for name in parameters if name not in fields]
    lacking += [f"parameter for field {name}" for name in fields if name not in parameters]
    for name, parameter in parameters.items():
        if name in fields and fields[name] != (wanted := field_type(parameter)):
            lacking.append(f"type {wanted} of field {name}")
    return tuple(lacking)


def unused(command: Command, source: str) -> tuple[str, ...]:
    """Fields that the command's file never asks for, nor hands on as a whole."""
    own = vars(command.options).get("__annotations__", {}) if command.options else {}
    return tuple(name for name in own if not re.search(rf"\boptions\.{name}\b", source))


def command_lacks(name: str, module: str, title: str) -> tuple[str, ...]:
    """The parts that a command does not have."""
    if find_spec(module) is None:
        return (f"file {module.replace('.', '/')}.py",)
    command = getattr(import_module(module), "command", None)
    if not isinstance(command, Command):
        return ("command, a function under @declare.command",)
    described = [one for one in command.parameters if one.flags and one.name != "form"]
    parts = {
        "title in cli/commands.py": bool(title),
        "the same name in @declare.command": command.name == name,
        "short_help": bool(command.short_help),
        "docstring": bool(command.help),
        "help for every option": all(one.help for one in described),
        "mention in README.md or docs/": f"kinfo {name}" in DOCS,
        "test that runs it": f'"{name}"' in all_tests(),
    }
    source = Path(str(sys.modules[module].__file__)).read_text()
    shared = vars(RamOptions) if re.search(r"\b(?:opened|beside|command_words)\(.*\boptions\)", source) else {}
    dead = [f"use of options.{one}" for one in unused(command, source) if one not in shared]
    return (*(part for part, is_there in parts.items() if not is_there), *options_lack(command), *dead)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_whole(name: str) -> None:
    lacking = command_lacks(name, *COMMANDS[name])
    assert not lacking, f"kinfo {name} lacks: {'; '.join(lacking)}"


HALF = """
from __future__ import annotations
from typing import NamedTuple
from kinfo.cli import declare
from kinfo.cli.options import takes

class Options(NamedTuple):
    name: str
    count: str | None
    gone: bool

@declare.command("other")
@declare.argument("name")
@declare.option("--count", kind=int)
@declare.option("--new")
@takes(Options)
def command(options: Options) -> int:
    return len(options.name)
"""

OLD = """
from kinfo.cli import declare

@declare.command("old")
@declare.argument("name")
def command(**given): ...
"""


def test_parts_that_a_command_lacks_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    assert command_lacks("made-up", "made_up_command", "x") == ("file made_up_command.py",)
    (tmp_path / "half_command.py").write_text(HALF)
    assert command_lacks("made-" + "up", "half_command", "") == (
        "title in cli/commands.py",
        "the same name in @declare.command",
        "short_help",
        "docstring",
        "help for every option",
        "mention in README.md or docs/",
        "test that runs it",
        "field new",
        "parameter for field gone",
        "type int | None of field count",
        "use of options.count",
        "use of options.gone",
    )
    (tmp_path / "no_command.py").write_text("")
    assert command_lacks("no", "no_command", "x") == ("command, a function under @declare.command",)
    (tmp_path / "old_command.py").write_text(OLD)
    assert "Options (and @takes(Options) below the last option)" in command_lacks("old", "old_command", "x")


# Findings


def rule_lacks(rule: Rule) -> tuple[str, ...]:
    """The parts that a finding's rule does not have."""
    parts = {
        "code of small letters and hyphens": bool(re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", rule.code)),
        "family in kinfo/catalogue.py": rule.family in FAMILIES,
        "place in RULES of kinfo/catalogue.py": rule in RULES,
        **{name: bool(getattr(rule, name)) for name in ("title", "effect", "remedy", "source")},
        "entry in docs/findings.md (make generate)": f'<a id="{rule.code}"></a>' in FINDINGS,
    }
    return tuple(part for part, is_there in parts.items() if not is_there)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_finding_is_whole(rule: Rule) -> None:
    lacking = rule_lacks(rule)
    assert not lacking, f"{rule.code} lacks: {'; '.join(lacking)}"


def test_parts_that_a_finding_lacks_are_named() -> None:
    assert rule_lacks(Rule("Made_Up", Severity.ERROR, "", "", "", "")) == (
        "code of small letters and hyphens",
        "family in kinfo/catalogue.py",
        "place in RULES of kinfo/catalogue.py",
        "title",
        "effect",
        "remedy",
        "source",
        "entry in docs/findings.md (make generate)",
    )


# Output formats


def format_lacks(one: Format) -> tuple[str, ...]:
    """The parts that an output format does not have."""
    if find_spec(one.module) is None:
        return (f"file {one.module.replace('.', '/')}.py",)
    module = import_module(one.module)
    parts = {
        "parts(what: Shown)": callable(getattr(module, "parts", None)),
        "docstring": bool(module.__doc__),
        "row in FORMATS": one in FORMATS,
        "entry in docs/output.md": f"`{one.name}`" in OUTPUT or f"--format {one.name}" in OUTPUT,
        "test that asks for it": f'"{one.name}"' in all_tests(),
    }
    return tuple(part for part, is_there in parts.items() if not is_there)


@pytest.mark.parametrize("one", FORMATS, ids=lambda one: one.name)
def test_every_format_is_whole(one: Format) -> None:
    lacking = format_lacks(one)
    assert not lacking, f"{one.name} lacks: {'; '.join(lacking)}"


def test_parts_that_a_format_lacks_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    assert format_lacks(Format("made-up", "made_up_format", is_of_findings=False)) == ("file made_up_format.py",)
    (tmp_path / "half_format.py").write_text("")
    assert format_lacks(Format("half" + "-made", "half_format", is_of_findings=False)) == (
        "parts(what: Shown)",
        "docstring",
        "row in FORMATS",
        "entry in docs/output.md",
        "test that asks for it",
    )


# A format that is not there: its file and its row, as the guide says; every command that judges has it then.
MADE_UP = '''"""A line a finding."""

def parts(what):
    for one in what.findings():
        for finding in one.findings:
            yield f"{one.place}|{finding.code}|{what.is_strict}\\n"
'''
WITH_IT = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from kinfo.report import formats
formats.FORMATS += (formats.Format("lines", "made_up_lines", is_of_findings=True),)
from kinfo.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


def test_a_new_format_is_a_file_and_a_row(tmp_path: Path) -> None:
    (tmp_path / "made_up_lines.py").write_text(MADE_UP)

    def with_it(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", WITH_IT, str(tmp_path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)

    sample = str(ROOT / "kinfo" / "samples" / "ram-6.12.bin")
    done = with_it("decode", sample, "--format", "lines", "--strict")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[0].startswith(f"{sample} at 0x")
    assert done.stdout.splitlines()[0].endswith("|True")
    done = with_it("compare", sample, str(ROOT / "kinfo" / "samples" / "pixel-5.10.bin"), "--format", "lines")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].endswith("|False")
    refused = with_it("find", sample, "--format", "lines")  # it lists, it does not judge
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "one of 'text', 'json', 'yaml'" in refused.stderr
