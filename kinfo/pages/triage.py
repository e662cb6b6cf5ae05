"""The page of one case: what crashed, the logs, chains and tasks, memory, records, boards, and what is not there."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.pages import kernels, logs, memory_map, records, trees
from kinfo.pages.documents import Document, Documents
from kinfo.pages.model import FactTable, FindingList, Page, PageFact, PageSection, StepList, Words
from kinfo.pages.places import MapPlace, MapPlaces, of_kernel, of_record, of_regions, of_tree


def page(found: Documents) -> Page:
    """The page."""
    places = MapPlaces(_places(found))
    level, verdict = _verdict(found)
    sections = (*_what_happened(found, places), *_where_things_are(found, places), *_what_is_left(found))
    shown = tuple(one for one in sections if one is not None)
    return Page(found.name, level, verdict, tuple(_strip(found)), shown, tuple(found.inputs), found.version)


def _places(found: Documents) -> Iterator[MapPlace]:
    if found.info:
        yield from of_kernel(found.info)
    for record in found.records if len(found.records) == 1 else ():
        yield from of_record(record)
    for tree in found.trees if len(found.trees) == 1 else ():
        yield from of_tree(tree)  # several boards have each a memory of its own
    if found.regions:
        yield from of_regions(found.regions)


def _what_happened(found: Documents, places: MapPlaces) -> Iterator[PageSection]:
    if found.info:
        yield kernels.crash(found.info, places)
    if found.findings:
        yield PageSection("findings", "Findings", (FindingList(tuple(found.findings)),))
    if found.text_log:
        note = (Words(found.text_log.note),) if found.text_log.note else ()
        yield PageSection("log", f"Log {found.text_log.name}", (*note, logs.of_text(found.text_log.lines, places)))
    if found.log:
        yield PageSection("kernel-log", "Kernel log", (logs.of_kernel(found.log["messages"], places, found.named),))
    if found.backtrace:
        yield kernels.chains(found.backtrace, places)
    if found.tasks:
        yield kernels.tasks(found.tasks)


def _where_things_are(found: Documents, places: MapPlaces) -> Iterator[PageSection | None]:
    yield memory_map.section(places)
    for number, record in enumerate(found.records):
        yield records.section(record, found.layouts.get(record["alias"]), number)
    if found.info and found.info.get("virtual"):
        yield kernels.space(found.info)
    for number, tree in enumerate(found.trees):
        yield trees.section(tree, number)
    if found.info and found.info.get("modules"):
        yield kernels.modules(found.info)


def _what_is_left(found: Documents) -> Iterator[PageSection]:
    if found.missing:
        facts = FactTable("What was not in the dump, or not given", tuple(PageFact(*one) for one in found.missing))
        yield PageSection("missing", "What is not there", (facts,))
    if found.steps:
        yield PageSection("next", "Next", (StepList(tuple(found.steps)),))


def _verdict(found: Documents) -> tuple[str, str]:
    crash = found.info.get("crash") if found.info else None
    if crash:
        first = crash["panic"] or next(iter(crash["oops"]), None)
        return "bad", first["text"] if first else "the kernel crashed"
    return _by_trees(found) or _by_findings(found)


def _by_trees(found: Documents) -> tuple[str, str] | None:
    outcomes = {one["outcome"] for one in found.trees}
    if "broken" in outcomes:
        return "bad", "the devicetree does not give the driver its memory"
    if "undecided" in outcomes:
        return "unknown", "whether the devicetree gives the driver its memory could not be decided"
    if outcomes == {"none"} and not found.info and not found.records:
        return "unknown", "the devicetree has no kinfo node"
    return None


def _by_findings(found: Documents) -> tuple[str, str]:
    counts = {name: sum(one["severity"] == name for one in found.findings) for name in ("error", "warning")}
    if counts["error"]:
        return "bad", _counted(counts["error"], "error")
    if found.info and found.info.get("log") is None:
        return "unknown", "what happened is not known: the kernel's log cannot be read"
    what = "no panic and no oops in the log" if found.info else "nothing is wrong with what was read"
    if counts["warning"]:
        return "warn", f"{what}; {_counted(counts['warning'], 'warning')}"
    return "good", what


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _strip(found: Documents) -> Iterator[PageFact]:
    if found.info:
        yield from kernels.strip(found.info)
    for record in found.records[:1]:
        yield from _of_record(record, has_kernel=found.info is not None)
    for tree in found.trees[:1]:
        yield PageFact("board", tree["label"], tree["outcome"])


def _of_record(record: Document, *, has_kernel: bool) -> Iterator[PageFact]:
    how = f"{record['confidence']}, checksum {record['checksum']['state']}"
    yield PageFact("record", f"{record['layout']} ({record['alias']})", how)
    if not has_kernel:
        yield PageFact("release", str(record["fields"].get("last_uts_release", "")) or "(none)")
