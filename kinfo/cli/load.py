"""A command by its name: its file is imported only when it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from kinfo.cli import colour
from kinfo.cli.commands import COMMANDS
from kinfo.cli.declare import Command, Parameter, with_shared
from kinfo.cli.interrupt import raise_again

_OPEN_NOTHING = {"encode", "layouts", "explain", "demo", "completion", "settings"}  # that could be packed


@contextmanager
def _nothing(_: bool) -> Iterator[None]:
    yield


# Whether there are settings is decided before options are read: see `settings.apply`.
NO_SETTINGS = Parameter(
    "no_settings", ("--no-settings",), is_flag=True, help="Leave settings files and KINFO_ variables out.", effect=_nothing
)


def load(name: str) -> Command:
    """The command, with --no-cache, --color and --no-settings."""
    command = import_module(COMMANDS[name][0]).command
    assert isinstance(command, Command)
    shared = [colour.OPTION, NO_SETTINGS]
    if name not in _OPEN_NOTHING:
        from kinfo.cli.hearing import OPTION

        shared.insert(0, OPTION)
    raise_again()  # all that it needs first is imported
    return with_shared(command, shared)
