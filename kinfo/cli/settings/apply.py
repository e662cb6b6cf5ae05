"""A command with its settings: they become its options' defaults, which the command line overrules."""

from __future__ import annotations

import os
from collections.abc import Sequence

from kinfo.cli import colour
from kinfo.cli.declare import Command, Parameter, at_end
from kinfo.cli.settings.resolve import files_in_force, of_command

HELP = {"--help", "-h"}


def is_without(words: Sequence[str]) -> bool:
    """Whether a command line wants no settings: --no-settings, or help, which must come whatever a file says."""
    options = words[: words.index("--")] if "--" in words else words
    return "--no-settings" in options or not HELP.isdisjoint(options)


def with_settings(command: Command, words: Sequence[str]) -> Command:
    """The command for these words, with settings where there are any. Raises KinfoError for settings that are wrong."""
    if is_without(words):
        return command
    found = of_command(command, files_in_force(os.environ), os.environ)
    if (chosen := found.get("color")) is not None:
        before = colour.PREFERRED.set(chosen.value)
        at_end(lambda: colour.PREFERRED.reset(before))
    defaults = {name: one.value for name, one in found.items() if name != "color"}
    made = command.copy([_set(one, defaults) for one in command.parameters])
    made.settings = {f"--{one.key}": one.where for one in found.values()}
    return made


def _set(one: Parameter, defaults: dict[str, object]) -> Parameter:
    if one.name not in defaults or not one.flags:
        return one
    value = defaults[one.name]
    if one.is_flag and value is True:
        flag = max(one.flags, key=len)
        off = f"--{flag[5:]}" if flag.startswith("--no-") else f"--no-{flag[2:]}"
        return one._replace(default=True, off=(off,))
    return one._replace(default=value, is_required=False)


def blamed(command: Command, message: str) -> str:
    """What is wrong with a command line, and which of the options it names were set elsewhere."""
    where = [f"{flag} is set by {place}" for flag, place in command.settings.items() if f"{flag} " in f"{message} "]
    return f"{message} ({', '.join(where)})" if where else message


def leaves_out(command: str, key: str, words: Sequence[str]) -> bool:
    """Whether settings turn on a flag of a command that is not imported yet."""
    if is_without(words):
        return False
    name = f"KINFO_{command}_{key}".upper().replace("-", "_")
    tables = [one.tables.get(command) for one in files_in_force(os.environ)]
    return bool(os.environ.get(name)) or any(isinstance(one, dict) and one.get(key) is True for one in tables)
