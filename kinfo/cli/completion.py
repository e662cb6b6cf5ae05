"""`kinfo completion`."""

from __future__ import annotations

from importlib.resources import files

from kinfo.cli import common, declare
from kinfo.cli.main import SOUND
from kinfo.cli.options import takes
from kinfo.errors import UnknownNameError, did_you_mean
from kinfo.named import NamedTuple
from kinfo.printable import quoted

SHELLS = {"bash": "kinfo.bash", "zsh": "_kinfo", "fish": "kinfo.fish"}


class Options(NamedTuple):
    """What `kinfo completion` was asked for."""

    shell: str


@declare.command("completion", short_help="Print what makes a shell complete kinfo's command lines")
@declare.argument("shell", metavar="bash|zsh|fish")
@takes(Options)
def command(options: Options) -> int:
    """Print the completion of kinfo's command lines for a shell: commands, options, and what they take; names of files.

    The words are in the script, a TAB starts no Python: print it anew after an update of kinfo. A package of kinfo installs
    it where each shell looks; else one of these lines goes into ~/.bashrc, ~/.zshrc (behind compinit), config.fish.

    \b
    eval "$(kinfo completion bash)"
    eval "$(kinfo completion zsh)"
    kinfo completion fish | source
    """
    name = SHELLS.get(options.shell)
    if name is None:
        hint = did_you_mean(options.shell, SHELLS, f"choose one of: {', '.join(SHELLS)}")
        raise UnknownNameError(f"no completion is there for the shell {quoted(options.shell)}", hint)
    common.write((files("kinfo") / "completions" / name).read_text())
    return SOUND
