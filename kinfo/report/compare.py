"""Comparisons as a table side by side, and as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from kinfo.diff.model import Compared, Comparison, Difference, Kind
from kinfo.findings import Finding, Severity
from kinfo.printable import printable as safe
from kinfo.record.shown import words
from kinfo.report.side_by_side import Side, side_by_side
from kinfo.report.style import Style
from kinfo.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinfo.diff.crosscheck import Crossed, Third
    from kinfo.diff.folders import Alone
    from kinfo.report.judged import Judged

_COLOURS = {Kind.REGRESSION: ("bold", "red"), Kind.SAME: ("dim",), Kind.WRITER: ("yellow",)}


def render(one: Compared, style: Style, *, every: bool) -> str:
    """The whole screen for one pair; `every`: with the fields that are the same."""
    comparison = one.comparison
    shown = [each for each in comparison.differences if every or each.kind is not Kind.SAME]
    old, new = style.paint(safe(one.old), "bold"), style.paint(safe(one.new), "bold")
    lines = [f"{old} ({comparison.old_layout}) against {new} ({comparison.new_layout})"]
    lines.append(f"  {_related(comparison)}; {_counts(comparison)}")
    if shown:
        rows = [_row(each, each.words) for each in shown]
        lines += ["", *side_by_side(("old", "new"), rows, style)]
    lines += ["", *_verdict(one, style)]
    return "\n".join(lines) + "\n"


def crossed_text(crossed: Crossed, found: Sequence[Finding], style: Style) -> str:
    """What two drivers leave, side by side, with what a real one left where that is there."""
    comparison, third = crossed.comparison, crossed.third
    name = safe(third.name) if third else ""
    up, down = crossed.upstream.driver, crossed.downstream.driver
    ours, theirs = (
        f"{style.paint(up, 'bold')} ({comparison.old_layout})",
        f"{style.paint(down, 'bold')} ({comparison.new_layout})",
    )
    lines = [f"{ours} against {theirs}: {_counts(comparison)}"]
    if third:
        lines.append(f"  {name} against {up}: {_counts(third.against_upstream)}")
        lines.append(f"  {name} against {down}: {_counts(third.against_downstream)}")
    shown = [each for each in comparison.differences if each.kind is not Kind.SAME or _stands_apart(each, third)]
    if shown:
        rows = [_row(each, (*each.words, *_of_third(each.field, third))) for each in shown]
        lines += ["", *side_by_side((up, down, *((name,) if third else ())), rows, style)]
    bad = [finding for finding in found if finding.severity is Severity.ERROR]
    lines += ["", *(f"{style.severity(one.severity, 'error')}  {one.code}  {one.where}: {one.message}" for one in bad)]
    if not bad:
        lines.append(f"{style.paint('passes', 'bold', 'green')}: every difference has its reason")
    return "\n".join(lines) + "\n"


def _of_third(field: str, third: Third | None) -> tuple[object, ...]:
    if third is None:
        return ()
    return (words(field, third.fields[field]) if field in third.fields else None,)


def _stands_apart(each: Difference, third: Third | None) -> bool:
    return third is not None and each.field in third.fields and third.fields[each.field] != each.old


def _row(each: Difference, values: tuple[object, ...]) -> Side:
    reason = each.reason + (f" [{each.source}]" if each.source else "")
    return Side(each.field, values, each.kind.value, reason, _COLOURS.get(each.kind, ()))


def crossed_document(crossed: Crossed, found: Sequence[Finding]) -> dict[str, Any]:
    """The same as plain data: the shape of a compared pair, with the third record's comparisons."""
    from kinfo.report.document import SCHEMA_VERSION, finding_data

    third = crossed.third
    return {
        "schema_version": SCHEMA_VERSION,
        "upstream": crossed.upstream.driver,
        "downstream": crossed.downstream.driver,
        "layouts": [crossed.comparison.old_layout, crossed.comparison.new_layout],
        "differences": _rows_data(crossed.comparison),
        "dump": None
        if third is None
        else {
            "name": safe(third.name),
            "against_upstream": _rows_data(third.against_upstream),
            "against_downstream": _rows_data(third.against_downstream),
        },
        "findings": [finding_data(finding) for finding in found],
    }


def crossed_judged(crossed: Crossed, found: tuple[Finding, ...]) -> Judged:
    """The same for the formats of findings."""
    from kinfo.report.judged import Judged

    return Judged("crosscheck", f"{crossed.upstream.driver}-{crossed.downstream.driver}", None, found)


def _rows_data(comparison: Comparison) -> list[dict[str, Any]]:
    return [_row_data(each) for each in comparison.differences]


def _row_data(each: Difference) -> dict[str, Any]:
    old, new = each.words
    return {
        "field": each.field,
        "old": old,
        "new": new,
        "kind": each.kind.value,
        "reason": each.reason,
        "source": each.source,
    }


def line(one: Compared, style: Style) -> str:
    """One line for a pair that is one of many."""
    word = style.paint("differs", "bold", "red") if one.is_refused else style.paint("passes", "green")
    return f"{style.paint(safe(one.new), 'bold')}: {word}; {_counts(one.comparison)}\n"


def pair_data(one: Compared) -> dict[str, Any]:
    """A pair as JSON and YAML show it; docs/compare.schema.json describes the whole document."""
    from kinfo.report.document import finding_data

    return {
        "old": safe(one.old),
        "new": safe(one.new),
        "layouts": [one.comparison.old_layout, one.comparison.new_layout],
        "same_build": one.comparison.same_build,
        "slide": one.comparison.slide,
        "passes": not one.is_refused,
        "differences": _rows_data(one.comparison),
        "findings": [finding_data(finding) for finding in one.findings],
    }


def alone_data(name: str, finding: Finding) -> dict[str, Any]:
    """A file that only one of two folders has, likewise."""
    from kinfo.report.document import finding_data

    return {"name": name, "finding": finding_data(finding)}


def document(compared: Iterable[Compared], alone: Iterable[Alone]) -> dict[str, Any]:
    """The document of all pairs, each of which is made when it is asked for."""
    from kinfo.report.document import SCHEMA_VERSION

    return {
        "schema_version": SCHEMA_VERSION,
        "pairs": map(pair_data, compared),
        "alone": (alone_data(safe(one.name), one.finding) for one in alone),
    }


def documents(compared: Iterable[Compared], alone: Iterable[Alone]) -> Iterator[dict[str, Any]]:
    """A document of each pair, and of each file without a partner: of the same shape."""
    for one in compared:
        yield document((one,), ())
    for each in alone:
        yield document((), (each,))


def judged(compared: Iterable[Compared], alone: Iterable[Alone]) -> Iterator[Judged]:
    """The same for the formats of findings."""
    from kinfo.report.judged import Judged

    for one in compared:
        yield Judged("compare", one.new, None, one.findings)
    for each in alone:
        yield Judged("compare", each.path, None, (each.finding,))


def _related(comparison: Comparison) -> str:
    if comparison.same_build is None:
        return "not known whether the same build"
    if not comparison.same_build:
        return "another build"
    if comparison.slide is None:
        return "the same build"
    return f"the same build, {'loaded at the same place' if not comparison.slide else f'moved by {comparison.slide:+#x}'}"


def _counts(comparison: Comparison) -> str:
    counts = Counter(each.kind for each in comparison.differences)
    return ", ".join(f"{counts[kind]} {kind.value}" for kind in Kind if counts[kind])


def _verdict(one: Compared, style: Style) -> Iterator[str]:
    for finding in one.raised:
        word = style.severity(finding.severity, finding.severity.value)
        yield f"{word}  {finding.code}  {finding.where}: {finding.message}"
    if one.is_refused:
        yield "wanted changes go into the baseline: kinfo compare --update-baseline DIR RECORD"
    elif one.raised:
        yield f"{style.paint('passes', 'bold', 'yellow')}, with {len(one.raised)} new warnings; --strict refuses them"
    else:
        yield f"{style.paint('passes', 'bold', 'green')}: nothing differs that should not"
