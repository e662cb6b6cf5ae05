"""`kinfo settings`."""

from __future__ import annotations

import os
from typing import Any

from kinfo.cli import common, declare
from kinfo.cli.commands import COMMANDS
from kinfo.cli.formats import data_format, show
from kinfo.cli.load import load
from kinfo.cli.main import SOUND
from kinfo.cli.options import takes
from kinfo.cli.settings import search
from kinfo.cli.settings.files import SettingsFile
from kinfo.cli.settings.resolve import Setting, files_in_force, of_command, settable, variables
from kinfo.errors import UnknownNameError, did_you_mean
from kinfo.named import NamedTuple
from kinfo.printable import printable, quoted

_OWN = {search.OFF, "KINFO_DEBUG"}


class Options(NamedTuple):
    """What `kinfo settings` was asked for."""

    name: str | None
    form: str


class InForce(NamedTuple):
    """A setting, and the commands in which it holds."""

    setting: Setting
    commands: list[str]


@declare.command("settings", short_help="Show the options that settings files and the environment set")
@declare.argument("name", required=False, metavar="[COMMAND]")
@data_format()
@takes(Options)
def command(options: Options) -> int:
    """Show each option that is set outside of the command line, and where: for all commands, or for COMMAND.

    The command line overrules KINFO_ variables, those a project's file (kinfo.toml, or [tool.kinfo] in pyproject.toml), that
    one your own ($XDG_CONFIG_HOME/kinfo/kinfo.toml, else ~/.config). All that they say is checked here.

    \b
    kinfo settings
    kinfo settings verify-dt --format json
    """
    if options.name is not None and options.name not in COMMANDS:
        hint = did_you_mean(options.name, COMMANDS, "kinfo help lists the commands")
        raise UnknownNameError(f"there is no command {quoted(options.name)}", hint)
    files = files_in_force(os.environ)
    held = _held(files)
    if options.name is not None:
        held = [one for one in held if options.name in one.commands]
    if options.form == "text":
        common.tell(_text(held, files, options.name))
    else:
        show(options.form, lambda: _document(held, files))
    return SOUND


def _held(files: list[SettingsFile]) -> list[InForce]:
    found: dict[tuple[str, str], InForce] = {}
    for name in COMMANDS:
        for one in of_command(load(name), files, os.environ).values():
            found.setdefault((one.key, one.where), InForce(one, [])).commands.append(name)
    return sorted(found.values(), key=lambda one: (one.setting.scope, one.setting.key, one.setting.where))


def _strangers() -> list[str]:
    """Variables that look like settings and are none."""
    known = {variable for name in COMMANDS for key in settable(load(name)) for variable, _ in variables(name, key)}
    return sorted(name for name in os.environ if name.startswith("KINFO_") and name not in known | _OWN)


def _text(held: list[InForce], files: list[SettingsFile], name: str | None) -> str:
    lines = [f"{'project' if one.is_project else 'user':<9} {printable(one.path)}\n" for one in files]
    if not files:
        lines.append(
            "no settings file: there is neither a project's (kinfo.toml, or [tool.kinfo] in pyproject.toml) nor your own\n"
        )
        lines.append(f'  yours would be {printable(search.user_file(os.environ))}, as: format = "json"\n')
    if held:
        lines.append("\n")
    width = max((len(_row(one)) for one in held), default=0)
    lines += [f"{_row(one):<{width}}  {printable(one.setting.where)}\n" for one in held]
    if files and not held:
        lines.append(f"they set nothing for kinfo {name}\n" if name else "they set nothing\n")
    lines += [f"{printable(one)}  is a variable that no option has\n" for one in _strangers()]
    return "".join(lines)


def _row(one: InForce) -> str:
    scope = one.setting.scope or "all commands"
    return f"{scope:<12}  {one.setting.key} = {printable(_value(one.setting.value))}"


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _document(held: list[InForce], files: list[SettingsFile]) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "files": [{"path": printable(one.path), "source": "project" if one.is_project else "user"} for one in files],
        "settings": [
            {
                "option": one.setting.key,
                "value": [*one.setting.value] if isinstance(one.setting.value, tuple) else one.setting.value,
                "command": one.setting.scope or None,
                "commands": one.commands,
                "source": one.setting.source,
                "where": printable(one.setting.where),
            }
            for one in held
        ],
        "unknown_variables": _strangers(),
    }
