"""What the shells are told of the command line: `kinfo/completions/`, which `kinfo completion` prints and packages install.

A script holds all words itself: a TAB starts no Python. `make generate` writes them out of the commands as they are declared.
"""

from __future__ import annotations

from pathlib import Path

from tools.completions import bash, fish, zsh
from tools.completions.model import command_line

WRITERS = {"kinfo.bash": bash.script, "_kinfo": zsh.script, "kinfo.fish": fish.script}


def scripts(folder: Path) -> dict[Path, bytes]:
    """Every script, under its path in `folder`."""
    whole = command_line()
    return {folder / name: writer(whole).encode() for name, writer in WRITERS.items()}
