"""Many blobs down a tree of questions at once: groups of like answers, which part where answers differ."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from kinfo.record.asked.blobs import Blobs, Bools
from kinfo.record.asked.vectors import Group
from kinfo.record.asked.ways import Fork, Ways

Outcome = TypeVar("Outcome")
Rows = NDArray[np.intp]

ALONE = 4  # a group of so few is followed blob by blob: numpy's calls would cost more
WORTH_KEEPING = 4  # blobs that go a new way together: a way that is kept costs some ten times what a reading does


def follow(tree: Ways[Outcome], blobs: Blobs, rows: Rows) -> tuple[list[tuple[Fork[Outcome], Rows]], Rows]:
    """The ends of ways, with outcomes, each with the rows that came there; and the rows whose way nobody went.

    These are to be read one by one.
    """
    found: list[tuple[Fork[Outcome], Rows]] = []
    unknown: list[Rows] = [np.zeros(0, np.intp)]
    waiting = [(tree.root, rows)] if len(rows) else []
    while waiting:
        node, some = waiting.pop()
        if len(some) <= ALONE:
            _one_by_one(node, blobs, some, found, unknown)
        else:
            _together(tree, node, blobs, some, waiting, found, unknown)
    return found, np.concatenate(unknown)


def _one_by_one(
    start: Fork[Outcome], blobs: Blobs, rows: Rows, found: list[tuple[Fork[Outcome], Rows]], unknown: list[Rows]
) -> None:
    for index in range(len(rows)):
        data = blobs.blob(rows[index])
        node: Fork[Outcome] | None = start
        while node is not None and node.question is not None:
            node = node.answers.get(node.answer(data))
        if node is None or node.outcome is None:
            unknown.append(rows[index : index + 1])
        else:
            found.append((node, rows[index : index + 1]))


def _together(
    tree: Ways[Outcome],
    node: Fork[Outcome],
    blobs: Blobs,
    rows: Rows,
    waiting: list[tuple[Fork[Outcome], Rows]],
    found: list[tuple[Fork[Outcome], Rows]],
    unknown: list[Rows],
) -> None:
    """Follow the way of a group's first blob; whoever answers otherwise waits at that question."""
    group, here = Group(blobs, rows), None
    while True:
        if node.question is None:
            there = group.rows if here is None else group.rows[here]
            if node.outcome is not None:
                found.append((node, there))
                return
            if len(there) < WORTH_KEEPING or not tree.grow(blobs.blob(there[0])):
                unknown.append(there)
                return
            assert not _is_blank(node), "the answer for many is not the answer for one"
            continue
        codes, answer_at = group.answers(node.question)
        first = 0 if here is None else int(here.argmax())
        alike: Bools = codes == codes[first]
        answer = answer_at(first)
        if not alike.all():
            others = ~alike if here is None else here & ~alike
            if others.any():
                waiting.append((node, group.rows[others]))
                here = alike if here is None else here & alike
                if 2 * int(here.sum()) < len(here):
                    group, here = Group(blobs, group.rows[here]), None
        node = tree.next(node, answer)


def _is_blank(node: Fork[Outcome]) -> bool:
    return node.question is None and node.outcome is None
