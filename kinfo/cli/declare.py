"""What a command takes, as data: declared once; `plain.py` reads plain command lines by it, `group.py` makes click's of it.

The names are click's (`command`, `argument`, `option`, `Choice`, `UsageError`), but click is not imported: that takes longer
than to decode a record, and only help and mistakes need it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar

from kinfo.named import NamedTuple
from kinfo.typed import Any

Decorated = Callable[..., Any]
Effect = Callable[[Any], AbstractContextManager[None]]


class UsageError(Exception):
    """Options that do not go together: one line and where to read more, as click has it for what it finds itself."""


class BadValueError(Exception):
    """A word that is not of its parameter's kind; the text says why."""


class ValueKind:
    """What a parameter's word is turned into."""

    name = "text"  # in capitals: what help calls the value

    def convert(self, word: str) -> Any:
        """The value. Raises BadValueError."""
        raise NotImplementedError


class Choice(NamedTuple):
    """One of these words."""

    names: tuple[str, ...]


class AtLeast(NamedTuple):
    """A whole number from here on."""

    least: int


class Parameter(NamedTuple):
    """An argument (no flags) or an option of a command."""

    name: str
    flags: tuple[str, ...] = ()
    kind: ValueKind | Choice | AtLeast | type[int] | None = None
    """None: the word as it is."""
    default: Any = None
    is_flag: bool = False
    is_multiple: bool = False
    nargs: int = 1
    is_required: bool = False
    metavar: str | None = None
    help: str | None = None
    shows_default: bool = False
    off: tuple[str, ...] = ()
    """Of a flag that settings have turned on: what turns it off again."""
    effect: Effect | None = None
    """Of an option that is no field of the command's Options: what holds while the command runs, by the option's value."""


class Command:
    """A command: its parameters, and the function that takes their values by name and returns the exit code."""

    def __init__(self, name: str, short_help: str, function: Callable[..., int]) -> None:
        self.name, self.short_help, self.function = name, short_help, function
        self.help = function.__doc__
        self.options: type[Any] | None = getattr(function, "options", None)
        self.parameters: tuple[Parameter, ...] = tuple(reversed(getattr(function, "parameters", ())))
        self.settings: dict[str, str] = {}
        """Flags whose default settings have said, and where."""

    def copy(self, parameters: Sequence[Parameter]) -> Command:
        """The same command with other parameters."""
        made = object.__new__(Command)
        made.__dict__.update(self.__dict__, parameters=tuple(parameters))
        return made


def command(name: str, *, short_help: str = "") -> Callable[[Callable[..., int]], Command]:
    """Make a command of a function. It stands above the parameters' decorators."""
    return lambda function: Command(name, short_help, function)


def argument(
    name: str, *, nargs: int = 1, required: bool | None = None, metavar: str | None = None
) -> Callable[[Decorated], Decorated]:
    """A word by its place; with nargs=-1 all of them, which may be none unless they are required."""
    is_required = nargs > 0 if required is None else required
    return _added(Parameter(name, nargs=nargs, is_required=is_required, metavar=metavar))


def option(
    *names: str,
    kind: ValueKind | Choice | AtLeast | type[int] | None = None,
    default: Any = None,
    is_flag: bool = False,
    multiple: bool = False,
    nargs: int = 1,
    required: bool = False,
    metavar: str | None = None,
    help: str | None = None,  # noqa: A002  # click's word
    show_default: bool = False,
) -> Callable[[Decorated], Decorated]:
    """An option by its flags; the name without dashes among `names`, else the longest flag's, is its field."""
    flags = tuple(one for one in names if one.startswith("-"))
    own = [one for one in names if not one.startswith("-")]
    name = own[0] if own else max(flags, key=len).lstrip("-").replace("-", "_")
    return _added(Parameter(name, flags, kind, default, is_flag, multiple, nargs, required, metavar, help, show_default))


def _added(parameter: Parameter) -> Callable[[Decorated], Decorated]:
    def added(function: Decorated) -> Decorated:
        function.__dict__.setdefault("parameters", []).append(parameter)
        return function

    return added


_RUNNING: ContextVar[ExitStack] = ContextVar("running")


@contextmanager
def running() -> Iterator[None]:
    """While a command runs: what `take_effect` and `at_end` were given is undone at its end."""
    with ExitStack() as stack:
        before = _RUNNING.set(stack)
        try:
            yield
        finally:
            _RUNNING.reset(before)


def take_effect(parameter: Parameter, value: Any) -> None:
    """Let what the option's value asks for hold until the command ends."""
    assert parameter.effect is not None
    _RUNNING.get().enter_context(parameter.effect(value))


def at_end(call: Callable[[], object]) -> None:
    """Have this called when the command ends, however it does."""
    _RUNNING.get().callback(call)


def with_shared(one: Command, shared: Sequence[Parameter]) -> Command:
    """The command, with options that all have, but for those that it has already."""
    own = {parameter.name for parameter in one.parameters}
    one.parameters += tuple(parameter for parameter in shared if parameter.name not in own)
    return one
