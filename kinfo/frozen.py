"""Objects whose fields stay as they are: what `dataclass(frozen=True, eq=False)` gives, without importing `dataclasses`.

That brings `inspect`, a fifth of what `kinfo decode` takes as a whole. Unlike a NamedTuple such an object is no sequence,
equals nothing but itself, and may have cached properties.
"""

from __future__ import annotations

from kinfo.typed import Any, ClassVar, Self, dataclass_transform


@dataclass_transform(eq_default=False, frozen_default=True)
class Frozen:
    """The base: a subclass declares its fields, with or without a default, and inherits those of its bases."""

    field_names: ClassVar[tuple[str, ...]] = ()
    _known: ClassVar[frozenset[str]] = frozenset()
    _needed: ClassVar[frozenset[str]] = frozenset()  # those without a default

    def __init_subclass__(cls) -> None:
        own = [name for name in cls.__annotations__ if name not in cls.field_names]
        cls.field_names = (*cls.field_names, *own)
        cls._known = frozenset(cls.field_names)
        cls._needed = frozenset(name for name in cls.field_names if not hasattr(cls, name))

    def __init__(self, *values: Any, **named: Any) -> None:
        given = named
        if values:
            names = self.field_names
            given = dict(zip(names, values, strict=False))
            if len(values) > len(names) or not named.keys().isdisjoint(given):
                raise self._wrong()
            given.update(named)
        if not self._known.issuperset(given):
            raise self._wrong()
        if not self._needed <= given.keys():
            lacking = [name for name in self.field_names if name in self._needed and name not in given]
            raise TypeError(f"{type(self).__name__}: {', '.join(lacking)} not given")
        self.__dict__.update(given)

    def _wrong(self) -> TypeError:
        return TypeError(f"{type(self).__name__}: takes each of {', '.join(self.field_names)} once")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"cannot delete field {name!r}")

    def _replace(self, **changes: Any) -> Self:
        """Another with these fields changed, as a NamedTuple has it."""
        return type(self)(**self._given() | changes)

    def _given(self) -> dict[str, Any]:
        """The fields that were given, by name; the others have their defaults. What is cached beside them is left out."""
        own = self.__dict__
        return {name: own[name] for name in self.field_names if name in own}
