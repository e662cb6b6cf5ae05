"""A place that a region without an address had on a boot, held against where the kernels in question put it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kinfo.dt.boot.choice import why_not
from kinfo.dt.boot.verdict import lookup
from kinfo.dt.kernels import names_text
from kinfo.dt.ranges import Range

if TYPE_CHECKING:
    from kinfo.dt.board import Board, Region


class Chosen(NamedTuple):
    """What the kernels in question say of a place.

    `agreeing`: those whose model puts the region there; `places`: by address, those that put it elsewhere; `against`: why
    none can have put it there, empty where one can. `ram_known`: whether the tree says where RAM is: else no place is
    expected, and `agreeing` and `places` are empty.
    """

    agreeing: tuple[str, ...]
    places: dict[int, list[str]]
    against: str
    ram_known: bool

    @property
    def expected(self) -> str:
        """`5.10 to 6.6 put it at 0x5ffff000`, for each place."""
        rows = [
            f"{names_text(names)} {'put' if names[1:] else 'puts'} it at {base:#x}" for base, names in self.places.items()
        ]
        return "; ".join(rows)


def chosen(board: Board, region: Region, pa: int) -> Chosen:
    """The region's first byte at a physical address, against the model of every kernel in question."""
    agreeing: list[str] = []
    places: dict[int, list[str]] = {}
    against: list[str] = []
    known = [one.ram_known for _, one in board.boots]
    for name, boot in board.boots:
        found = lookup(boot, region.node)
        extent = found.extent if found and found.is_dynamic and boot.ram_known else None
        if extent is not None and extent.base == pa:
            agreeing.append(name)
            continue
        if extent is not None:
            places.setdefault(extent.base, []).append(name)
        against.append(why_not(boot, region.node, Range(pa, region.size or 1)))
    is_against = bool(against) and all(against) and not agreeing
    return Chosen(tuple(agreeing), places, against[-1] if is_against else "", any(known))
