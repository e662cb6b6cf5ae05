"""What a page is made of: sections of blocks, as plain data. The templates say how each looks.

Every text in here may have been written by somebody hostile: it is made printable and escaped where it is rendered, once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kinfo.pages.draw import Drawing


class LinePiece(NamedTuple):
    """A part of a line: its text, the anchor that it leads to on the page ("" for none), and what it is (a CSS class)."""

    text: str
    anchor: str = ""
    kind: str = ""


class LogLine(NamedTuple):
    """A line of a log: a name for how grave it is, and its pieces."""

    level: str
    pieces: tuple[LinePiece, ...]


class LogLines(NamedTuple):
    """A log: its newest lines (`shown`), and those before, folded; `left` says what of it is not on the page."""

    shown: tuple[LogLine, ...]
    folded: tuple[LogLine, ...] = ()
    left: str = ""
    block: str = "lines"


class PageFact(NamedTuple):
    """A name with what is known of it; `note` says from where, or what it means."""

    name: str
    value: str
    note: str = ""
    anchor: str = ""


class FactTable(NamedTuple):
    """FactTable, one a row."""

    caption: str
    facts: tuple[PageFact, ...]
    block: str = "facts"


class Grid(NamedTuple):
    """A table; `numbers` are the columns set to the right, `anchors` the rows' own."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()
    anchors: tuple[str, ...] = ()
    left: str = ""
    block: str = "grid"


class FindingList(NamedTuple):
    """Findings, the gravest first, as documents have them."""

    findings: tuple[dict[str, Any], ...]
    block: str = "findings"


class Figure(NamedTuple):
    """A drawing, with the words that stand for it where it cannot be seen."""

    title: str
    words: str
    drawing: Drawing
    block: str = "figure"


class BarRow(NamedTuple):
    """A value, how many have it (as text), the bar's length (of 100), and what it is (a CSS class)."""

    label: str
    number: str
    length: float
    kind: str = ""


class BarList(NamedTuple):
    """Counts with bars; `left` says what is not shown."""

    caption: str
    rows: tuple[BarRow, ...]
    left: str = ""
    block: str = "bars"


class Words(NamedTuple):
    """A paragraph."""

    text: str
    block: str = "words"


class Folded(NamedTuple):
    """Blocks below a line that opens them."""

    title: str
    blocks: tuple[Any, ...]
    block: str = "folded"


class NextStep(NamedTuple):
    """A command to type next, and why."""

    command: str
    why: str


class StepList(NamedTuple):
    """Commands that go on."""

    steps: tuple[NextStep, ...]
    block: str = "steps"


class PageSection(NamedTuple):
    """A part of the page under a title of its own."""

    anchor: str
    title: str
    blocks: tuple[Any, ...]


class Input(NamedTuple):
    """A file that the page is made of."""

    name: str
    size: int | None
    sha256: str


class Page(NamedTuple):
    """A page: `level` is good, warn, bad or unknown, `verdict` the sentence on top, `strip` the facts beside it."""

    title: str
    level: str
    verdict: str
    strip: tuple[PageFact, ...]
    sections: tuple[PageSection, ...]
    inputs: tuple[Input, ...]
    version: str
