"""The click group: imports a command's file only when that command runs."""

from __future__ import annotations

from importlib import import_module

import click

from kinfo.cli import colour
from kinfo.cli.commands import COMMANDS, top_help
from kinfo.cli.interrupt import raise_again
from kinfo.version import __version__

_OPEN_NOTHING = {"encode", "layouts", "explain", "demo"}  # that could be packed


class LazyGroup(click.Group):
    """A group whose commands are imported by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command's click object, from its own file."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        if cmd_name not in _OPEN_NOTHING and not any(one.name == "no_cache" for one in command.params):
            from kinfo.cli.hearing import option

            command.params.append(option())
        if not any(parameter.name == "color" for parameter in command.params):
            command.params.append(colour.option())
        raise_again()  # all that it needs first is imported
        return command

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The same screen as without click."""
        formatter.write(top_help())


@click.group(cls=LazyGroup, params=[colour.option()], context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="kinfo %(version)s")
def kinfo() -> None:
    """See `top_help`."""
