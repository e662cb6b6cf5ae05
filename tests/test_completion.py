"""Completion, as bash, zsh and fish themselves do it: a line and a TAB, and what became of it."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from kinfo.cli.commands import ALIASES, COMMANDS, WORDS
from kinfo.cli.completion import SHELLS
from kinfo.cli.declare import Parameter
from tests.conftest import ROOT, Cli
from tests.shells import SCRIPTS, Terminal
from tools.completions import fish, model, zsh

FILES = ("a file.bin", "co:lon.bin", "policy.yaml", "list.txt", "--odd.bin", "zq.bin")
# What is typed, and the word that its last one becomes; None: it stays, as nothing can be said.
CASES: dict[str, str | None] = {
    "kinfo deco": "decode",
    "kinfo vers": "version",
    "kinfo --vers": "--version",
    "kinfo --color nev": "never",
    "kinfo --color never deco": "decode",
    "kinfo help surv": "survey",
    "kinfo completion fi": "fish",
    "kinfo decode --lay": "--layout",
    "kinfo decode --layout debug-kinfo-scm": "debug-kinfo-scmversion",
    "kinfo --color never decode --layout debug-kinfo-scm": "debug-kinfo-scmversion",
    "kinfo decode --layout=debug-kinfo-scm": "--layout=debug-kinfo-scmversion",
    "kinfo layouts debug-kinfo-scm": "debug-kinfo-scmversion",
    "kinfo layouts --diff C debug-kinfo-scm": "debug-kinfo-scmversion",
    "kinfo explain checksum-mism": "checksum-mismatch",
    "kinfo build --driver android-s": "android-samsung",
    "kinfo build --only kallsyms_off": "kallsyms_offsets",
    "kinfo build --only prb,kallsyms_off": "prb,kallsyms_offsets",
    "kinfo facts --set text_p": "text_pa=",
    "kinfo compare --ignore enabled_base_r": "enabled_base_relative",
    "kinfo compare x --policy pol": "policy.yaml",
    "kinfo decode --format jun": "junit",
    "kinfo decode --format=jun": "--format=junit",
    "kinfo layouts --format kai": "kaitai",
    "kinfo verify-dt --profile down": "downstream",
    "kinfo core --series rf": "rfc-v2",
    "kinfo dmesg x --level err,war": "err,warn",
    "kinfo bt --reg": "--registers",
    "kinfo read x linux_ban": "linux_banner",
    "kinfo read x pol": "policy.yaml",
    "kinfo decode a": "a file.bin",
    "kinfo decode co": "co:lon.bin",
    "kinfo decode -- --o": "--odd.bin",
    "kinfo decode --strict pol": "policy.yaml",
    "kinfo decode --files-from li": "list.txt",
    "kinfo decode --files-from=li": "--files-from=list.txt",
    "kinfo vectors -o fol": "folder/",
    "kinfo decode --offset zq": None,
    "kinfo explain zq": None,
    "kinfo layouts C zq": None,
    "kinfo find --explai": None,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files, to complete in."""
    made = tmp_path / "work"
    made.mkdir()
    for name in FILES:
        (made / name).write_text("")
    (made / "folder").mkdir()
    return made


def needs(shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")


@pytest.mark.parametrize("way", ["bash", "zsh, found", "zsh, evaluated"])
def test_a_line_and_a_tab(way: str, folder: Path, tmp_path: Path) -> None:
    shell, _, how = way.partition(", ")
    needs(shell)
    with Terminal(shell, folder, tmp_path, is_evaluated=how != "found") as terminal:
        became = {typed: terminal.after_tab(typed) for typed in CASES}
        if shell == "bash":
            assert terminal.after_tab("kinfo decode co:") == "kinfo decode co:lon.bin "
            assert terminal.after_tab("kinfo decode 'a f") == "kinfo decode 'a file.bin' "
    for typed, word in CASES.items():
        head, _, last = typed.rpartition(" ")
        # Behind a whole word is a space; zsh puts = behind an option that takes a value, and a comma into a list.
        line = became[typed].replace("\\", "").rstrip(" ,").removesuffix("=")
        assert line == f"{head} {last if word is None else word.removesuffix('=')}", typed


def test_fish_says_the_same(folder: Path) -> None:
    needs("fish")
    lines = "\n".join(f"complete -C '{typed}'; echo ==" for typed in CASES)
    command = ["fish", "--no-config", "-c", f"source '{SCRIPTS / 'kinfo.fish'}'\n{lines}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    found = [part.strip().split("\n") for part in done.stdout.split("==\n")]
    for (typed, word), said in zip(CASES.items(), found, strict=False):
        assert [line.partition("\t")[0] for line in said] == [word or ""], typed


def candidates(shell: str, line: str) -> list[str]:
    """All that the shell has for a line."""
    if shell == "fish":
        script = f"source '{SCRIPTS / 'kinfo.fish'}'; complete -C '{line}'"
        command = ["fish", "--no-config", "-c", script]
    else:
        words = line.split(" ")
        script = f"source '{SCRIPTS / 'kinfo.bash'}'; COMP_WORDS=({' '.join(words[:-1])} '{words[-1]}')"
        script += f"; COMP_CWORD={len(words) - 1} COMP_LINE='{line}' COMP_POINT={len(line)}"
        command = ["bash", "-c", f"{script}; _kinfo; printf '%s\\n' \"${{COMPREPLY[@]}}\""]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [one.partition("\t")[0] for one in done.stdout.split("\n") if one]


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_all_that_there_is(shell: str) -> None:
    needs(shell)
    assert set(candidates(shell, "kinfo ")) - {"bt"} == COMMANDS.keys() | WORDS.keys()
    (find,) = (one for one in model.command_line().commands if one.name == "find")
    assert {flag for option in find.options for flag in option.flags} == set(candidates(shell, "kinfo find -"))
    shown = set(candidates(shell, "kinfo decode --format "))
    assert {"text", "json", "sarif", "gcc", "html"} <= shown
    assert set(candidates(shell, "kinfo explain ")) == set(model.PLACES["explain"].words)


@pytest.mark.parametrize(("shell", "name"), SHELLS.items())
def test_it_is_printed_and_is_the_shells_own_language(shell: str, name: str, kinfo_cli: Cli) -> None:
    ran = kinfo_cli("completion", shell)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (SCRIPTS / name).read_text()
    needs(shell)
    subprocess.run([shell, "-n"], input=ran.out, text=True, check=True)


def test_a_shell_that_is_not_known(kinfo_cli: Cli) -> None:
    ran = kinfo_cli("completion", "fisch")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "kinfo: no completion is there for the shell 'fisch'; did you mean fish?\n"
    assert kinfo_cli("completion", "xonsh").err.endswith("; choose one of: bash, zsh, fish\n")
    assert "bash|zsh|fish" in kinfo_cli("completion").err


def test_every_option_says_what_it_takes() -> None:
    whole = model.command_line()
    assert [one.name for one in whole.commands] == [*COMMANDS, *WORDS]
    assert whole.aliases == ALIASES
    with pytest.raises(LookupError, match="does not know what completes --new of decode"):
        model.values_of("decode", Parameter("new", ("--new",), metavar="WHATEVER"))


def test_what_help_says_is_quoted() -> None:
    option = model.Option(("-x", "--other"), "It's [new], a \\ too", model.NOTHING, is_multiple=False)
    lines = list(zsh._option(option, {}))
    assert lines[1] == "'(-x --other)--other=[It'\\''s \\[new\\], a \\\\ too]:value: '"
    assert fish._option(option) == "-s x -l other -x -d 'It\\'s [new], a \\\\ too'"


def test_a_tab_in_bash_starts_no_python(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    script = f"PATH='{tmp_path / 'bin'}'; source '{SCRIPTS / 'kinfo.bash'}'; COMP_WORDS=(kinfo deco) COMP_CWORD=1"
    script += "; COMP_LINE='kinfo deco' COMP_POINT=10; _kinfo; printf '%s' \"${COMPREPLY[@]}\""
    done = subprocess.run(["/bin/bash", "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("decode", "")


def test_packages_put_them_where_shells_look() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())
    shared = data["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert {Path(path).name: target.rpartition("/")[0] for path, target in shared.items() if "completions" in path} == {
        "kinfo.bash": "share/bash-completion/completions",
        "_kinfo": "share/zsh/site-functions",
        "kinfo.fish": "share/fish/vendor_completions.d",
    }
    assert all((ROOT / path).is_file() for path in shared if "completions" in path)


def test_help_and_version(kinfo_cli: Cli) -> None:
    assert kinfo_cli("version") == kinfo_cli("--version")
    for words in (("help",), ("help", "help"), ("help", "--help"), ("version", "-h"), ("--color", "never", "help")):
        assert kinfo_cli(*words) == kinfo_cli("--help"), words
    assert kinfo_cli("help", "decode") == kinfo_cli("decode", "--help")
    assert kinfo_cli("help", "bt") == kinfo_cli("backtrace", "--help")
    assert kinfo_cli("help", "decod").err == "kinfo: there is no command 'decod'; did you mean decode?\n"
    assert kinfo_cli("hlep").err == "kinfo: there is no command 'hlep'; did you mean help?\n"
    assert (
        kinfo_cli("help", "decode", "find").err
        == "kinfo: kinfo help takes one command; leave out what follows: kinfo help decode\n"
    )
    assert kinfo_cli("version", "1").err == "kinfo: kinfo version takes nothing; leave out what follows: kinfo version\n"
    assert kinfo_cli("help", "decode", "find").code == 2
