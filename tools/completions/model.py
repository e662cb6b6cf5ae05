"""The command line as a completion has it: commands, their options, and what can stand behind an option or in a place."""

from __future__ import annotations

from typing import NamedTuple

from kinfo.catalogue import RULES
from kinfo.cli.commands import ALIASES, COMMANDS, WORDS
from kinfo.cli.completion import SHELLS
from kinfo.cli.declare import Choice, Parameter
from kinfo.cli.load import NO_SETTINGS, load
from kinfo.cli.settings.known import FOLDERS as FOLDER_METAVARS
from kinfo.cli.settings.known import PATHS
from kinfo.diff.policy import FIELDS
from kinfo.kernel.printk.message import FACILITIES, LEVELS
from kinfo.kernel_build.names import BY_NAME as FACTS
from kinfo.meminspect.ids import SERIES
from kinfo.record.layouts import LAYOUTS
from kinfo.writer_rows import rows
from kinfo.writers.registry import DRIVERS

LAYOUT_NAMES = tuple(sorted({name for layout in LAYOUTS for name in (layout.alias, layout.name)}))
REGION_NAMES = tuple(sorted({name for series in SERIES for name in series.symbols if name}))


class Values(NamedTuple):
    """What completes a word: files, folders, these words; `is_list`: several, with commas between; `name` is for people."""

    name: str
    words: tuple[str, ...] = ()
    files: bool = False
    folders: bool = False
    is_list: bool = False
    is_begun: bool = False
    """The words are beginnings: something is to be typed behind them."""


NOTHING, FILES, FOLDERS = Values("value"), Values("file", files=True), Values("folder", folders=True)

# By command and flag, or by flag alone; a Choice says its words itself, and a metavar of the lists below what kind of path.
KNOWN: dict[str, Values] = {
    "--layout": Values("layout", LAYOUT_NAMES),
    "--downstream": Values("layout", LAYOUT_NAMES),
    "--diff": Values("layout", LAYOUT_NAMES),
    "--driver": Values("driver", tuple(one.name for one in DRIVERS)),
    "--profile": Values("profile", tuple(row.key or "downstream" for row in rows.ROWS if row.tree)),
    "--series": Values("series", tuple(one.name for one in SERIES)),
    "--ignore": Values("field", tuple(sorted(FIELDS))),
    "build --only": Values("region", REGION_NAMES, is_list=True),
    "--set": Values("fact", tuple(f"{name}=" for name in FACTS), is_begun=True),
    "--level": Values("level", tuple(LEVELS), is_list=True),
    "--facility": Values("facility", tuple(FACILITIES), is_list=True),
}
PLACES: dict[str, Values] = {
    "layouts": Values("layout", LAYOUT_NAMES),
    "vectors": Values("layout", LAYOUT_NAMES),
    "explain": Values("finding", tuple(sorted(rule.code for rule in RULES))),
    "completion": Values("shell", tuple(SHELLS)),
    "help": Values("command", (*COMMANDS, *WORDS)),
    "settings": Values("command", tuple(COMMANDS)),
    "read": Values("region", REGION_NAMES, files=True),
}
FREE = {"N", "PA", "0xN", "N|TEXT", "TEXT", "RELEASE", "PID", "CPU", "NAME", "number", None}  # nothing can be said of them


class Option(NamedTuple):
    """An option: its flags, what it is for, and what completes its value; None for a flag alone. `arity`: how many values."""

    flags: tuple[str, ...]
    help: str
    values: Values | None
    is_multiple: bool
    arity: int = 1


class Shown(NamedTuple):
    """A command: what it is for, its options, what stands in its places; `arity`: how many there are, -1: any number."""

    name: str
    help: str
    options: tuple[Option, ...]
    places: Values
    arity: int


class CommandLine(NamedTuple):
    """All of it: `top` are the options before the command."""

    commands: tuple[Shown, ...]
    aliases: dict[str, str]
    top: tuple[Option, ...]


def values_of(command: str, one: Parameter) -> Values | None:
    """What completes an option's value. Raises LookupError where nobody has said so."""
    if one.is_flag:
        return None
    if isinstance(one.kind, Choice):
        return Values("word", one.kind.names)
    flag = max(one.flags, key=len)
    for key in (f"{command} {flag}", flag):
        if key in KNOWN:
            return KNOWN[key]
    if one.metavar in FOLDER_METAVARS:
        return FOLDERS
    if one.metavar in PATHS:
        return FILES
    if one.metavar in FREE:
        return NOTHING
    raise LookupError(f"tools/completions/model.py does not know what completes {flag} of {command} ({one.metavar})")


def _options(command: str) -> tuple[Option, ...]:
    found = [
        Option(
            one.flags,
            (one.help or "The format of the output.").rstrip("."),
            values_of(command, one),
            one.is_multiple,
            one.nargs,
        )
        for one in load(command).parameters
        if one.flags
    ]
    return (*found, HELP)


HELP = Option(("-h", "--help"), "Show help", None, False)


def _shown(name: str, title: str) -> Shown:
    places = [one for one in load(name).parameters if not one.flags]
    count = sum(-99 if one.nargs < 0 else one.nargs for one in places)
    return Shown(name, title, _options(name), PLACES.get(name, FILES if places else NOTHING), max(count, -1))


def command_line() -> CommandLine:
    """The command line as it is now."""
    from kinfo.cli import colour

    commands = [_shown(name, title) for name, (_, title) in COMMANDS.items()]
    commands += [Shown(name, title, (), PLACES.get(name, NOTHING), int(name in PLACES)) for name, title in WORDS.items()]
    color = Option(colour.OPTION.flags, str(colour.OPTION.help).rstrip("."), Values("word", colour.WHEN), False)
    without = Option(NO_SETTINGS.flags, str(NO_SETTINGS.help).rstrip("."), None, False)
    top = (color, without, Option(("--version",), "Show the version", None, False), HELP)
    return CommandLine(tuple(commands), ALIASES, top)
