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

    def __init_subclass__(cls) -> None:
        own = [name for name in cls.__annotations__ if name not in cls.field_names]
        cls.field_names = (*cls.field_names, *own)

    def __init__(self, *values: Any, **named: Any) -> None:
        names = self.field_names
        given = dict(zip(names, values, strict=False))
        if len(values) > len(names) or not named.keys().isdisjoint(given) or not named.keys() <= set(names):
            raise TypeError(f"{type(self).__name__}: takes each of {', '.join(names)} once")
        self.__dict__.update(given, **named)
        if lacking := [name for name in names if not hasattr(self, name)]:
            raise TypeError(f"{type(self).__name__}: {', '.join(lacking)} not given")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"cannot delete field {name!r}")

    def _replace(self, **changes: Any) -> Self:
        """Another with these fields changed, as a NamedTuple has it."""
        return type(self)(**{name: getattr(self, name) for name in self.field_names} | changes)
