"""The page on a table of many records: what is wrong in it, what contradicts its build, what is new, what it holds."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from kinfo.pages.documents import Document
from kinfo.pages.model import BarList, BarRow, FactTable, Grid, NextStep, Page, PageFact, PageSection, StepList, Words

_MOST = 30  # bars of a subject
_MOST_OUTLIERS = 200
_GROUPS = (
    ("layouts", "Layouts and checksums", ("layouts", "states", "confidences")),
    ("kernels", "Kernels", ("versions", "releases")),
    ("writers", "Writers", ("writers",)),
    ("devices", "Devices", ("devices",)),
)
_KINDS = {  # what a row is, one and many of it
    "record": ("record", "records"),
    "vendor": ("vendor block", "vendor blocks"),
    "erased": ("erased region", "erased regions"),
    "none": ("file without a record", "files without a record"),
    "unread": ("file that could not be read", "files that could not be read"),
}
_GRAVE = {"mismatch": "bad", "error": "bad", "warning": "warn", "valid": "good", "none": "warn", "unread": "bad"}


def surveyed(found: Document, titles: Mapping[str, str], version: str) -> Page:
    """The page of `kinfo survey --report`; `titles` names what is counted."""
    level, verdict = _verdict(found)
    sections = (*_what_is_wrong(found, titles), *_what_is_new(found, titles), *_what_there_is(found, titles), *_next(found))
    return Page(found["table"], level, verdict, tuple(_strip(found)), sections, (), version)


def _verdict(found: Document) -> tuple[str, str]:
    kinds, severities = found["kinds"], found["counts"]["severities"]
    records = kinds.get("record", 0)
    bad = (_counted(severities.get("error", 0), "has errors", "have errors"), _of_kind(kinds, "unread"))
    doubtful = (
        _counted(severities.get("warning", 0), "has warnings", "have warnings"),
        _counted(found["outlier_count"], "contradicts its release", "contradict their release"),
        _of_kind(kinds, "none"),
    )
    words = "; ".join((_counted(records, *_KINDS["record"]) or "no record", *filter(None, (*bad, *doubtful))))
    if not records:
        return "unknown", words
    if any(bad):
        return "bad", words
    return ("warn", words) if any(doubtful) else ("good", f"{words}: nothing is wrong")


def _counted(count: int, one: str, many: str) -> str:
    """How many there are, in words; nothing where there is none."""
    return f"{count:,} {one if count == 1 else many}" if count else ""


def _of_kind(kinds: Mapping[str, int], name: str) -> str:
    return _counted(kinds.get(name, 0), *_KINDS[name])


def _strip(found: Document) -> Iterator[PageFact]:
    kinds = found["kinds"]
    yield PageFact("rows", f"{found['rows']:,}", ", ".join(_of_kind(kinds, name) for name in kinds))
    yield PageFact("different", f"{found['distinct']:,}", "records, by their SHA-256")
    for name in ("layouts", "versions", "releases", "devices"):
        if counts := found["counts"][name]:
            yield PageFact(name, f"{len(counts):,}", f"most often {next(iter(counts))}")
    if found["since"] is not None:
        yield PageFact("new", _counted(found["new_records"], *_KINDS["record"]) or "no record", f"since {found['since']}")


def _what_is_wrong(found: Document, titles: Mapping[str, str]) -> Iterator[PageSection]:
    counts = found["counts"]
    if counts["findings"]:
        worst = {name: counts["severities"][name] for name in ("error", "warning", "info") if name in counts["severities"]}
        note = Words("Rows by their worst finding, and rows with each finding.")
        blocks = (_bars(titles["severities"], worst), _bars(titles["findings"], counts["findings"]))
        yield PageSection("findings", "Findings", (note, *blocks))
    if found["outlier_count"]:
        yield PageSection("outliers", "Outliers", tuple(_outliers(found)))


def _outliers(found: Document) -> Iterator[Any]:
    shown, count = found["outliers"], found["outlier_count"]
    said = _counted(count, "record says", "records say")
    why = "in numbers that the compiler fixed, or in distances within the image"
    yield Words(f"{said} otherwise than most records of their release whose checksum is right: {why}.")
    fields = Counter(name for one in shown for name in one["fields"])
    yield _bars("Fields in which they differ", dict(fields.most_common()))
    rows = tuple(_outlier(one, name) for one in shown[:_MOST_OUTLIERS] for name in one["fields"])
    more = count - min(len(shown), _MOST_OUTLIERS)
    left = f"And {more:,} more records: --format json has up to 1,000." if more else ""
    yield Grid("Records", ("record", "offset", "checksum", "release", "field", "here", "others"), rows, (1, 5, 6), (), left)


def _outlier(one: Document, name: str) -> tuple[str, ...]:
    field = one["fields"][name]
    return (
        one["source"],
        f"{one['offset']:#x}",
        one["state"],
        one["release"],
        name,
        _shown(field["here"]),
        _shown(field["others"]),
    )


def _shown(value: object) -> str:
    return f"{value:#x}" if isinstance(value, int) and value > 9 else f"{value}"


def _what_is_new(found: Document, titles: Mapping[str, str]) -> Iterator[PageSection]:
    if found["since"] is None:
        return
    facts = FactTable(
        "What the older table does not have",
        (PageFact("older table", found["since"]), PageFact("new records", f"{found['new_records']:,}", "by their SHA-256")),
    )
    bars = tuple(_bars(f"New: {titles[name].lower()}", counts) for name, counts in found["new"].items())
    none = () if bars else (Words("No layout, release, writer, device or finding is new."),)
    yield PageSection("new", "New", (facts, *bars, *none))


def _what_there_is(found: Document, titles: Mapping[str, str]) -> Iterator[PageSection]:
    yield PageSection(
        "rows", "Rows", (_bars("What the rows are", found["kinds"], {name: many for name, (_, many) in _KINDS.items()}),)
    )
    for anchor, title, names in _GROUPS:
        blocks = tuple(_bars(titles[name], found["counts"][name]) for name in names if found["counts"][name])
        if blocks:
            yield PageSection(anchor, title, blocks)


def _bars(title: str, counts: Mapping[str, int], words: Mapping[str, str] | None = None) -> BarList:
    most = max(counts.values(), default=1)
    rows = tuple(
        BarRow((words or {}).get(value, value), f"{count:,}", 100 * count / most, _GRAVE.get(value, ""))
        for value, count in list(counts.items())[:_MOST]
    )
    more = len(counts) - len(rows)
    return BarList(title, rows, f"And {more:,} more: --format json has all." if more else "")


def _next(found: Document) -> Iterator[PageSection]:
    table = shlex.quote(found["table"])
    steps = [
        NextStep(f"kinfo explain {code}", "What the most frequent finding means")
        for code in list(found["counts"]["findings"])[:1]
    ]
    steps += [
        NextStep(
            f"kinfo decode {shlex.quote(one['source'])} --offset {one['offset']:#x}",
            "The first record that contradicts its release",
        )
        for one in found["outliers"][:1]
    ]
    if found["kinds"].get("unread"):
        steps.append(NextStep(f"kinfo survey SOURCE... -o {table} --append", "Read again what could not be read"))
    steps.append(NextStep(f"kinfo survey --report {table} --format json", "Every value, as data"))
    yield PageSection("next", "Next", (StepList(tuple(steps)),))
