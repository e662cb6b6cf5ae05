"""The kernel's lists (struct list_head), read from both ends: damage in the middle hides no more than what it broke."""

from __future__ import annotations

from kinfo.errors import KinfoError
from kinfo.kernel.paging.reader import Reader
from kinfo.named import NamedTuple

MOST = 1 << 22  # nodes: more tasks than PID_MAX_LIMIT there cannot be


class Links(NamedTuple):
    """The nodes of a list, in its order; `problem` says where it breaks, "" where it is whole.

    `is_all` tells whether both ends met, so that no node is missing although a link is wrong.
    """

    nodes: list[int]
    problem: str = ""
    is_all: bool = True


def follow(reader: Reader, head: int) -> Links:
    """Every node of the list whose head is at a VA, up to where links lead astray, and from behind up to there."""
    nodes, problem = _walk(reader, head, head, set(), forwards=True)
    if not problem:
        return Links(nodes)
    behind, _ = _walk(reader, head, head, set(nodes), forwards=False)
    met = bool(behind) and bool(nodes) and _leads_to(reader, behind[-1], nodes[-1])
    return Links(nodes + behind[::-1], problem, met)


def _leads_to(reader: Reader, node: int, before: int) -> bool:
    try:
        return reader.pair(node)[1] == before
    except KinfoError:
        return False


def _walk(reader: Reader, head: int, start: int, known: set[int], *, forwards: bool) -> tuple[list[int], str]:
    """Nodes from the head on, and what is wrong with the next; a node must point back at the one it was reached from."""
    nodes: list[int] = []
    seen = set(known)
    before = start
    try:
        links = reader.pair(head)
        while True:
            node = links[0] if forwards else links[1]
            if node == head:
                return nodes, _unless(reader.pair(head)[1 if forwards else 0] == before, before, head, reader.pair(head))
            if node in seen or len(nodes) == MOST:
                return nodes, f"it runs in a circle at VA {node:#x}"
            links = reader.pair(node)
            if links[1 if forwards else 0] != before:
                return nodes, _unless(False, before, node, links)
            seen.add(node)
            nodes.append(node)
            before = node
    except KinfoError as error:
        return nodes, f"behind VA {before:#x}: {error.message}"


def _unless(holds: bool, before: int, node: int, links: tuple[int, int]) -> str:
    if holds:
        return ""
    shown = f"VA {before:#x} leads to {node:#x}, whose links are {links[0]:#x} and {links[1]:#x}"
    return f"{shown}: it was being changed, or is damaged"
