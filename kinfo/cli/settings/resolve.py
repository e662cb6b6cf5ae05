"""Which value holds for each option of a command, and from where: the environment, the project's file, the user's file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from kinfo.cli.commands import ALIASES, COMMANDS
from kinfo.cli.declare import Command, Parameter
from kinfo.cli.settings import search
from kinfo.cli.settings.files import SettingsFile, read
from kinfo.cli.settings.known import GENERAL, key_of, why_not_of_projects
from kinfo.cli.settings.values import WrongValueError, converted, of_word, placed
from kinfo.errors import KinfoError, did_you_mean
from kinfo.named import NamedTuple
from kinfo.printable import quoted
from kinfo.typed import Any

_TOP = ""


class Setting(NamedTuple):
    """A value that holds for an option.

    `source` is `environment`, `project` or `user`, `where` the variable, or the file and line; `scope`: the command whose
    table says so, "" for a general one.
    """

    key: str
    value: Any
    source: str
    where: str
    scope: str


def files_in_force(environment: Mapping[str, str]) -> list[SettingsFile]:
    """The settings files that there are, the one that wins first. Raises KinfoError for one that cannot be understood."""
    found: list[SettingsFile] = []
    for path in search.project_files():
        if (project := read(path, is_project=True)) is not None:
            found.append(project)
            break
    if (user := read(search.user_file(environment), is_project=False)) is not None:
        found.append(user)
    return found


def variables(command: str, key: str) -> Iterator[tuple[str, str]]:
    """The variables that can set an option, with their scope, the one that wins first."""
    yield f"KINFO_{command}_{key}".upper().replace("-", "_"), command
    if key in GENERAL:
        yield f"KINFO_{key}".upper().replace("-", "_"), _TOP


def settable(command: Command) -> dict[str, Parameter]:
    """The options of a command that settings can say, by their key."""
    return {key_of(one): one for one in command.parameters if one.flags and key_of(one) != "no-settings"}


def of_command(command: Command, files: Sequence[SettingsFile], environment: Mapping[str, str]) -> dict[str, Setting]:
    """The settings of a command, by the name of the parameter. Raises KinfoError for what nothing understands."""
    options = settable(command)
    for one in files:
        check_keys(one)
        for key in one.tables.get(command.name, {}) if _is_table(one, command.name) else ():
            if key not in options:
                raise _unknown(one, (command.name, key), f"kinfo {command.name} has no option {quoted(f'--{key}')}", options)
    found: dict[str, Setting] = {}
    for option in options.values():
        # All of them are looked at, those too that do not win: a mistake is said wherever it is.
        every = (*_of_environment(command.name, option, environment), *_of_files(command.name, option, files))
        if every:
            found[option.name] = every[0]
    return found


def _is_table(file: SettingsFile, command: str) -> bool:
    return isinstance(file.tables.get(command), dict)


def check_keys(file: SettingsFile) -> None:
    """Raise KinfoError where what stands at the top of a file is neither a general setting nor a command's table."""
    for key, value in file.tables.items():
        if (key in COMMANDS and isinstance(value, dict)) or key in GENERAL:
            continue
        if key in ALIASES or key in COMMANDS:
            what = "is a command, and stands here as a value" if key in COMMANDS else "is short for a command"
            raise KinfoError(f"{file.place(key)}: {quoted(key)} {what}", f"write [{_full(file, ALIASES.get(key, key))}]")
        what = f"{quoted(key)} is neither a setting of all commands nor a command"
        raise _unknown(file, (key,), what, (*GENERAL, *COMMANDS))


def _full(file: SettingsFile, table: str) -> str:
    return f"{file.prefix}.{table}".lstrip(".")


def _unknown(file: SettingsFile, keys: tuple[str, ...], what: str, choices: Any) -> KinfoError:
    hint = did_you_mean(keys[-1], choices, "`kinfo settings` and docs/settings.md say what there is")
    if len(keys) == 1 and hint.startswith("`"):
        hint = f"a setting of one command stands in its table, as [{_full(file, 'decode')}]; {hint}"
    return KinfoError(f"{file.place(*keys)}: {what}", hint)


def _of_environment(command: str, option: Parameter, environment: Mapping[str, str]) -> Iterator[Setting]:
    key = key_of(option)
    for name, scope in variables(command, key):
        word = environment.get(name)
        if not word or (not scope and not _is_meant(option, word, of_word)):
            continue
        try:
            yield Setting(key, of_word(option, word), "environment", name, scope)
        except WrongValueError as error:
            raise KinfoError(f"{name}: {error.what}", error.right) from None


def _of_files(command: str, option: Parameter, files: Sequence[SettingsFile]) -> Iterator[Setting]:
    key = key_of(option)
    for file in files:
        if _is_table(file, command) and key in file.tables[command]:
            yield _of_file(file, option, file.tables[command][key], (command, key))
        general = file.tables.get(key)
        is_general = key in GENERAL and key in file.tables and not (key in COMMANDS and _is_table(file, key))
        if is_general and _is_meant(option, general, converted):
            yield _of_file(file, option, general, (key,))


def _is_meant(option: Parameter, value: Any, convert: Callable[[Parameter, Any], Any]) -> bool:
    """Whether a general setting is for this option.

    It is not where another command's option of that name takes the value and this one does not; nor for a --format that
    makes a difference by being given at all.
    """
    if key_of(option) == "format" and option.default is None:
        return False
    return _takes(option, value, convert) or not any(_takes(one, value, convert) for one in _namesakes(key_of(option)))


def _takes(option: Parameter, value: Any, convert: Callable[[Parameter, Any], Any]) -> bool:
    try:
        convert(option, value)
    except WrongValueError:
        return False
    return True


def _namesakes(key: str) -> Iterator[Parameter]:
    from kinfo.cli.load import load

    for name in COMMANDS:
        yield from (one for one in load(name).parameters if one.flags and key_of(one) == key)


def _of_file(file: SettingsFile, option: Parameter, value: Any, keys: tuple[str, ...]) -> Setting:
    where, key = file.place(*keys), keys[-1]
    if file.is_project and (reason := why_not_of_projects(key)):
        raise KinfoError(
            f"{where}: a project's file cannot set {key}: {reason}",
            f"give --{key} on the command line, or put it into your own settings",
        )
    try:
        fit = placed(option, converted(option, value), file.folder, is_inside=file.is_project)
    except WrongValueError as error:
        raise KinfoError(f"{where}: {key}: {error.what}", error.right) from None
    return Setting(key, fit, "project" if file.is_project else "user", where, keys[0] if len(keys) > 1 else _TOP)
