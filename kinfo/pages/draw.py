"""Spans and marks on an axis of addresses, as shapes: what an SVG is made of.

The axis is not to scale: memory of gigabytes and a record of 472 bytes stand on one page. Every stretch between two addresses
that something begins or ends at is as high as the logarithm of its size asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log2
from typing import NamedTuple

_LEAST, _MOST = 7.0, 34.0  # of a stretch, in the drawing's units
_ROW = 15.0  # between two labels
_TOP = 14.0
_COLUMN, _GAP, _LEFT = 56.0, 10.0, 8.0
_LEADER = 46.0
_LETTER = 6.7  # the widest that a letter of the labels is
_ROOM = 8.0


class DrawnSpan(NamedTuple):
    """Addresses that something takes: from `start` up to `end`, in column `lane`, drawn as `kind` (a CSS class)."""

    start: int
    end: int
    name: str
    kind: str
    lane: int
    anchor: str


class DrawnMark(NamedTuple):
    """One address with a name."""

    at: int
    name: str
    kind: str
    anchor: str


class Box(NamedTuple):
    """A rectangle; `name` says what it is to whoever points at it."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    name: str


class Label(NamedTuple):
    """A text at (x, y), and the leader line to it as points."""

    x: float
    y: float
    text: str
    kind: str
    anchor: str
    leader: str


class Drawing(NamedTuple):
    """All shapes, and how much room they take."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    labels: tuple[Label, ...]


def drawn(spans: Sequence[DrawnSpan], marks: Sequence[DrawnMark]) -> Drawing:
    """The shapes of spans and marks. Labels keep the order of their addresses, so that no leader crosses another."""
    axis = _Axis([*(one.start for one in spans), *(one.end for one in spans), *(one.at for one in marks)])
    lanes = 1 + max((one.lane for one in spans), default=0)
    right = _LEFT + lanes * (_COLUMN + _GAP)
    boxes = [
        Box(
            _LEFT + one.lane * (_COLUMN + _GAP),
            axis.y(one.start),
            _COLUMN,
            max(axis.y(one.end) - axis.y(one.start), 2.0),
            one.kind,
            f"{one.name}: {one.start:#x} - {one.end:#x}",
        )
        for one in spans
    ]
    pointed = sorted(
        [
            *((one.start, _LEFT + one.lane * (_COLUMN + _GAP) + _COLUMN, one.name, one.kind, one.anchor) for one in spans),
            *((one.at, _edge(one.at, spans), one.name, one.kind, one.anchor) for one in marks),
        ],
        key=lambda one: (one[0], one[1]),
    )
    heights = spread([axis.y(one[0]) for one in pointed], _ROW, _TOP)
    labels = []
    for (at, from_x, name, kind, anchor), y in zip(pointed, heights, strict=True):
        leader = f"{from_x:.0f},{axis.y(at):.1f} {right:.0f},{axis.y(at):.1f} {right + _LEADER - 4:.0f},{y:.1f}"
        labels.append(Label(right + _LEADER, y, f"{at:#x}  {name}", kind, anchor, leader))
    widest = max((len(one.text) for one in labels), default=0) * _LETTER
    bottom = max((axis.height, *(one.y for one in labels)))
    return Drawing(right + _LEADER + widest + _ROOM, bottom + _TOP, tuple(boxes), tuple(labels))


def _edge(address: int, spans: Sequence[DrawnSpan]) -> float:
    """The right edge of the outermost column that has the address in something."""
    lane = max((one.lane for one in spans if one.start <= address <= one.end), default=-1)
    return _LEFT + (lane + 1) * (_COLUMN + _GAP) - _GAP


def spread(wanted: Sequence[float], least: float, top: float) -> list[float]:
    """MapPlaces in the order of those wanted, none less than `least` below another, none above `top`; near to where wanted.

    Those that want the same room share what is around it: groups that touch are moved as one, so that their mean stays.
    """
    groups: list[tuple[float, int]] = []  # the first one's place, and how many there are
    for at, place in enumerate(wanted):
        first, count = max(place, top), 1
        while groups and groups[-1][0] + groups[-1][1] * least > first:
            count += groups.pop()[1]
            members = wanted[at + 1 - count : at + 1]
            first = max(top, sum(one - least * number for number, one in enumerate(members)) / count)
        groups.append((first, count))
    return [first + least * number for first, count in groups for number in range(count)]


class _Axis:
    """From addresses to heights."""

    def __init__(self, addresses: Sequence[int]) -> None:
        self._places: dict[int, float] = {}
        y = _TOP
        ordered = sorted(set(addresses))
        if ordered:
            self._places[ordered[0]] = y
        for one, after in pairwise(ordered):
            y += min(_MOST, max(_LEAST, 2.2 * (log2(after - one) - 7)))
            self._places[after] = y
        self.height = y

    def y(self, address: int) -> float:
        """The height of an address that something begins or ends at."""
        return self._places[address]
