"""NamedTuple, made in a seventh of the time: what `typing.NamedTuple` gives, for the many that a command imports.

typing compiles the annotation of every field, and collections the constructor of every class: 0.3 ms each, of which a command
imports some eighty. Here annotations stay text, classes share their methods, and those of one size their constructor's code.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from collections import _tuplegetter
    from types import FunctionType

    _NEW = {"_new": tuple.__new__}  # what the constructors' code looks up
    _CODES = {}

    def _code(size):
        """The code of a constructor with so many fields, whatever they are called."""
        if size not in _CODES:
            names = "".join(f"f{at}, " for at in range(size))
            _CODES[size] = eval(f"lambda _cls, {names}: _new(_cls, ({names}))", {}).__code__  # noqa: S307  # our own text
        return _CODES[size]

    class _Meta(type):
        """Makes the fields of a class that says `(NamedTuple)`; what is derived from such a one is a class as any other."""

        def __new__(cls, name, bases, body):
            if bases[0] is tuple or hasattr(bases[0], "_fields"):
                return super().__new__(cls, name, bases, body)
            fields = body.get("__annotations__", {})
            defaults = {field: body.pop(field) for field in fields if field in body}
            if [*defaults] != [*fields][len(fields) - len(defaults) :]:
                raise TypeError(f"{name}: a field without a default stands behind one that has a default")
            code = _code(len(fields)).replace(co_varnames=("_cls", *fields), co_name="__new__")
            new = FunctionType(code, _NEW, "__new__", tuple(defaults.values()))
            new.__qualname__, new.__annotations__ = f"{name}.__new__", fields
            getters = {field: _tuplegetter(at, f"Alias for field number {at}") for at, field in enumerate(fields)}
            own = {"__slots__": (), "__new__": new, "_fields": (*fields,), "__match_args__": (*fields,)}
            return super().__new__(cls, name, bases, body | getters | own | {"_field_defaults": defaults})

    class _Base(tuple, metaclass=_Meta):
        """What all of them have: see collections.namedtuple."""

        __slots__ = ()

        @classmethod
        def _make(cls, values):
            made = tuple.__new__(cls, values)
            if (count := tuple.__len__(made)) != len(cls._fields):
                raise TypeError(f"Expected {len(cls._fields)} arguments, got {count}")
            return made

        def _replace(self, /, **changes):
            made = self._make(map(changes.pop, self._fields, self))
            if changes:
                raise ValueError(f"Got unexpected field names: {[*changes]!r}")
            return made

        __replace__ = _replace

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self):
            told = ", ".join(f"{field}={value!r}" for field, value in zip(self._fields, tuple.__iter__(self), strict=True))
            return f"{type(self).__name__}({told})"

        def __getnewargs__(self):
            return tuple(self)

    class NamedTuple:
        """The base to name."""

        def __mro_entries__(self, bases):
            return (_Base,)

    NamedTuple = NamedTuple()

__all__ = ["NamedTuple"]
