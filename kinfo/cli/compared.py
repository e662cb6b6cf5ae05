"""What `kinfo compare` writes, pair by pair as they come: no more than one pair is held, however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from kinfo.cli import common
from kinfo.cli.formats import show
from kinfo.cli.words import safe
from kinfo.report.compare import document, documents, judged, line, render
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.diff.folders import Alone
    from kinfo.diff.model import Compared


def write_text(compared: Iterable[Compared], alone: Sequence[Alone], *, every: bool, many: bool) -> None:
    """A line for a pair that passes among many, else the whole screen; the files without a partner, and a summary."""
    style = common.style()
    count = refused = 0
    for one in compared:
        count, refused = count + 1, refused + one.is_refused
        if many and not one.raised:
            common.tell(line(one, style))
        else:
            common.tell(render(one, style, every=every) + ("\n" if many else ""))
    for each in alone:
        word = style.severity(each.finding.severity, each.finding.severity.value)
        common.tell(f"{word}  {each.finding.code}  {safe(each.name)}: {safe(each.finding.message)}\n")
    if many:
        common.tell(f"{count} pairs: {refused} differ, {count - refused} pass; {len(alone)} without a partner\n")


def write_as(form: str, compared: Iterable[Compared], alone: Sequence[Alone], *, strict: bool) -> None:
    """The document in a format for programs; nothing where there is nothing in it."""
    rest = iter(compared)
    first = next(rest, None)
    if first is None and not alone:
        return
    pairs = rest if first is None else chain((first,), rest)
    show(
        form,
        lambda: document(pairs, alone),
        lambda: judged(pairs, alone),
        each=lambda: documents(pairs, alone),
        strict=strict,
    )
