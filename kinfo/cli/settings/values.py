"""A value out of TOML, or a word of the environment, as an option takes it."""

from __future__ import annotations

import os

from kinfo.cli.declare import AtLeast, BadValueError, Choice, Parameter, ValueKind
from kinfo.cli.settings.known import is_path, key_of
from kinfo.typed import Any

_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class WrongValueError(Exception):
    """What an option cannot take: what is wrong, and what would be right."""

    def __init__(self, what: str, right: str) -> None:
        super().__init__(what, right)
        self.what, self.right = what, right


def converted(option: Parameter, value: Any) -> Any:
    """A value of TOML as the command has it. Raises WrongValueError."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise WrongValueError(f"{_shown(value)} is neither true nor false", f"write {key_of(option)} = true")
        return value
    if option.is_multiple or option.nargs > 1:
        return _several(option, value)
    return _single(option, value)


def of_word(option: Parameter, word: str) -> Any:
    """A word of the environment as the command has it; commas stand between several values. Raises WrongValueError."""
    if option.is_flag:
        if word.lower() not in _YES + _NO:
            raise WrongValueError(f"{_shown(word)} is neither yes nor no", "write 1 or 0")
        return word.lower() in _YES
    if option.is_multiple or option.nargs > 1:
        return _several(option, word.split(","))
    return _single(option, word)


def _several(option: Parameter, value: Any) -> tuple[Any, ...]:
    count = f" of {option.nargs}" if option.nargs > 1 else ""
    if not isinstance(value, list) or (count and len(value) != option.nargs):
        raise WrongValueError(f"{_shown(value)} is no list{count}", f"write {key_of(option)} = [...]")
    return tuple(_single(option, one) for one in value)


def _single(option: Parameter, value: Any) -> Any:
    kind = option.kind
    if isinstance(kind, Choice):
        word = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if word not in kind.names:
            raise WrongValueError(f"{_shown(value)} is none of its words", f"choose one of: {', '.join(kind.names)}")
        return word
    if kind is not None:
        return _number(option, value)
    if not isinstance(value, str) or not value:
        what = "is empty" if value == "" else "is no text"
        raise WrongValueError(f"{_shown(value)} {what}", f'write {key_of(option)} = "...", with quotes')
    return value


def _number(option: Parameter, value: Any) -> int:
    kind = option.kind
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise WrongValueError(f"{_shown(value)} is no number", f"write {key_of(option)} = 4096, or 0x1000")
    try:
        found = kind.convert(str(value)) if isinstance(kind, ValueKind) else int(str(value), 0)
    except (ValueError, BadValueError) as error:
        what = str(error) if isinstance(error, BadValueError) else f"{_shown(value)} is no number"
        raise WrongValueError(what, f"write {key_of(option)} = 4096, or 0x1000") from None
    if isinstance(kind, AtLeast) and found < kind.least:
        raise WrongValueError(f"{found} is less than {kind.least}", f"write {key_of(option)} = {kind.least} or more")
    assert isinstance(found, int)
    return found


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    text = repr(value) if isinstance(value, str | int | float) else "a list" if isinstance(value, list) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def placed(option: Parameter, value: Any, folder: str, *, is_inside: bool) -> Any:
    """A value of a file, its paths put below the file's folder; `is_inside`: none may lead out. Raises WrongValueError."""
    if isinstance(value, tuple):
        return tuple(placed(option, one, folder, is_inside=is_inside) for one in value)
    if not isinstance(value, str) or not is_path(option, value):
        return value
    path = os.path.join(folder, value)
    if is_inside and not f"{os.path.realpath(path)}/".startswith(f"{os.path.realpath(folder).rstrip('/')}/"):
        right = "name a file of the project, or put it into your own settings"
        raise WrongValueError(f"{_shown(value)} leads out of the project", right)
    return path
