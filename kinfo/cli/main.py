"""The `kinfo` command: finds the command's file, runs it, and turns errors into one line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from kinfo.cli.commands import COMMANDS, top_help
from kinfo.cli.words import say
from kinfo.errors import KinfoError, did_you_mean
from kinfo.version import __version__

SOUND, FINDINGS, UNDECIDED = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 sound, 1 findings, 2 could not decide."""
    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit code."""
    if sys.stdout is None:  # closed by the caller: >&-
        return UNDECIDED
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader (head, less) has seen enough
        _drop_output()
        return SOUND
    except KeyboardInterrupt:
        return 130
    except OSError as error:  # standard output: a full disk
        _drop_output()
        return _fail(KinfoError(f"cannot write the output: {error.strerror}", "make room, or send it elsewhere"))


def _drop_output() -> None:
    """Let what is still in the buffer of standard output go nowhere, so that the interpreter's exit is quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dispatch(arguments: list[str]) -> int:
    if os.environ.get("_KINFO_COMPLETE"):  # the shell asks for completions; click answers
        return _run_click(arguments)
    if not arguments or arguments[0] in ("--help", "-h"):
        print(top_help(), end="")
        return SOUND if arguments else UNDECIDED
    if arguments[0] == "--version":
        print(f"kinfo {__version__}")
        return SOUND
    if arguments[0] not in COMMANDS:
        choices = f"choose one of: {', '.join(COMMANDS)}"
        return _fail(KinfoError(f"there is no command {arguments[0]!r}", did_you_mean(arguments[0], COMMANDS, choices)))
    if arguments[0] == "verify-dt":
        from kinfo.cli.ahead import started

        with started(arguments):
            return _run_click(arguments)
    return _run_click(arguments)


def _run_click(arguments: list[str]) -> int:
    import click

    from kinfo.cli.group import kinfo

    try:
        result = kinfo.main(arguments, prog_name="kinfo", standalone_mode=False)
    except KinfoError as error:
        return _fail(error)
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        usage = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "kinfo"
        return _fail(KinfoError(" ".join(error.format_message().split()).rstrip("."), f"see `{usage} --help`"))
    return result if isinstance(result, int) else SOUND


def _fail(error: KinfoError) -> int:
    say(str(error))
    return UNDECIDED
