"""The `kinfo` command: finds the command's file, runs it, and turns errors into one line and an exit code.

Nothing is imported before `main` runs: an interrupt in those milliseconds would be Python's to print.
"""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import NoReturn

    from kinfo.cli.declare import Command

SOUND, FINDINGS, UNDECIDED = 0, 1, 2
_SIGNALLED = 128  # exit codes above it: a signal ended the process


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 sound, 1 findings, 2 could not decide."""
    try:
        from kinfo.cli import interrupt, streams

        interrupt.end_at_once()
        interrupt.raise_stops()
        streams.prepare()
        gc.set_threshold(70_000)  # not 700: what the imports make stays, and is looked through for garbage in vain
        code = run(sys.argv[1:] if arguments is None else list(arguments))
        interrupt.end_at_once()
        gc.freeze()  # all memory goes at once: a last look for garbage would gain nothing
    except KeyboardInterrupt as told:  # maybe before there is `interrupt`
        code = 128 + told.args[0] if told.args else 130
    if code > _SIGNALLED:
        os._exit(code)  # all is tidied up, and nothing is to be waited for: a library's threads may be, for a silent server
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit code."""
    if sys.stdout is None:  # closed by the caller: >&-
        from kinfo.errors import KinfoError

        return _fail(
            KinfoError("standard output is closed", "send it somewhere: > FILE, or > /dev/null for the exit code alone")
        )
    from kinfo.cli import interrupt, streams

    try:
        return streams.finished(_caught(arguments))
    except BrokenPipeError:  # the reader (head, less) has seen enough
        streams.drop()
        return SOUND
    except KeyboardInterrupt as told:
        streams.drop()
        return interrupt.code_of(told)
    except OSError as error:  # a full disk
        what = streams.lost(error)
        streams.drop()
        return _fail(what)


def _caught(arguments: list[str]) -> int:
    """Run it; the errors that kinfo foresees and those that it does not become one line and exit code 2."""
    from kinfo.errors import KinfoError

    try:
        return _dispatch(arguments)
    except KinfoError as error:
        return _fail(error)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001  # a bug, or more memory than there is: never Python's own exit code 1
        return _unforeseen(error)


def _unforeseen(error: Exception) -> int:
    """One line on a bug, with what to do; all of it where KINFO_DEBUG is set."""
    from traceback import extract_tb, print_exception

    from kinfo.errors import KinfoError

    if os.environ.get("KINFO_DEBUG"):
        print_exception(error)
    if isinstance(error, MemoryError):
        return _fail(KinfoError("out of memory", "the input may be damaged; else use a machine with more memory"))
    frames = extract_tb(error.__traceback__)
    where = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    words = " ".join(str(error).split())[:200]
    what = f"{type(error).__name__}: {words}" if words else type(error).__name__
    return _fail(KinfoError(f"internal error{where}: {what}", "please report it with what KINFO_DEBUG=1 adds to this"))


def _dispatch(arguments: list[str]) -> int:
    from kinfo.cli.commands import COMMANDS, WORDS, top_help, written_out
    from kinfo.errors import KinfoError, did_you_mean
    from kinfo.printable import quoted

    at = _place_of_first(arguments)
    arguments = arguments[:at] + written_out(arguments[at:])
    first = _first_word(arguments)
    if first in (None, "--help", "-h"):
        print(top_help(), end="")
        return SOUND if first else UNDECIDED
    if first == "--version":
        from kinfo.version import __version__

        print(f"kinfo {__version__}")
        return SOUND
    if first not in COMMANDS:
        if first.startswith("-"):
            raise KinfoError(f"there is no option {quoted(first)} before a command", _behind(first, arguments, COMMANDS))
        choices = f"choose one of: {', '.join(COMMANDS)}"
        raise KinfoError(f"there is no command {quoted(first)}", did_you_mean(first, (*COMMANDS, *WORDS), choices))
    if first == "verify-dt":
        from kinfo.cli.ahead import started
        from kinfo.cli.interrupt import raise_again

        raise_again()  # a child process is started
        with started(arguments):
            return _run_command(first, arguments)
    return _run_command(first, arguments)


def _behind(option: str, arguments: list[str], commands: Iterable[str]) -> str:
    """Where an option goes that is no command's name."""
    from kinfo.cli.words import safe

    command = next((word for word in arguments if word in commands), None)
    if command is None:
        return "`kinfo --help` lists the commands, `kinfo COMMAND --help` the options of one"
    return f"write it behind the command: kinfo {command} ... {safe(option)}; `kinfo {command} --help` lists its options"


def _first_word(arguments: list[str]) -> str | None:
    """The command, or the option that stands for one: what is neither --no-settings nor --color with its value."""
    at = _place_of_first(arguments)
    return arguments[at] if at < len(arguments) else None


def _place_of_first(arguments: list[str]) -> int:
    at = 0
    while at < len(arguments) and (arguments[at] in ("--color", "--no-settings") or arguments[at].startswith("--color=")):
        at += 2 if arguments[at] == "--color" else 1
    return at


def _run_command(name: str, arguments: list[str]) -> int:
    """Read the command line, by click where it is not plain, and run it."""
    from kinfo.cli import plain
    from kinfo.cli.declare import UsageError, running
    from kinfo.cli.load import load
    from kinfo.cli.settings.search import is_any
    from kinfo.errors import KinfoError

    if arguments[1:] in (["--help"], ["-h"]) and arguments[0] == name:
        from kinfo.cli.help_screen import screen

        print(screen(load(name)), end="")
        return SOUND
    with running():
        command = load(name)
        if is_any(os.environ):
            from kinfo.cli.settings.apply import with_settings

            command = with_settings(command, arguments)
        try:
            if arguments[0] == name and (found := plain.values(command, arguments[1:])) is not None:
                return plain.run(command, found)
            return _run_click(arguments, command)
        except UsageError as error:
            from kinfo.cli.settings.apply import blamed

            what = blamed(command, " ".join(str(error).split()).rstrip("."))
            raise KinfoError(what, f"see `kinfo {name} --help`") from None


def _run_click(arguments: list[str], command: Command) -> int:
    import click

    from kinfo.cli.group import kinfo
    from kinfo.errors import KinfoError

    try:  # not by kinfo.main(): it makes exit code 1 of a closed pipe
        with kinfo.make_context("kinfo", list(arguments), obj=command) as context:
            result = kinfo.invoke(context)
    except click.exceptions.Exit as end:  # --help
        return end.exit_code
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        of = error.ctx if isinstance(error, click.UsageError) else None  # None for an option without its value
        usage = of.command_path if of else f"kinfo {command.name}"
        raise KinfoError(" ".join(error.format_message().split()).rstrip("."), f"see `{usage} --help`") from None
    return result if isinstance(result, int) else SOUND


def _fail(error: Exception) -> int:
    from kinfo.cli.words import say

    say(str(error))
    return UNDECIDED
