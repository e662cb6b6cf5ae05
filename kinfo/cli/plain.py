"""Plain command lines, read without click: whole names, each once, every value right. All others are click's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kinfo.cli.declare import BadValueError, Choice, Command, Parameter, ValueKind
from kinfo.typed import Any

Values = dict[str, Any]
_UNSET = {(True, False): False, (False, True): ()}  # (a flag, several values)


class _NotPlainError(Exception):
    """Help, a mistake, or anything unusual."""


def values(command: Command, words: Sequence[str]) -> Values | None:
    """The value of every parameter, as click gives them; None where click has to read the words."""
    try:
        given, places = _sorted(command, words)
        found = {one.name: _value(one, given.get(one.name)) for one in command.parameters if one.flags}
        return found | _placed([one for one in command.parameters if not one.flags], places)
    except (_NotPlainError, BadValueError):
        return None


def run(command: Command, found: Values) -> int:
    """Run the command with these values; what options without a field ask for holds meanwhile."""
    from kinfo.cli.declare import take_effect

    for one in command.parameters:
        if one.effect is not None:
            take_effect(one, found.pop(one.name))
    return command.function(**found)


def _sorted(command: Command, words: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """The words of each option that is given, and those that stand for themselves."""
    by_flag = {flag: one for one in command.parameters for flag in (*one.flags, *one.off)}
    given: dict[str, list[str]] = {}
    places: list[str] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word == "-":
            places.append(_not_empty(word))
            continue
        flag, equals, behind = word.partition("=")
        option = by_flag.get(flag)
        if option is None or (equals and (option.is_flag or not flag.startswith("--"))):
            raise _NotPlainError
        if option.name in given and not option.is_multiple:
            raise _NotPlainError
        given.setdefault(option.name, []).append(flag if option.is_flag else _argument(behind if equals else next(rest, "")))
    return given, places


def _not_empty(word: str) -> str:
    if not word:
        raise _NotPlainError
    return word


def _argument(word: str) -> str:
    """What an option's value can be; a word like an option may be a mistake."""
    if word.startswith("-") and word != "-":
        raise _NotPlainError
    return _not_empty(word)


def _value(option: Parameter, words: list[str] | None) -> Any:
    if words is None:
        if option.is_required:
            raise _NotPlainError
        return option.default if option.default is not None else _UNSET.get((option.is_flag, option.is_multiple))
    if option.is_flag:
        return words[0] not in option.off
    found = tuple(_converted(option, word) for word in words)
    return found if option.is_multiple else found[0]


def _converted(option: Parameter, word: str) -> Any:
    if option.kind is None and option.nargs == 1:
        return word
    if isinstance(option.kind, ValueKind):
        return option.kind.convert(word)
    if isinstance(option.kind, Choice) and word in option.kind.names:
        return word
    raise _NotPlainError


def _placed(arguments: Sequence[Parameter], words: Sequence[str]) -> Values:
    if any(one.nargs < 0 for one in arguments):
        if len(arguments) != 1 or (arguments[0].is_required and not words):
            raise _NotPlainError
        return {arguments[0].name: tuple(words)}
    if not sum(one.is_required for one in arguments) <= len(words) <= len(arguments):
        raise _NotPlainError
    return dict(_pairs(arguments, iter(words)))


def _pairs(arguments: Iterable[Parameter], words: Iterator[str]) -> Iterator[tuple[str, str | None]]:
    for one in arguments:
        yield one.name, next(words, None)
