"""How a finding says where: the node's path, and the property behind a colon."""

from __future__ import annotations

from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.tree import Node


def at(node: Node, property_: str = "") -> str:
    """`/reserved-memory/debug-kinfo@4e000000:reg`."""
    return f"{node.path}:{property_}" if property_ else node.path


def split(where: str) -> tuple[str, str]:
    """Node path and property (empty where a finding is about the node). Neither has a colon in its name."""
    path, _, property_ = where.partition(":")
    return path, property_
