"""What lies where in physical memory, as far as a board and what was said about it tell."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.board import Board
from kinfo.dt.check.memory import chosen_memory
from kinfo.dt.ranges import Range
from kinfo.named import NamedTuple


class Mapped(NamedTuple):
    """A stretch of memory: `kind` is ram, region, kinfo, memreserve, chosen or image."""

    kind: str
    name: str
    extent: Range


def memory_map(board: Board) -> tuple[Mapped, ...]:
    """Everything with an address and a size, by address; what begins together, the larger first."""
    found = [one for one in _all(board) if one.extent.size]
    return tuple(sorted(found, key=lambda one: (one.extent.base, -one.extent.size)))


def _all(board: Board) -> Iterator[Mapped]:
    yield from (Mapped("ram", "RAM", bank) for bank in board.banks)
    yield from _regions(board)
    yield from (Mapped("memreserve", "/memreserve/", Range(base, size)) for base, size in board.tree.reservations)
    yield from (Mapped("chosen", name, extent) for name, extent in chosen_memory(board))
    image = board.options.image or (board.options.dump.image if board.options.dump else None)
    if image:
        yield Mapped("image", "kernel image", image)


def _regions(board: Board) -> Iterator[Mapped]:
    ours = {use.region.node.path: use.region for use in board.uses if use.region}
    every = {**{region.node.path: region for region in board.regions}, **ours}
    for path, region in every.items():
        if region.extent:
            yield Mapped("kinfo" if path in ours else "region", region.node.name, region.extent)
