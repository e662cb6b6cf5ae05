"""The examples of the documents: what is run, in which folder, and the consoles' real output.

A `console` block has commands behind `$ ` and what they print, which is made anew; an `sh` block has commands alone, a
`python` block a program or a session with `>>>`. All blocks of a document run in one folder, in their order; it holds the
crashed device of `tools/device.py`, the shipped samples, a folder of a minidump, and the devicetrees. What cannot be run here
says why in a comment before the block, `<!-- not run: it needs a phone -->`; what a test of its own runs names that,
`<!-- run by tests/test_ci_files.py -->`. `<!-- file: name -->` makes a file of the block, for the blocks behind it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
_MARK = r"(?:<!-- (?P<mark>(?:not run: |run by |file: )[^\n]+?) -->\n\n?(?:<!-- \w+ -->\n)?)?"
_BLOCK = re.compile(rf"^{_MARK}```(?P<language>\w*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
_STANDS_FOR = {"make demo": "kinfo demo", "make device": f"python {ROOT}/tools/device.py build/device"}  # once .venv is there


class Block(NamedTuple):
    """A block of code of a document; `mark`: why it is not run, or which test runs it."""

    language: str
    body: str
    mark: str
    line: int


def blocks(text: str) -> list[Block]:
    """Every block of code, in order."""
    found = _BLOCK.finditer(text)
    return [Block(one["language"], one["body"], one["mark"] or "", text.count("\n", 0, one.start("body"))) for one in found]


def with_real_output(text: str) -> str:
    """The document with every console block's output made anew."""
    if not any(one.language == "console" and not one.mark for one in blocks(text)):
        return text
    with folder() as place:
        shell = Shell(place)
        return _BLOCK.sub(lambda block: _answered(block, shell), text)


@contextmanager
def folder() -> Iterator[Path]:
    """Where the examples of one document run."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "kinfo").mkdir()
        (place / "kinfo" / "samples").symlink_to(ROOT / "kinfo" / "samples")
        (place / "dts_examples").symlink_to(ROOT / "dts_examples")
        for one in Path(_device().name).iterdir():
            (place / one.name).symlink_to(one)
        yield place


@cache
def _device() -> tempfile.TemporaryDirectory[str]:
    from tests import minidumps
    from tools import device

    made = tempfile.TemporaryDirectory()
    device.write(Path(made.name))
    minidumps.make().write(Path(made.name) / "md", lambda files: files.pop("md_Kunknown31.BIN"))
    return made


class Shell:
    """Types lines as a user would, in a folder, which `cd` changes."""

    def __init__(self, place: Path) -> None:
        self.place = place
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        own = {"PATH": path, "NO_COLOR": "1", "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": str(place / "nobody")}
        self._environment = {**os.environ, **own}

    def keep(self, mark: str, body: str) -> None:
        """Write a block that is a file."""
        if mark.startswith("file: "):
            (self.place / mark.removeprefix("file: ")).write_text(body)

    def type(self, line: str) -> tuple[int, str]:
        """The line's exit code, and what came out: output and errors are one text."""
        if line.startswith("cd "):
            self.place /= line.removeprefix("cd ")
            return 0, ""
        done = subprocess.run(
            ["sh", "-c", _STANDS_FOR.get(line, line)],
            cwd=self.place,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout


def _answered(block: re.Match[str], shell: Shell) -> str:
    shell.keep(block["mark"] or "", block["body"])
    if block["language"] != "console" or block["mark"]:
        return block[0]
    commands = [line.removeprefix("$ ") for line in block["body"].splitlines() if line.startswith("$ ")]
    session = "".join(f"$ {command}\n{shell.type(command)[1]}" for command in commands)
    return block[0].replace(block["body"], session, 1) if block["body"] else block[0]
