"""What a comparison says, as data."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from kinfo.record.record import Shown


class Kind(Enum):
    """The class of one field's difference. All but the last are expected; a policy may say otherwise."""

    SAME = "same"
    MOVED = "moved"
    PER_BOOT = "per-boot"
    PER_BUILD = "per-build"
    ONE_LAYOUT = "one-layout"
    WRITER = "writer"
    REGRESSION = "regression"


class Difference(NamedTuple):
    """One field in both records: as JSON shows them, None where the layout has no such field or the dump ends before it.

    `reason` says why it has its class, `source` where that is known from (empty where the values themselves say it).
    """

    field: str
    old: Shown | None
    new: Shown | None
    kind: Kind
    reason: str = ""
    source: str = ""


class Comparison(NamedTuple):
    """Two records. `slide` is the distance in bytes by which all addresses moved, None where they have no common one.

    `same_build` is None where it is not known: a release is garbage, and the rest does not tell.
    """

    old_layout: str
    new_layout: str
    same_build: bool | None
    slide: int | None
    differences: tuple[Difference, ...]

    def of(self, kind: Kind) -> tuple[Difference, ...]:
        """The fields of one class."""
        return tuple(one for one in self.differences if one.kind is kind)
