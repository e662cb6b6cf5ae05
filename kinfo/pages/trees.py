"""A section on a board's tree: what kernels make of it, region by region."""

from __future__ import annotations

from typing import Any

from kinfo.pages.documents import Document
from kinfo.pages.model import FactTable, Folded, Grid, PageFact, PageSection

_HEAD = ("kernel", "memory", "where", "why", "driver", "why")


def section(tree: Document, number: int = 0) -> PageSection:
    """The section of the tree."""
    profile = tree.get("profile")
    facts = [PageFact("tree", tree["label"], tree["inside"]), PageFact("outcome", tree["outcome"])]
    if profile:
        facts.append(PageFact("shape", profile["title"], profile["reason"]))
    for one in tree["memory"]:
        size = f", {one['size']} bytes" if one["size"] else ""
        facts.append(PageFact("region", f"{one['address'] or 'placed by the kernel'}{size}", one["region"] or ""))
    blocks: list[Any] = [FactTable("The board", tuple(facts))]
    if tree["kernels"]:
        rows = tuple(map(_row, tree["kernels"]))
        blocks.append(Grid("What each kernel does with it", _HEAD, rows))
    if tree["snippet"]:
        lines = tuple((one,) for one in tree["snippet"].splitlines())
        blocks.append(Folded("A right node", (Grid("Source", ("",), lines),)))
    anchor = f"board-{number}" if number else "board"
    return PageSection(anchor, f"Board: {tree['label']}", tuple(blocks))


def _row(one: Document) -> tuple[str, ...]:
    memory, driver = one["memory"], one["driver"]
    where = f"{memory['start']} - {memory['end']}" if memory["start"] else ""
    no_map = ", no-map" if memory["no_map"] else ""
    return (one["kernel"], memory["outcome"], f"{where}{no_map}", memory["why"], driver["outcome"], driver["why"])
