"""What editors make of --format gcc: the matchers that the documents show, asked of the editors where they are installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT, Cli

WRONG = ROOT / "dts_examples" / "wrong"
DOCUMENT = (ROOT / "docs" / "editors.md").read_text()
COLUMNS = {"no map.dts": 24, "ranges.dts": 18}  # where in their line the nodes begin that the findings are about
LETTERS = {"error": "e", "warning": "w", "note": "n"}
KINDS = {"error": "2", "warning": "1", "note": "0"}  # of compilation-mode


class Line(NamedTuple):
    """A finding as it was judged."""

    file: str
    line: int
    column: int
    severity: str
    code: str


class Written(NamedTuple):
    """What --format gcc wrote, and the same findings out of JSON."""

    text: str
    lines: list[Line]


@pytest.fixture
def written(tmp_path: Path, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Written:
    """Two boards with mistakes, one by a name with a space, and a dump, which has no lines."""
    monkeypatch.chdir(tmp_path)
    needs("dtc")
    for source, name in zip(("devicetree-no-map.dts", "devicetree-ranges.dts"), COLUMNS, strict=True):
        shutil.copy(WRONG / source, name)
    command = ("verify-dt", "--no-schema", *COLUMNS, "--format")
    text = kinfo_cli(*command, "gcc").out
    trees = json.loads(kinfo_cli(*command, "json").out)["trees"]
    found = [
        Line(one["file"], one["line"], COLUMNS[one["file"]], one["severity"], one["code"])
        for tree in trees
        for one in tree["findings"]
    ]
    dump = kinfo_cli("decode", ROOT / "kinfo" / "samples" / "ram-6.12.bin", "--format", "gcc").out
    return Written(text + dump, found)


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)
    return str(found)


def test_vs_code(written: Written) -> None:
    (matcher,) = json.loads((ROOT / "docs" / "vscode-problem-matcher.json").read_text())["problemMatcher"]
    (task,) = json.loads(block("json"))["tasks"]
    assert task["problemMatcher"] == {key: value for key, value in matcher.items() if key != "name"}
    pattern = matcher["pattern"]
    matches = [found for line in written.text.splitlines() if (found := re.match(pattern["regexp"], line))]
    parts = ("file", "line", "column", "severity", "code")
    assert [tuple(one[pattern[part]] for part in parts) for one in matches] == [
        (one.file, str(one.line), str(one.column), "note" if one.severity == "info" else one.severity, one.code)
        for one in written.lines
    ]
    assert all(one[pattern["message"]] for one in matches)


def test_what_the_matcher_takes() -> None:
    (matcher,) = json.loads((ROOT / "docs" / "vscode-problem-matcher.json").read_text())["problemMatcher"]
    regexp = re.compile(matcher["pattern"]["regexp"])
    found = regexp.match("a b.dts:3: error: /x:y: 2: words [at] all [devicetree-ranges]")  # no column behind the preprocessor
    assert found
    assert found.groups() == ("a b.dts", "3", None, "error", "/x:y: 2: words [at] all", "devicetree-ranges")
    assert not regexp.match("dump.bin: note: at 0x9000: layout: C also reads as CR [layout-rivals]")
    assert not regexp.match("kinfo: board.dts: No such file or directory; check the path and its permissions")


def needs(program: str, has: Callable[[str], bool] = bool) -> None:
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    if not has(subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout):
        pytest.skip(f"this {program} is a small one")


def test_vim(written: Written, tmp_path: Path) -> None:
    needs("vim", lambda said: "+quickfix" in said and "+eval" in said)
    (tmp_path / "out").write_text(written.text)
    tell = 'printf("%s|%d|%d|%s", bufname(one.bufnr), one.lnum, one.col, one.type)'
    (tmp_path / "kinfo.vim").write_text(
        f"command! -nargs=1 CompilerSet setlocal <args>\n{block('vim')}cgetfile out\n"
        f'call writefile(map(getqflist(), {{_, one -> {tell}}}), "said")\nqall!\n'
    )
    subprocess.run(["vim", "-es", "-u", "NONE", "-i", "NONE", "-S", "kinfo.vim"], cwd=tmp_path, check=True)
    assert (tmp_path / "said").read_text().splitlines() == [
        f"{one.file}|{one.line}|{one.column}|{LETTERS.get(one.severity, 'n')}" for one in written.lines
    ]


ELISP = """
(require 'compile)
(insert-file-contents "out")
(compilation-mode)
(compilation--ensure-parse (point-max))
(goto-char (point-min))
(while (not (eobp))
  (let ((message (get-text-property (point) 'compilation-message)))
    (when message
      (let ((loc (compilation--message->loc message)))
        (princ (format "%s|%s|%s|%s\\n" (caar (compilation--loc->file-struct loc)) (compilation--loc->line loc)
                       (compilation--loc->col loc) (compilation--message->type message))))))
  (forward-line 1))
"""


def test_emacs(written: Written, tmp_path: Path) -> None:
    needs("emacs")
    (tmp_path / "out").write_text(written.text)
    (tmp_path / "read.el").write_text(ELISP)
    done = subprocess.run(
        ["emacs", "--batch", "-Q", "-l", "read.el"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        f"{one.file}|{one.line}|{one.column}|{KINDS.get(one.severity, '0')}" for one in written.lines
    ]


def test_the_documents_lisp_can_be_read() -> None:
    needs("emacs")
    form = f"(progn {block('elisp')} (princ (length dts-mode-hook)))"
    done = subprocess.run(["emacs", "--batch", "-Q", "--eval", form], capture_output=True, text=True, check=True)
    assert done.stdout == "1"
