"""What modules say with words of `typing`, without importing it: that alone takes a third of `python -c pass`.

Type checkers see typing's own. While kinfo runs, annotations are text that nobody reads, and these names stand for nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import (
        IO,
        Any,
        BinaryIO,
        ClassVar,
        Literal,
        NoReturn,
        Protocol,
        Self,
        TypeVar,
        cast,
        dataclass_transform,
        overload,
    )
else:
    IO = Any = BinaryIO = ClassVar = Literal = NoReturn = Protocol = Self = object

    def TypeVar(name):  # noqa: N802  # its name in typing
        """Nothing is made of it."""
        return name

    def cast(_, value):
        """The value as it is."""
        return value

    def overload(function):
        """The function that follows takes its place."""
        return function

    def dataclass_transform(**_):
        """Leaves the class as it is."""
        return lambda cls: cls


__all__ = [
    "IO",
    "TYPE_CHECKING",
    "Any",
    "BinaryIO",
    "ClassVar",
    "Literal",
    "NoReturn",
    "Protocol",
    "Self",
    "TypeVar",
    "cast",
    "dataclass_transform",
    "overload",
]
