"""Shells as somebody sits before them: what a line becomes by TAB, told by the shell's own line editor on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.conftest import ROOT

SCRIPTS = ROOT / "kinfo" / "completions"
BASH = """
bind 'set bell-style none'
bind 'set enable-bracketed-paste off'
bind 'set completion-query-items 0'
bind 'set page-completions off'
PS1=
tell() { printf '%s\\0' "$READLINE_LINE" > told; READLINE_LINE=; READLINE_POINT=0; }
bind -x '"\\C-xd": tell'
source SCRIPT
"""
ZSH = """
PS1= RPS1=
unsetopt zle_bracketed_paste beep
unset zle_bracketed_paste
FPATH_LINE
autoload -Uz compinit && compinit -u -D
EVAL_LINE
zstyle ':completion:*' menu no
setopt no_auto_menu no_list_ambiguous list_packed
LISTMAX=-1
tell() { zle -I; print -rn -- $BUFFER$'\\0' > told; BUFFER= }
zle -N tell
bindkey '^Xd' tell
"""


class Terminal:
    """bash or zsh on a terminal, in a folder. `after_tab` is what a line has become."""

    def __init__(self, shell: str, folder: Path, home: Path, *, is_evaluated: bool = True) -> None:
        self._told = folder / "told"
        os.mkfifo(self._told)
        file = home / (".bashrc" if shell == "bash" else ".zshrc")
        file.write_text(_start(shell, is_evaluated=is_evaluated))
        words = ["bash", "--noprofile", "--rcfile", str(file), "-i"] if shell == "bash" else ["zsh", "-d", "-i"]
        clean = {"HOME": str(home), "ZDOTDIR": str(home), "TERM": "dumb", "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            words, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=clean, start_new_session=True
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._drained)
        self._reader.start()

    def _drained(self) -> None:
        with suppress(OSError):
            while os.read(self._ours, 65536):
                pass

    def after_tab(self, line: str) -> str:
        """The line that comes of it."""
        os.write(self._ours, f"{line}\t\x18d".encode())
        with self._told.open("rb") as told:
            return told.read().rstrip(b"\0").decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        os.close(self._ours)
        self._told.unlink()


def _start(shell: str, *, is_evaluated: bool) -> str:
    """What the shell reads first."""
    if shell == "bash":
        return BASH.replace("SCRIPT", f"'{SCRIPTS / 'kinfo.bash'}'")
    evaluated = f"source '{SCRIPTS / '_kinfo'}'" if is_evaluated else ""
    found = "" if is_evaluated else f"fpath=('{SCRIPTS}' $fpath)"
    return ZSH.replace("FPATH_LINE", found).replace("EVAL_LINE", evaluated)
