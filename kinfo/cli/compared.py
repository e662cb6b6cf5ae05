"""What `kinfo compare` writes, pair by pair as they come: no more than one pair is held, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from kinfo.cli import common
from kinfo.cli.words import safe
from kinfo.report.compare import alone_data, line, pair_data, render

if TYPE_CHECKING:
    from kinfo.diff.folders import Alone
    from kinfo.diff.model import Compared
    from kinfo.report.judged import Judged


def write_text(compared: Iterable[Compared], alone: Sequence[Alone], *, every: bool, many: bool) -> None:
    """A line for a pair that passes among many, else the whole screen; the files without a partner, and a summary."""
    style, width = common.style(), common.width()
    count = refused = 0
    for one in compared:
        count, refused = count + 1, refused + one.is_refused
        if many and not one.raised:
            common.write(line(one, style))
        else:
            common.write(render(one, style, every=every, width=width) + ("\n" if many else ""))
    for each in alone:
        word = style.severity(each.finding.severity, each.finding.severity.value)
        common.write(f"{word}  {each.finding.code}  {safe(each.name)}: {safe(each.finding.message)}\n")
    if many:
        common.write(f"{count} pairs: {refused} differ, {count - refused} pass; {len(alone)} without a partner\n")


def write_as(form: str, compared: Iterable[Compared], alone: Sequence[Alone], *, strict: bool) -> None:
    """The document in a format for programs; nothing where there is nothing in it."""
    rest = iter(compared)
    first = next(rest, None)
    if first is None and not alone:
        return
    pairs = rest if first is None else chain((first,), rest)
    for part in _parts(form, pairs, alone, strict=strict):
        common.write(part)


def _parts(form: str, pairs: Iterator[Compared], alone: Sequence[Alone], *, strict: bool) -> Iterator[str]:
    if form in ("json", "yaml"):
        return _document(form, pairs, alone)
    from kinfo.report import judged

    subjects = _subjects(pairs, alone)
    if form == "junit":
        return judged.junit_parts(subjects, strict=strict)
    return judged.sarif_parts(subjects) if form == "sarif" else judged.github_parts(subjects)


def _subjects(pairs: Iterator[Compared], alone: Sequence[Alone]) -> Iterator[Judged]:
    from kinfo.report.judged import Judged

    for one in pairs:
        yield Judged("compare", one.new, None, one.findings)
    for each in alone:
        yield Judged("compare", each.path, None, (each.finding,))


def _document(form: str, pairs: Iterator[Compared], alone: Sequence[Alone]) -> Iterator[str]:
    from kinfo.report.document import SCHEMA_VERSION

    listed = (("pairs", map(pair_data, pairs)), ("alone", (alone_data(safe(one.name), one.finding) for one in alone)))
    if form == "yaml":
        yield f"schema_version: {SCHEMA_VERSION}\n"
        for name, items in listed:
            yield from _items(f"{name}:\n", lambda item: common.as_yaml([item]), "", items, f"{name}: []\n", "")
        return
    yield f'{{\n  "schema_version": {SCHEMA_VERSION}'
    for name, items in listed:
        yield from _items(f',\n  "{name}": [\n', _json, ",\n", items, f',\n  "{name}": []', "\n  ]")
    yield "\n}\n"


def _json(item: dict[str, Any]) -> str:
    text = common.as_json(item).rstrip("\n")
    return "".join(f"    {one}" for one in text.splitlines(keepends=True))


def _items(
    head: str, shown: Callable[[Any], str], between: str, items: Iterable[Any], empty: str, tail: str
) -> Iterator[str]:
    """A list's head, its items as they come, its tail; `empty` instead of these where there are none."""
    lead = head
    for item in items:
        yield lead + shown(item)
        lead = between
    yield empty if lead is head else tail
