"""A survey's end, and a table summed up, as screens: counts with bars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kinfo.report import columns
from kinfo.report.columns import Column, row
from kinfo.report.style import Style
from kinfo.survey.report import Outlier, SurveyReport
from kinfo.survey.run import Surveyed

_BAR = 30  # letters of the longest bar
_MOST = 12  # lines of a subject; JSON has all
_FIELDS = 4  # of an outlier
TITLES = {
    "layouts": "Layouts",
    "states": "Checksums",
    "confidences": "How sure the layout is",
    "versions": "Kernel versions",
    "releases": "Releases",
    "writers": "Possible writers",
    "devices": "Devices",
    "severities": "Worst findings",
    "findings": "Findings",
}


def done(surveyed: Surveyed) -> str:
    """What a survey did, in a line, and what to look at."""
    kinds = ", ".join(f"{count:,} {name}" for name, count in sorted(surveyed.kinds.items()))
    added = f"{surveyed.rows:,} rows added of {surveyed.files:,} files"
    lines = [f"{surveyed.table}: {added}: {kinds}" if kinds else f"{surveyed.table}: {added}"]
    if surveyed.kept:
        lines.append(f"  {surveyed.kept:,} rows are of a run before, which did not end")
    if surveyed.skipped:
        lines.append(f"  {surveyed.skipped:,} files were not read: their rows are there, by name, size and time")
    if surveyed.repeated:
        lines.append(f"  {surveyed.repeated:,} rows were not added: they are there, with the same content")
    if changed := surveyed.changed:
        lines.append(f"  {len(changed):,} changed while they were read, as {changed[0]}: survey them again with --append")
    return "\n".join(lines) + "\n"


def render(report: SurveyReport, style: Style) -> str:
    """The screen of a table."""
    return "".join(f"{line}\n" for line in _lines(report, style))


def _lines(report: SurveyReport, style: Style) -> Iterator[str]:
    kinds = ", ".join(f"{count:,} {name}" for name, count in report.kinds.items()) or "empty"
    yield style.paint(f"{report.table}: {report.rows:,} rows: {kinds}", "bold")
    yield f"  {report.distinct:,} different records"
    for name, title in TITLES.items():
        yield from _bars(title, report.counts[name], style)
    if report.outlier_count:
        yield ""
        yield style.paint(f"Outliers: {report.outlier_count:,} records that contradict most of their release", "bold")
        yield from columns.table(_OUTLIERS, [_outlier(one) for one in report.outliers[:_MOST]], style)
        if report.outlier_count > _MOST:
            yield f"  and {report.outlier_count - _MOST:,} more: --format json has them"
    if report.since is not None:
        yield ""
        yield style.paint(f"New since {report.since}: {report.new_records:,} records", "bold")
        rows = [
            row(TITLES[name].lower(), value, f"{count:,}") for name, one in report.new.items() for value, count in one.items()
        ]
        yield from columns.table(_NEW, rows, style) if rows else ("  no value that it lacks",)


_OUTLIERS = (Column("record"), Column("state"), Column("release", is_text=True), Column("field (others)", is_text=True))
_NEW = (Column("what"), Column("value", is_text=True), Column("rows", is_right=True))


def _bars(title: str, counts: dict[str, int], style: Style) -> Iterator[str]:
    if not counts:
        return
    yield ""
    yield style.paint(title, "bold")
    most = max(counts.values())
    shown = list(counts.items())[:_MOST]
    rows = [row(f"{count:,}", "#" * max(round(count * _BAR / most), 1), value) for value, count in shown]
    yield from columns.table((Column(is_right=True), Column(room=_BAR), Column(is_text=True)), rows, style, titled=False)
    if len(counts) > _MOST:
        yield f"  and {len(counts) - _MOST:,} more"


def _outlier(one: Outlier) -> columns.Row:
    fields = [f"{name} {_shown(own)} ({_shown(theirs)})" for name, (own, theirs) in one.fields.items()]
    more = f" and {len(fields) - _FIELDS} more" if len(fields) > _FIELDS else ""
    return row(f"{one.source} at {one.offset:#x}", one.state, one.release, ", ".join(fields[:_FIELDS]) + more)


def _shown(value: object) -> str:
    return f"{value:#x}" if isinstance(value, int) and value > 9 else f"{value}"


def document(report: SurveyReport) -> dict[str, Any]:
    """The same as plain data."""
    outliers = [
        {**one._asdict(), "fields": {name: {"here": own, "others": theirs} for name, (own, theirs) in one.fields.items()}}
        for one in report.outliers
    ]
    return {"schema_version": 1, **report._asdict(), "outliers": outliers}
