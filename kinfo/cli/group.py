"""The commands as click has them: for help, and what is wrong with a command line."""

from __future__ import annotations

from typing import Any

import click

from kinfo.cli import colour
from kinfo.cli.commands import COMMANDS, top_help
from kinfo.cli.declare import AtLeast, BadValueError, Choice, Command, Parameter, ValueKind, take_effect
from kinfo.cli.help_screen import screen
from kinfo.cli.load import NO_SETTINGS, load
from kinfo.version import __version__


class _Own(click.ParamType[Any]):
    """A kind of our own, as a type of click's."""

    def __init__(self, kind: ValueKind) -> None:
        self._kind, self.name = kind, kind.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value, or a usage error."""
        if not isinstance(value, str):
            return value
        try:
            return self._kind.convert(value)
        except BadValueError as error:
            self.fail(str(error), param, ctx)


def _type(kind: ValueKind | Choice | AtLeast | type[int] | None) -> click.ParamType[Any] | type[int] | None:
    if isinstance(kind, Choice):
        return click.Choice(kind.names)
    if isinstance(kind, AtLeast):
        return click.IntRange(min=kind.least)
    return _Own(kind) if isinstance(kind, ValueKind) else kind


def parameter(one: Parameter) -> click.Parameter:
    """Click's option or argument for a declared one."""
    common: dict[str, Any] = {"nargs": one.nargs, "required": one.is_required, "metavar": one.metavar}
    if not one.flags:
        return click.Argument([one.name], **common)
    if one.default is not None:
        common["default"] = one.default
    if one.is_flag:
        common["is_flag"] = True  # False is not the same to click as not given
    if one.effect is not None:
        common |= {"expose_value": False, "callback": lambda _context, _, value: take_effect(one, value)}
    flags = [f"{flag}/{off}" for flag, off in zip(one.flags[-1:], one.off, strict=True)] if one.off else [*one.flags]
    return click.Option(
        [*flags, one.name],
        type=_type(one.kind),
        multiple=one.is_multiple,
        help=one.help,
        show_default=one.shows_default,
        **common,
    )


class _Shown(click.Command):
    """A command with the help screen that it has without click, too."""

    def __init__(self, one: Command, parameters: list[click.Parameter]) -> None:
        super().__init__(one.name, callback=one.function, params=parameters, help=one.help, short_help=one.short_help)
        self._one = one

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The same screen as without click."""
        formatter.write(screen(self._one))


def command(one: Command) -> click.Command:
    """Click's command for a declared one."""
    return _Shown(one, [parameter(each) for each in one.parameters])


class LazyGroup(click.Group):
    """A group whose commands are imported by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command's click object: of the one that runs as it was made ready, else from its own file."""
        if ctx.obj is not None and ctx.obj.name == cmd_name:
            return command(ctx.obj)
        return command(load(cmd_name)) if cmd_name in COMMANDS else None

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The same screen as without click."""
        formatter.write(top_help())


@click.group(
    cls=LazyGroup,
    params=[parameter(colour.OPTION), parameter(NO_SETTINGS)],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="kinfo %(version)s")
def kinfo() -> None:
    """See `top_help`."""
