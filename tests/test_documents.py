"""The examples of the documents: each is run as it stands, or says why not; and every command line in a sentence is one."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

from kinfo.cli.commands import ALIASES, COMMANDS
from kinfo.cli.load import load
from tests.conftest import ROOT
from tools.sessions import Block, Shell, blocks, folder, with_real_output

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN_HERE = [path for path in DOCUMENTS if any(one.language in ("sh", "python") for one in blocks(path.read_text()))]
NOT_RUN = 12  # examples that say why they are not run: this many and no more
_SPAN = re.compile(r"`(kinfo [^`\n]+)`")


def marked(word: str) -> list[tuple[Path, Block]]:
    return [(path, one) for path in DOCUMENTS for one in blocks(path.read_text()) if one.mark.startswith(word)]


def is_run(one: Block) -> bool:
    return one.language in ("console", "sh", "python") and not one.mark


@pytest.mark.parametrize("path", RUN_HERE, ids=lambda path: path.name)
def test_commands_and_programs_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Consoles' output is held by tests/test_generated.py; here are what has none, and programs."""
    with folder() as place:
        shell = Shell(place)
        names: dict[str, object] = {"__name__": "__main__"}
        for one in blocks(path.read_text()):
            shell.keep(one.mark, one.body)
            if one.mark or one.language not in ("sh", "python") or _is_signature(path, one):
                continue
            monkeypatch.chdir(ROOT if ">>> " in one.body else place)
            wrong = _typed(one, shell) if one.language == "sh" else _program(one, path, names)
            assert not wrong, f"{path.name}:{one.line}: {wrong}"
        monkeypatch.undo()


def _typed(one: Block, shell: Shell) -> str:
    """The first line that does not work, with what it says; findings are no mistake."""
    for line in filter(None, one.body.splitlines()):
        code, said = shell.type(line)
        if code not in (0, 1):
            return f"{line}\n{said}"
    return ""


def _program(one: Block, path: Path, names: dict[str, object]) -> str:
    if ">>> " in one.body:
        return "a session ends otherwise" if _session(one, path, names) else ""
    exec(compile(one.body, f"{path.name}:{one.line}", "exec"), names)
    return ""


def _is_signature(path: Path, one: Block) -> bool:
    """The reference of the library shows how functions are declared."""
    return path.name == "api.md" and ">>> " not in one.body


def _session(one: Block, path: Path, names: dict[str, object]) -> int:
    test = doctest.DocTestParser().get_doctest(one.body, names, path.name, str(path), one.line)
    done = doctest.DocTestRunner().run(test, clear_globs=False)
    names.update(test.globs)
    return done.failed


def test_examples_that_are_not_run_are_few() -> None:
    run = [one for path in DOCUMENTS for one in blocks(path.read_text()) if is_run(one)]
    assert len(marked("not run: ")) <= NOT_RUN, "run it, or say in tests/test_documents.py that there is one more"
    assert len(run) > 3 * NOT_RUN


def test_no_console_shows_a_mistake() -> None:
    for path in DOCUMENTS:
        for one in blocks(path.read_text()):
            if one.language == "console":
                for word in ("Traceback", "Usage: ", "not found", "No such file", "cannot open"):
                    assert word not in one.body, f"{path.name}:{one.line}"


def test_examples_of_other_tests_are_theirs() -> None:
    for path, one in marked("run by "):
        name = one.mark.removeprefix("run by ")
        assert path.name in (ROOT / name).read_text(), f"{path.name}:{one.line}: {name} does not read it"


def test_every_command_line_is_in_a_block_that_is_run() -> None:
    for path in DOCUMENTS:
        for one in blocks(path.read_text()):
            if one.language not in ("console", "sh", "yaml"):
                typed = [line for line in one.body.splitlines() if line.startswith(("kinfo ", "$ "))]
                typed = [line for line in typed if not line.startswith("kinfo: ")]
                assert not typed, f"{path.name}:{one.line}: {typed[0]}: make it a console, or sh"


def spans() -> list[tuple[str, str]]:
    """Every command line within a sentence, with its document."""
    return [(path.name, span) for path in DOCUMENTS for span in _SPAN.findall(_without_blocks(path.read_text()))]


def _without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def mistakes(span: str) -> str:
    """What is wrong with a command line in a sentence, in which capitals and dots stand for something."""
    words = shlex.split(span.replace("\\|", "|"))[1:]
    words = words[: next((at for at, word in enumerate(words) if word in ("<", ">", "|", "&&")), len(words))]
    if (
        words[:1] == ["help"]
        or not words
        or words[0].startswith("-")
        or words[0] in ("COMMAND", "version", "settings", "completion")
    ):
        return ""
    if (name := ALIASES.get(words[0], words[0])) not in COMMANDS:
        return f"no command {words[0]}"
    flags = {flag for one in load(name).parameters for flag in one.flags} | {"--help", "-h"}
    given = {word.partition("=")[0] for word in words[1:] if word.startswith("-") and word != "-"}
    unknown = sorted(given - flags)
    return f"kinfo {name} has no {unknown[0]}" if unknown else ""


def test_command_lines_in_sentences_are_right() -> None:
    assert len(spans()) > 100
    wrong = [f"{name}: `{span}`: {said}" for name, span in spans() if (said := mistakes(span))]
    assert wrong == []


@pytest.mark.parametrize(
    ("span", "said"),
    [
        ("kinfo nope x", "no command nope"),
        ("kinfo decode --nope x", "kinfo decode has no --nope"),
        ("kinfo bt RAM --all | less", ""),
        ("kinfo --help", ""),
        ("kinfo decode - --format=json", ""),
    ],
)
def test_mistakes_in_sentences(span: str, said: str) -> None:
    assert mistakes(span) == said


SAMPLE = """
```console
$ echo one; exit 3
old
$ cd sub
$ pwd | sed 's,.*/,,'
```
<!-- file: word -->
```
three
```
```console
$ cat word
```
<!-- not run: it needs a phone -->
```console
$ adb shell
stays
```
"""


def test_output_is_made_anew_but_where_it_says_not() -> None:
    assert [(one.language, one.mark, one.line) for one in blocks(SAMPLE)] == [
        ("console", "", 2),
        ("", "file: word", 9),
        ("console", "", 12),
        ("console", "not run: it needs a phone", 16),
    ]
    made = with_real_output(SAMPLE.replace("cd sub", "cd kinfo"))
    assert "one\n$ cd kinfo\n$ pwd | sed 's,.*/,,'\nkinfo\n```" in made
    assert "$ cat word\nthree\n```" in made
    assert "stays" in made
    assert "old" not in made
