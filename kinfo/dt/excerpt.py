"""The part of a tree that bears on kinfo, as a blob of its own: what the schema check is shown.

The rest of a board would only cost time: without the kernel's own bindings dt-validate has some 700 false errors for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.board import Board, ancestors
from kinfo.dt.tree import Node, Tree
from kinfo.dt.written import to_blob

_ABOVE = ("#address-cells", "#size-cells", "phandle")  # what dtschema needs of a node above


def excerpt(board: Board) -> bytes:
    """The kinfo nodes and the regions they name, whole; of the nodes above them the cells.

    Of a tree with both shapes the profile's node alone: its region is shown without the other shape's compatible.
    """
    nodes = [node for node in board.nodes if node not in board.spare]
    whole = set(nodes) | {target for node in nodes for target in _targets(board, node)}
    above = {parent for node in whole for parent in ancestors(node)} - whole
    root = Node("", _own(board, board.tree.root))
    todo = [(root, board.tree.root)]
    while todo:
        copy, node = todo.pop()
        kept = [child for child in node.children if child in whole or child in above]
        todo += [(copy.add(Node(one.name, _shown(board, one) if one in whole else _own(board, one))), one) for one in kept]
    return to_blob(Tree(root))


def _shown(board: Board, node: Node) -> dict[str, bytes]:
    if node not in board.spare:
        return node.properties
    return {name: raw for name, raw in node.properties.items() if name != "compatible"}


def _targets(board: Board, node: Node) -> Iterator[Node]:
    for handle in node.cells("memory-region") or ():
        yield from board.tree.phandle(handle)


def _own(board: Board, node: Node) -> dict[str, bytes]:
    """What is kept of a node above; an overlay without its base has no cells there, so they get the guessed ones."""
    guessed = dict(zip(_ABOVE, map(_word, board.cells), strict=False)) if board.tree.partial else {}
    return guessed | {name: raw for name, raw in node.properties.items() if name in _ABOVE}


def _word(value: int) -> bytes:
    return value.to_bytes(4, "big")
