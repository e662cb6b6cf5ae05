"""The README's examples with their real output: every `$ command` in a console block is run and answered anew."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_STANDS_FOR = {"make demo": "kinfo demo"}  # what a target runs, once its virtual environment is there


def with_real_output(text: str, root: Path) -> str:
    """The document with every console block's output made anew."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "kinfo").mkdir()
        (Path(folder) / "kinfo" / "samples").symlink_to(root / "kinfo" / "samples")
        (Path(folder) / "dts_examples").symlink_to(root / "dts_examples")
        return _BLOCK.sub(lambda block: f"```console\n{_session(block[1], folder)}```", text)


def _session(block: str, folder: str) -> str:
    commands = [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"$ {command}\n{_output(_STANDS_FOR.get(command, command), folder)}" for command in commands)


def _output(command: str, folder: str) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "NO_COLOR": "1", "KINFO_NO_SETTINGS": "1", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout
