"""Settings: where they come from, which of them wins, what a project's file may not say, and how a mistake is told."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfo.cli.commands import COMMANDS
from kinfo.cli.declare import Parameter
from kinfo.cli.load import load
from kinfo.cli.settings import files, known, search
from kinfo.cli.settings.resolve import settable
from kinfo.cli.settings.values import WrongValueError, converted, of_word
from kinfo.errors import KinfoError
from tests.conftest import ROOT, Cli

RECORD = str(ROOT / "kinfo" / "samples" / "pixel-5.10.bin")
TREE = str(ROOT / "dts_examples" / "right" / "v3.dtb")


class Desk:
    """A home with a repository in it, in whose folder `deep` one works, and a user's file."""

    def __init__(self, home: Path) -> None:
        self.home, self.root = home, home / "tree"
        self.deep = self.root / "a" / "b"
        self.deep.mkdir(parents=True)
        (self.root / ".git").mkdir()
        self.user = home / ".config" / "kinfo" / "kinfo.toml"
        self.user.parent.mkdir(parents=True)

    def project(self, text: str, name: str = "kinfo.toml") -> Path:
        path = self.root / name
        path.write_text(text)
        return path


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """One works in the deep folder, and settings are on."""
    made = Desk(tmp_path.resolve())
    monkeypatch.chdir(made.deep)
    monkeypatch.setenv("HOME", str(made.home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv(search.OFF)
    return made


def shown(kinfo_cli: Cli, *words: str) -> dict[str, tuple[Any, str]]:
    """What `kinfo settings` says: value and source of each option."""
    ran = kinfo_cli("settings", *words, "--format", "json")
    assert (ran.code, ran.err) == (0, "")
    said = json.loads(ran.out)["settings"]
    return {one["option"]: (one["value"], one["source"]) for one in said}


# What a setting does


def test_options_have_their_values_from_the_file(desk: Desk, kinfo_cli: Cli) -> None:
    plain = kinfo_cli("decode", RECORD)
    desk.project('[decode]\nformat = "json"\nexplain = true\n')
    set_so = kinfo_cli("decode", RECORD)
    assert set_so == kinfo_cli("--no-settings", "decode", RECORD, "--format", "json", "--explain")
    for words in (("decode", "--", RECORD), ("--color", "auto", "decode", RECORD)):  # click reads these
        assert kinfo_cli(*words) == set_so
    assert kinfo_cli("decode", RECORD, "--format", "text", "--no-explain") == plain
    assert kinfo_cli("decode", "--format", "text", "--no-explain", "--", RECORD) == plain
    for words in (
        ("decode", RECORD, "--no-settings"),
        ("--no-settings", "decode", RECORD),
        ("decode", "--no-settings", "--", RECORD),
    ):
        assert kinfo_cli(*words) == plain
    assert kinfo_cli("find", RECORD).out.startswith("offset")  # another command


def test_the_environment_can_forbid_it(desk: Desk, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = kinfo_cli("explain")
    desk.project('format = "json"\n')
    assert kinfo_cli("explain") != plain
    monkeypatch.setenv(search.OFF, "1")
    assert kinfo_cli("explain") == plain
    monkeypatch.setenv(search.OFF, "0")
    assert kinfo_cli("explain") != plain


def test_what_wins(desk: Desk, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.user.write_text('format = "yaml"\nlayout = "A2"\n[decode]\nformat = "sarif"\njobs = 3\n')
    assert shown(kinfo_cli, "decode") == {"format": ("sarif", "user"), "layout": ("A2", "user"), "jobs": (3, "user")}
    desk.project('format = "json"\n')
    assert shown(kinfo_cli, "decode")["format"] == ("json", "project")
    assert shown(kinfo_cli, "decode")["layout"] == ("A2", "user")
    desk.project('format = "json"\n[decode]\nformat = "junit"\n')
    assert shown(kinfo_cli, "decode")["format"] == ("junit", "project")
    monkeypatch.setenv("KINFO_FORMAT", "gcc")
    assert shown(kinfo_cli, "decode")["format"] == ("gcc", "environment")
    monkeypatch.setenv("KINFO_DECODE_FORMAT", "github")
    assert shown(kinfo_cli, "decode")["format"] == ("github", "environment")
    assert kinfo_cli("decode", RECORD).out.startswith("::")
    assert kinfo_cli("decode", RECORD, "--format", "json").out.startswith("{")  # the command line
    assert shown(kinfo_cli, "find")["format"] == ("json", "project")  # it has no gcc
    monkeypatch.setenv("KINFO_DECODE_FORMAT", "")
    assert shown(kinfo_cli, "decode")["format"] == ("gcc", "environment")


def test_a_general_value_holds_where_it_can(desk: Desk, kinfo_cli: Cli) -> None:
    desk.project('format = "sarif"\nsymbols = "System.map"\n')
    assert kinfo_cli("decode", RECORD).out.lstrip().startswith("{")
    assert kinfo_cli("find", RECORD).out.startswith("offset")
    assert shown(kinfo_cli, "info") == {"symbols": (str(desk.root / "System.map"), "project")}
    assert shown(kinfo_cli, "pstore") == {}  # its --symbols is a flag
    assert shown(kinfo_cli, "build") == {}  # --format there implies --explain


def test_colours(desk: Desk, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    desk.project('color = "always"\n')
    command = ("explain", "layout-ambiguous")
    assert "\033[" in kinfo_cli(*command).out
    assert "\033[" not in kinfo_cli("--color", "never", *command).out
    assert "\033[" not in kinfo_cli(*command, "--color", "never").out
    assert "\033[" not in kinfo_cli("--no-settings", *command).out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033[" not in kinfo_cli(*command).out
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    desk.project('color = "never"\n')
    assert "\033[" in kinfo_cli(*command).out


def test_lists_numbers_and_pairs(desk: Desk, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.project('[decode]\noffset = 0x800\n[layouts]\ndiff = ["C", "D"]\n[verify-dt]\npage-size = 16384\nno-schema = true\n')
    assert kinfo_cli("decode", RECORD).out == kinfo_cli("--no-settings", "decode", RECORD, "--offset", "0x800").out
    assert kinfo_cli("layouts") == kinfo_cli("--no-settings", "layouts", "--diff", "C", "D")
    assert shown(kinfo_cli, "verify-dt") == {"page-size": ("16384", "project"), "no-schema": (True, "project")}
    assert kinfo_cli("verify-dt", TREE).code == 0
    monkeypatch.setenv("KINFO_LAYOUTS_DIFF", "A1,A2")
    assert kinfo_cli("layouts") == kinfo_cli("--no-settings", "layouts", "--diff", "A1", "A2")
    monkeypatch.setenv("KINFO_VERIFY_DT_NO_SCHEMA", "0")
    assert shown(kinfo_cli, "verify-dt")["no-schema"] == (False, "environment")


def test_an_option_that_must_be_given_can_be_set(desk: Desk, kinfo_cli: Cli) -> None:
    desk.user.write_text(f'[vectors]\noutput = "{desk.home / "out"}"\n')
    assert kinfo_cli("vectors", "C").code == 0
    assert (desk.home / "out").is_dir()


# Where files are looked for


def test_the_nearest_folder_up_to_the_repositorys_root(desk: Desk, kinfo_cli: Cli) -> None:
    (desk.home / "kinfo.toml").write_text('format = "yaml"\n')  # above the root
    assert shown(kinfo_cli) == {}
    desk.project('[tool.kinfo]\nformat = "yaml"\n', "pyproject.toml")
    assert shown(kinfo_cli)["format"] == ("yaml", "project")
    desk.project('format = "jsonl"\n')  # goes before the pyproject.toml beside it
    assert shown(kinfo_cli)["format"] == ("jsonl", "project")
    (desk.deep.parent / "pyproject.toml").write_text("[tool.other]\n[project]\nname = 'x'\n")  # says nothing of kinfo
    assert shown(kinfo_cli)["format"] == ("jsonl", "project")
    (desk.deep / "kinfo.toml").write_text("strict = true\n")  # the nearest alone
    assert shown(kinfo_cli) == {"strict": (True, "project")}


def test_outside_of_a_repository_the_working_folder_alone(desk: Desk, kinfo_cli: Cli) -> None:
    desk.project('format = "yaml"\n')
    (desk.root / ".git").rmdir()
    assert shown(kinfo_cli) == {}
    (desk.deep / "kinfo.toml").write_text("strict = true\n")
    assert shown(kinfo_cli) == {"strict": (True, "project")}


def test_never_above_the_home_folder(desk: Desk, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.project('format = "yaml"\n')
    monkeypatch.setenv("HOME", str(desk.deep.parent))
    assert shown(kinfo_cli) == {}


def test_the_users_file(desk: Desk, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.user.write_text("strict = true\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")  # is to be ignored
    assert shown(kinfo_cli) == {"strict": (True, "user")}
    monkeypatch.setenv("XDG_CONFIG_HOME", str(desk.home / "elsewhere"))
    assert shown(kinfo_cli) == {}


def test_a_working_folder_that_is_gone(desk: Desk, kinfo_cli: Cli) -> None:
    desk.deep.rmdir()
    assert kinfo_cli("explain").code == 0
    assert search.project_files() == []


# What a project's file may not say


def options() -> dict[str, Parameter]:
    return {key: one for name in COMMANDS for key, one in settable(load(name)).items()}


def test_what_writes_or_runs_is_not_for_projects(desk: Desk, kinfo_cli: Cli) -> None:
    for key, option in options().items():
        if re.search(
            r"^(?:Write|Add to the table|Start|Where the page)|to write\b|[Oo]verwrite|fix writes", option.help or ""
        ):
            assert known.why_not_of_projects(key), f"{key}: {option.help}"
    assert options().keys() >= known.OF_PROJECTS
    assert known.why_not_of_projects("an-option-that-is-new")
    desk.project("[symbols]\nforce = true\n")
    ran = kinfo_cli("symbols", "x")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        f"kinfo: {desk.root}/kinfo.toml:2: a project's file cannot set force: it decides what is written;"
        " give --force on the command line, or put it into your own settings\n"
    )
    desk.project("jobs = 4\n")
    assert "jobs: how many processors may be used is this machine's matter" in kinfo_cli("decode", RECORD).err
    desk.project("")
    desk.user.write_text("jobs = 4\n[symbols]\nforce = true\n")
    assert shown(kinfo_cli, "symbols") == {"force": (True, "user")}


@pytest.mark.parametrize("value", ["../../outside", "/etc/passwd", "link/passwd", "../tree-too/x"])
def test_a_projects_paths_stay_within(value: str, desk: Desk, kinfo_cli: Cli) -> None:
    (desk.root / "link").symlink_to("/etc")
    desk.project(f'[compare]\npolicy = "{value}"\n')
    ran = kinfo_cli("compare", RECORD, RECORD)
    assert ran.code == 2
    assert f"kinfo.toml:2: policy: '{value}' leads out of the project; name a file of the project" in ran.err
    desk.project("")
    desk.user.write_text(f'[compare]\npolicy = "{value}"\n')
    assert shown(kinfo_cli, "compare")["policy"] == (os.path.join(desk.user.parent, value), "user")


def test_paths_are_relative_to_the_file(desk: Desk, kinfo_cli: Cli) -> None:
    (desk.root / "policy.yaml").write_text("ignore: [build_info]\n")
    desk.project(
        '[compare]\npolicy = "policy.yaml"\n[verify-dt]\ninclude = ["dts", "."]\nimage = "0x8000+0x2000"\nkernel = "6.1"\n'
    )
    assert kinfo_cli("compare", RECORD, RECORD).code == 0
    said = shown(kinfo_cli, "verify-dt")
    assert said["include"][0] == [f"{desk.root}/dts", f"{desk.root}/."]
    assert (said["image"][0], said["kernel"][0]) == ("0x8000+0x2000", "6.1")
    desk.project('kinfo = "0x9e000000"\n[symbolize]\nsymbols = "-"\n')
    assert shown(kinfo_cli, "info")["kinfo"][0] == "0x9e000000"
    assert shown(kinfo_cli, "symbolize")["symbols"][0] == "-"


# Mistakes

MISTAKES = {
    'formt = "json"': ":1: 'formt' is neither a setting of all commands nor a command; did you mean format?",
    "xyzzy = 1": ":1: 'xyzzy' is neither a setting of all commands nor a command; a setting of one command stands in",
    'format = "jsn"': ":1: format: 'jsn' is none of its words; choose one of: text, json,",
    "format = 1.5": ":1: format: 1.5 is none of its words; choose one of: text, json,",
    '# one\n\n[decode]\n"formt" = 1': ":4: kinfo decode has no option '--formt'; did you mean format?",
    "[deco]": ":1: 'deco' is neither a setting of all commands nor a command; did you mean decode?",
    "decode = 1": ":1: 'decode' is a command, and stands here as a value; write [decode]",
    "[bt]": ":1: 'bt' is short for a command; write [backtrace]",
    "[format]\nx = 1": ":1: format: a table is none of its words",
    'strict = "yes"': ":1: strict: 'yes' is neither true nor false; write strict = true",
    "decode.strict = 1": ":1: strict: 1 is neither true nor false; write strict = true",
    '[decode]\noffset = "ten"': ":2: offset: 'ten' is not a number: write 4096 or 0x1000",
    "[decode]\noffset = -1": ":2: offset: -1 is not within 64 bits",
    "[decode]\noffset = 1.5": ":2: offset: 1.5 is no number; write offset = 4096, or 0x1000",
    "[decode]\noffset = true": ":2: offset: true is no number",
    "[decode]\nlayout = 1979-05-27": ":2: layout: 1979-05-27 is no text",
    "[decode]\nlayout = ''": ":2: layout: '' is empty; write layout = \"...\", with quotes",
    "[decode]\nlayout = 6.10": ':2: layout: 6.1 is no text; write layout = "...", with quotes',
    "[decode]\nlayout = []": ":2: layout: a list is no text",
    f"[decode]\nlayout = {[1] * 90}": ":2: layout: a list is no text",
    f"strict = '{'x' * 90}'": f":1: strict: '{'x' * 56}... is neither true nor false",
    "[decode]\nstep = 1": ":2: kinfo decode has no option '--step'; `kinfo settings` and docs/settings.md say what there is",
    "[decode]\nno-settings = true": ":2: kinfo decode has no option '--no-settings'",
    "x =": ":1: is no TOML: Invalid value; mend it, or run without settings: --no-settings",
    "a = 1\na = 2": ":2: is no TOML: Cannot overwrite a value",
    'x = "': ":1: is no TOML: ",
    f"x = {'[' * 30000}": ": is no TOML: ",
    f"x = {'1' * 5000}": ": is no TOML: ",
    "x = 2026-13-45": ":1: is no TOML: ",
    f"{'a.' * 20000}a = 1": ":1: more than 200 dots in a line are no settings",
    f"# {'x' * 70000}": ": more than 64 KiB are no settings",
}


@pytest.mark.parametrize("text", MISTAKES, ids=lambda text: text[:25])
def test_a_mistake_is_one_line(text: str, desk: Desk, kinfo_cli: Cli) -> None:
    path = desk.project(text + "\n")
    ran = kinfo_cli("decode", RECORD)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    said = ran.err
    if MISTAKES[text].startswith(": is no TOML"):  # newer Pythons may tell the line of these, too
        said = said.replace(":1: is no TOML", ": is no TOML")
    assert said.startswith(f"kinfo: {path}{MISTAKES[text]}"), said
    assert "; " in ran.err  # what to do
    for words in (
        ("--no-settings", "decode", RECORD),
        ("decode", "--help"),
        ("help", "decode"),
        ("--version",),
        ("version",),
    ):
        assert kinfo_cli(*words).code == 0
    assert kinfo_cli("settings").code == 2


def test_mistakes_of_other_commands_are_told_by_settings(desk: Desk, kinfo_cli: Cli) -> None:
    path = desk.project('[find]\nstep = "many"\n[compare]\nignore = "x"\n')
    assert kinfo_cli("decode", RECORD).code == 0
    assert (
        kinfo_cli("settings").err
        == f"kinfo: {path}:2: step: 'many' is not a number: write 4096 or 0x1000; write step = 4096, or 0x1000\n"
    )
    assert kinfo_cli("compare", RECORD, RECORD).err == f"kinfo: {path}:4: ignore: 'x' is no list; write ignore = [...]\n"
    desk.project('[layouts]\ndiff = ["C"]\n[decode]\njobs = 0\n[backtrace]\npid = ["x"]\n')
    assert "diff: a list is no list of 2; write diff = [...]" in kinfo_cli("layouts").err
    assert "pid: 'x' is no number" in kinfo_cli("backtrace", "x").err
    desk.project("")
    desk.user.write_text("jobs = 0\n")
    assert "kinfo.toml:1: jobs: 0 is less than 1; write jobs = 1 or more" in kinfo_cli("decode", RECORD).err


def test_mistakes_in_the_environment(desk: Desk, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    del desk
    monkeypatch.setenv("KINFO_STRICT", "maybe")
    assert kinfo_cli("decode", RECORD).err == "kinfo: KINFO_STRICT: 'maybe' is neither yes nor no; write 1 or 0\n"
    monkeypatch.setenv("KINFO_STRICT", "yes")
    monkeypatch.setenv("KINFO_FORMT", "json")
    ran = kinfo_cli("settings")
    assert "KINFO_FORMT  is a variable that no option has\n" in ran.out
    assert re.search(r"^all commands  strict = true  KINFO_STRICT$", ran.out, re.MULTILINE)


def test_files_that_are_none(desk: Desk, kinfo_cli: Cli) -> None:
    path = desk.root / "kinfo.toml"
    path.mkdir()
    said = f"kinfo: {path}: is no file of text; take it away, or run without settings: --no-settings\n"
    assert kinfo_cli("explain").err == said
    path.rmdir()
    os.mkfifo(path)
    assert kinfo_cli("explain").err == said
    path.unlink()
    path.write_bytes(b"a = 1\n# \xff\n")
    assert kinfo_cli("explain").err.startswith(f"kinfo: {path}:2: is no UTF-8; ")
    path.unlink()
    path.symlink_to(path)
    assert kinfo_cli("explain").code == 0
    path.unlink()
    os.mkfifo(desk.root / "pyproject.toml")
    assert kinfo_cli("explain").code == 0  # nobody writes into it: it is not waited for
    (desk.root / "pyproject.toml").unlink()
    pyproject = desk.project("[tool]\nkinfo = 1\n", "pyproject.toml")
    assert kinfo_cli("explain").err.startswith(f"kinfo: {pyproject}: tool.kinfo is no table; write [tool.kinfo]")
    desk.project(f"[tool.kinfo]\n{'#' * 70000}", "pyproject.toml")
    assert "put the settings of kinfo into a kinfo.toml beside it" in kinfo_cli("explain").err
    desk.project("[tool]\nother = 1\n", "pyproject.toml")
    assert kinfo_cli("explain").code == 0
    desk.project("tool = 1 # tool.kinfo\n", "pyproject.toml")
    assert kinfo_cli("explain").code == 0
    desk.project("= no TOML at all\n", "pyproject.toml")  # and none of kinfo's business
    assert kinfo_cli("explain").code == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(desk: Desk, kinfo_cli: Cli) -> None:
    desk.project("").chmod(0)
    assert kinfo_cli("explain").err.endswith(
        "kinfo.toml: cannot be read: Permission denied; mend it, or run without settings: --no-settings\n"
    )


def test_a_file_that_cannot_be_read(desk: Desk, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.project("")

    def refused(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(KinfoError, match="cannot be read: Permission denied"):
        files.read(str(path), is_project=True)
    monkeypatch.undo()
    del kinfo_cli


def test_a_command_line_at_odds_with_settings_says_so(desk: Desk, kinfo_cli: Cli) -> None:
    path = desk.project('format = "json"\n')
    assert kinfo_cli("decode", RECORD, "--hex").err == (
        f"kinfo: --hex goes with --format text, not json (--format is set by {path}:1); see `kinfo decode --help`\n"
    )


TOML = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from(sorted(options())), TOML)
def test_any_value_is_taken_or_refused(key: str, value: Any) -> None:
    option = options()[key]
    try:
        found = converted(option, value)
    except WrongValueError as error:
        assert error.what
        assert error.right
    else:
        assert isinstance(found, bool | int | str | tuple)
        assert isinstance(found, bool) is option.is_flag


@given(st.text("abc.=[]\"' \n#_-", max_size=60))
def test_any_text_has_lines_or_none(text: str) -> None:
    line = files.line_of(text, ["a", "b"])
    assert 0 <= line <= text.count("\n") + 1


@pytest.mark.parametrize(("word", "value"), [("1", True), ("YES", True), ("off", False), ("0", False)])
def test_words_for_flags(word: str, value: bool) -> None:
    assert of_word(options()["strict"], word) is value


# What is shown


def test_what_settings_shows(desk: Desk, kinfo_cli: Cli) -> None:
    ran = kinfo_cli("settings")
    assert ran.code == 0
    assert ran.out == (
        "no settings file: there is neither a project's (kinfo.toml, or [tool.kinfo] in pyproject.toml) nor your own\n"
        f'  yours would be {desk.user}, as: format = "json"\n'
    )
    desk.user.write_text("jobs = 2\n")
    path = desk.project('strict = true\nignore = ["a", "b"]\n[decode]\nlayout = "C"\n')
    assert kinfo_cli("settings").out == (
        f"project   {path}\nuser      {desk.user}\n\n"
        f'all commands  ignore = ["a", "b"]  {path}:2\n'
        f"all commands  jobs = 2             {desk.user}:1\n"
        f"all commands  strict = true        {path}:1\n"
        f'decode        layout = "C"         {path}:4\n'
    )
    assert kinfo_cli("settings", "demo").out.endswith("they set nothing for kinfo demo\n")
    assert kinfo_cli("settings", "decod").err == "kinfo: there is no command 'decod'; did you mean decode?\n"
    document = json.loads(kinfo_cli("settings", "compare", "--format", "json").out)
    assert document["files"] == [{"path": str(path), "source": "project"}, {"path": str(desk.user), "source": "user"}]
    assert document["settings"][0] == {
        "option": "ignore",
        "value": ["a", "b"],
        "command": None,
        "commands": ["compare", "crosscheck"],
        "source": "project",
        "where": f"{path}:2",
    }
    desk.project("")
    desk.user.write_text("")
    assert kinfo_cli("settings").out.endswith("they set nothing\n")


def test_the_documents_example_is_right(desk: Desk, kinfo_cli: Cli) -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    (example,) = re.findall(r"^```toml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert tomllib.loads(example)
    desk.project(example)
    assert kinfo_cli("settings").code == 0
    for key in known.GENERAL:
        assert f"`{key}`" in text
    for key in known._WHY_NOT:
        assert f"`{key}`" in text


def test_every_general_setting_is_an_option() -> None:
    assert set(known.GENERAL) <= options().keys()


# What it costs, and whom it concerns

MODULES = """
import sys
from kinfo.cli.main import run
run(sys.argv[1:])
print(*sorted(name for name in sys.modules if name.startswith(("tomllib", "kinfo.cli.settings"))), file=sys.stderr)
"""


def test_without_settings_nothing_is_imported_for_them(desk: Desk) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KINFO_")}
    environment |= {"HOME": str(desk.home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", MODULES, "decode", RECORD]

    def imported() -> list[str]:
        done = subprocess.run(command, cwd=desk.deep, env=environment, capture_output=True, text=True, check=True)
        return done.stderr.splitlines()[-1].split()

    light = ["kinfo.cli.settings", "kinfo.cli.settings.search"]
    assert imported() == light
    desk.project("[project]\nname = 'x'\n", "pyproject.toml")
    assert "tomllib" not in imported()
    desk.project("strict = true\n")
    assert {*light, "tomllib"} < set(imported())


def test_the_library_reads_no_settings(desk: Desk) -> None:
    import kinfo

    desk.project("broken\n")
    assert kinfo.decode(RECORD).confidence.value == "likely"


@pytest.mark.parametrize(
    ("text", "may_speak"),
    [
        ("[project]\nname = 'kinfo'\n", False),
        ("[tool.ruff]\ntyping = ['kinfo']\n", False),
        ("[tool.kinfo]\n", True),
        ('[ tool . "kinfo" ]\n', True),
        ("[tool]\nkinfo = 1\n", True),
        ("[project]\n" + "#" * (1 << 16), True),
    ],
)
def test_a_project_that_does_not_speak_of_kinfo_costs_nothing(tmp_path: Path, text: str, may_speak: bool) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert search._may_speak(str(tmp_path / "pyproject.toml")) is may_speak
    assert search._may_speak(str(tmp_path / "gone" / "pyproject.toml"))
