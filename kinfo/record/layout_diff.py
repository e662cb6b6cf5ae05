"""What differs between two layouts."""

from __future__ import annotations

from kinfo.named import NamedTuple
from kinfo.printable import brief
from kinfo.record.model import Field, Layout


class LayoutDiff(NamedTuple):
    """Two layouts: the fields of one alone, of the other alone, and those of both by what became of them.

    `gone` and `moved` (before, after) are in the order of the first, `new` of the second. `moved` are those with another
    offset or type. `magic` and `compatible` are (first, second) where they differ, else None.
    """

    one: Layout
    other: Layout
    gone: tuple[Field, ...]
    moved: tuple[tuple[Field, Field], ...]
    new: tuple[Field, ...]
    same: tuple[Field, ...]
    magic: tuple[int, int] | None
    compatible: tuple[str, str] | None

    @property
    def is_identical(self) -> bool:
        """Whether both have the same fields at the same places."""
        return not (self.gone or self.moved or self.new)

    def __repr__(self) -> str:
        counts = f"{len(self.gone)} gone, {len(self.moved)} moved, {len(self.new)} new, {len(self.same)} same"
        return brief(self, f"{self.one.alias} -> {self.other.alias}: {counts}")


def layout_diff(one: Layout, other: Layout) -> LayoutDiff:
    """What differs between two layouts."""
    pairs = [(field, other.by_name[field.name]) for field in one.fields if field.name in other.by_name]
    same = tuple(old for old, new in pairs if _place(old) == _place(new))
    return LayoutDiff(
        one=one,
        other=other,
        gone=tuple(field for field in one.fields if field.name not in other.by_name),
        moved=tuple(pair for pair in pairs if pair[0] not in same),
        new=tuple(field for field in other.fields if field.name not in one.by_name),
        same=same,
        magic=(one.magic, other.magic) if one.magic != other.magic else None,
        compatible=(one.compatible, other.compatible) if one.compatible != other.compatible else None,
    )


def _place(field: Field) -> tuple[int, str]:
    return field.offset, field.ctype
