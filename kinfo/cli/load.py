"""A command by its name: its file is imported only when it runs."""

from __future__ import annotations

from importlib import import_module

from kinfo.cli import colour
from kinfo.cli.commands import COMMANDS
from kinfo.cli.declare import Command, with_shared
from kinfo.cli.interrupt import raise_again

_OPEN_NOTHING = {"encode", "layouts", "explain", "demo", "completion"}  # that could be packed


def load(name: str) -> Command:
    """The command, with --no-cache and --color."""
    command = import_module(COMMANDS[name][0]).command
    assert isinstance(command, Command)
    shared = [colour.OPTION]
    if name not in _OPEN_NOTHING:
        from kinfo.cli.hearing import OPTION

        shared.insert(0, OPTION)
    raise_again()  # all that it needs first is imported
    return with_shared(command, shared)
