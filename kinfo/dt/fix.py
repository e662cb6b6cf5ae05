"""A tree with its errors mended, where the remedy is certain: no change is made that would be a guess."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from kinfo.dt.blob import parse
from kinfo.dt.board import Board, Options, Region
from kinfo.dt.profiles import is_kinfo
from kinfo.dt.ranges import Cells, number
from kinfo.dt.tree import Node, Tree, tree_of
from kinfo.dt.verify import verify
from kinfo.dt.written import to_blob
from kinfo.errors import TreeError
from kinfo.findings import Finding, Severity
from kinfo.writer_rows.rows import DEBUG_KINFO

_PLACED = ("size", "alignment")
_MOST_CELLS = 4  # dtc knows no more


class Mended(NamedTuple):
    """The mended tree, what was changed (`/reserved-memory: ranges added`), and the errors that it still has."""

    tree: Tree
    changes: tuple[str, ...]
    left: tuple[Finding, ...]


class Unsure(Exception):  # noqa: N818  # no error: a remedy is left alone
    """What would have to be guessed."""


def mend(tree: Tree, options: Options) -> Mended:
    """Mend a copy of a tree. Raises TreeError for an overlay without its base."""
    if tree.partial:
        raise TreeError("is an overlay without its base", "give the base tree, and this file with --overlay")
    copy = tree_of(parse(to_blob(tree)))
    changes: list[str] = []
    for step in _STEPS:
        try:
            changes += step(Board(copy, options))
        except Unsure:
            continue
    errors = tuple(one for one in verify(copy, options).findings if one.severity is Severity.ERROR)
    return Mended(copy, tuple(changes), errors)


def _cells(board: Board) -> Iterator[str]:
    """Give /reserved-memory the root's cells, and rewrite what was written for the wrong ones.

    Certain only where every region's properties agree on the cells that they were written for.
    """
    parent, wanted = board.parent, board.cells
    if parent is None:
        return
    names = {"#address-cells": wanted.address, "#size-cells": wanted.size}
    wrong = {name: value for name, value in names.items() if (parent.cells(name) or (None,))[0] != value}
    if not wrong:
        return
    children, own = parent.children, board.own_cells
    if not all(_fits(child, wanted) for child in children):
        if own is None or not all(_fits(child, own) for child in children):
            raise Unsure
        for child in children:
            yield from _rewritten(child, own, wanted)
    for name, value in wrong.items():
        parent.properties[name] = value.to_bytes(4, "big")
        yield f"{parent.path}: {name} = <{value}>"


def _fits(node: Node, cells: Cells) -> bool:
    """Whether every address and size of a region has the length that these cells ask for."""
    for name, raw in node.properties.items():
        if name in ("reg", "alloc-ranges") and (not raw or not cells.total or len(raw) % (4 * cells.total)):
            return False
        if name in _PLACED and len(raw) != 4 * (cells.size if name == "size" else cells.address):
            return False
    return True


def _rewritten(node: Node, old: Cells, new: Cells) -> Iterator[str]:
    for name in ("reg", "alloc-ranges"):
        words = node.cells(name)
        if not words:
            continue
        pairs = [words[at : at + old.total] for at in range(0, len(words), old.total)]
        numbers = [(number(pair[: old.address]), number(pair[old.address :])) for pair in pairs]
        node.properties[name] = b"".join(_bytes(base, new.address) + _bytes(size, new.size) for base, size in numbers)
        yield f"{node.path}: {name} written with {new.address} and {new.size} cells"
    for name, count in zip(_PLACED, (new.size, new.address), strict=True):
        if name in node.properties:
            node.properties[name] = _bytes(int.from_bytes(node.properties[name], "big"), count)
            yield f"{node.path}: {name} written with {count} cells"


def _bytes(value: int, cells: int) -> bytes:
    """The value in so many cells; nothing is written for a root whose cells are themselves absurd."""
    if cells > _MOST_CELLS or value >> (32 * cells):
        raise Unsure
    return value.to_bytes(4 * cells, "big")


def _ranges(board: Board) -> Iterator[str]:
    if board.parent is not None and "ranges" not in board.parent.properties:
        board.parent.properties["ranges"] = b""
        yield f"{board.parent.path}: ranges added"


def _placed_cells(board: Board) -> Iterator[str]:
    """Give size and alignment the number of cells that the kernel asks for."""
    for region in _regions(board):
        for name, count in zip(_PLACED, (board.cells.size, board.cells.address), strict=True):
            raw = region.node.properties.get(name)
            if raw and len(raw) % 4 == 0 and len(raw) != 4 * count:
                region.node.properties[name] = _bytes(int.from_bytes(raw, "big"), count)
                yield f"{region.node.path}: {name} written with {count} cells"


def _size(board: Board) -> Iterator[str]:
    """A size in whole pages, where the region begins at one and the page is nobody else's."""
    page = board.options.page_size
    for region in _regions(board):
        extent = region.extent
        if extent is None or not region.is_static or extent.base % page or not extent.size % page:
            continue
        whole = extent._replace(size=-(-extent.size // page) * page)
        others = [entry for one in board.regions if one.node is not region.node for entry in one.entries]
        if any(entry.overlaps(whole) for entry in others) or not any(bank.holds(whole) for bank in board.banks):
            continue
        raw = region.node.properties["reg"]
        first = _bytes(whole.base, board.cells.address) + _bytes(whole.size, board.cells.size)
        region.node.properties["reg"] = first + raw[len(first) :]
        yield f"{region.node.path}: reg has {whole.size:#x} bytes, whole pages"


def _no_map(board: Board) -> Iterator[str]:
    if not board.profile.on_region:
        return
    for region in _regions(board):
        if "no-map" not in region.node.properties and "reusable" not in region.node.properties:
            region.node.properties["no-map"] = b""
            yield f"{region.node.path}: no-map added"


def _shape(board: Board) -> Iterator[str]:
    """Android's shape as v2 and v3 want it: the compatible on the region, the device node gone."""
    if not board.profile.on_region or len(board.uses) != 1:
        return
    (use,) = board.uses
    target = board.target(use.node)
    if target is None or target is use.node or not board.on_region(target) or use.node.children or use.node.parent is None:
        return
    if not is_kinfo(target):
        target.properties["compatible"] = target.properties.get("compatible", b"") + DEBUG_KINFO.encode() + b"\0"
        yield f"{target.path}: compatible has {DEBUG_KINFO}"
    use.node.parent.children.remove(use.node)
    yield f"{use.node.path}: removed"


def _regions(board: Board) -> list[Region]:
    return list(dict.fromkeys(use.region for use in board.uses if use.region))


_STEPS: tuple[Callable[[Board], Iterator[str]], ...] = (_cells, _ranges, _shape, _placed_cells, _size, _no_map)
