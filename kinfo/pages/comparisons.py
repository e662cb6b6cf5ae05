"""Pages on two records: a compared pair or all of two folders, and the test of one driver against the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kinfo.pages.documents import Document
from kinfo.pages.model import FactTable, FindingList, Folded, Grid, Page, PageFact, PageSection

_HEAD = ("what it is", "field", "old", "new", "why")
_SAME = ("same", "moved")


def compared(found: Document, version: str) -> Page:
    """The page of `kinfo compare`: those that differ first."""
    pairs = sorted(found["pairs"], key=lambda one: one["passes"])
    alone = list(found["alone"])
    refused = sum(not one["passes"] for one in pairs)
    if len(pairs) == 1 and not alone:
        verdict = "nothing differs that should not" if not refused else "the records differ where they should not"
    else:
        verdict = f"{refused} of {len(pairs)} pairs differ where they should not; {len(alone)} without a partner"
    is_bad = refused or any(one["finding"]["severity"] == "error" for one in alone)
    sections = [_pair(one, at) for at, one in enumerate(pairs)]
    if alone:
        sections.append(PageSection("alone", "Without a partner", (FindingList(tuple(one["finding"] for one in alone)),)))
    title = f"{pairs[0]['old']} and {pairs[0]['new']}" if len(pairs) == 1 else "records of two folders"
    return Page(title, "bad" if is_bad else "good", verdict, (), tuple(sections), (), version)


def crosschecked(found: Document, version: str) -> Page:
    """The page of `kinfo crosscheck`."""
    count = sum(one["severity"] == "error" for one in found["findings"])
    unknown = f"{count} difference{' has' if count == 1 else 's have'} no reason that is known"
    verdict = unknown if count else "every difference has its reason"
    heads = ("what it is", "field", found["upstream"], found["downstream"], "why")
    blocks = (*_findings(found), *_grids(found["differences"], heads))
    sections = [PageSection("differences", f"{found['upstream']} against {found['downstream']}", blocks)]
    if third := found["dump"]:
        for name in ("upstream", "downstream"):
            rows = third[f"against_{name}"]
            heads = ("what it is", "field", found[name], third["name"], "why")
            sections.append(PageSection(f"dump-{name}", f"{third['name']} against {name}", tuple(_grids(rows, heads))))
    title = f"{found['upstream']} and {found['downstream']} on one kernel"
    return Page(title, "bad" if count else "good", verdict, (), tuple(sections), (), version)


def _pair(one: Document, at: int) -> PageSection:
    build = {None: "not known", True: "the same", False: "another one"}[one["same_build"]]
    facts = [
        PageFact("old", one["old"], f"layout {one['layouts'][0]}"),
        PageFact("new", one["new"], f"layout {one['layouts'][1]}"),
    ]
    facts += [PageFact("build", build), PageFact("outcome", "passes" if one["passes"] else "differs")]
    if one["slide"]:
        facts.append(PageFact("moved by", f"{one['slide']:+#x}"))
    blocks = (FactTable("The records", tuple(facts)), *_findings(one), *_grids(one["differences"], _HEAD))
    return PageSection(f"pair-{at}", one["new"], blocks)


def _findings(one: Document) -> Iterator[FindingList]:
    if one["findings"]:
        yield FindingList(tuple(one["findings"]))


def _grids(rows: Sequence[Document], head: tuple[str, ...]) -> Iterator[Any]:
    """The fields that differ, and those that do not, folded."""
    others = [one for one in rows if one["kind"] not in _SAME]
    same = [one for one in rows if one["kind"] in _SAME]
    if others:
        yield Grid(f"{len(others)} fields differ", head, tuple(map(_row, others)))
    if same:
        title = f"{len(same)} fields are the same, or moved with the image"
        yield Folded(title, (Grid("The same", head, tuple(map(_row, same))),))


def _row(one: Document) -> tuple[str, ...]:
    why = ", ".join(word for word in (one["reason"], one["source"]) if word)
    return (one["kind"], one["field"], *("" if one[name] is None else str(one[name]) for name in ("old", "new")), why)
