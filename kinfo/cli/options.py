"""What a command was asked for, as one frozen object with a type for everything: made in one way of the parameters."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from kinfo.typed import Any, TypeVar

T = TypeVar("T")


def takes(options: type[T]) -> Callable[[Callable[[T], int]], Callable[..., int]]:
    """Let a command have its parameters as `options`, a NamedTuple with a field for each. It stands below all of them."""

    def made(function: Callable[[T], int]) -> Callable[..., int]:
        @wraps(function)
        def command(**given: Any) -> int:
            return function(options(**given))

        command.options = options  # type: ignore[attr-defined]  # for the test that holds the two together
        return command

    return made
