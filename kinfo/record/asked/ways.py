"""The questions that were asked, as a tree: a record follows its answers down to an outcome that was worked out before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from kinfo.record.asked.questions import Answer, Question, answerer
from kinfo.record.asked.traced import Asker, UntracedError

Outcome = TypeVar("Outcome")

_MOST_NODES = 300_000  # of one tree, some 100 MB; records that are new to it are read one by one from then on


class Fork(Generic[Outcome]):
    """One question, and where each answer to it leads; or, without a question, the outcome. `before`: how one comes here."""

    __slots__ = ("answer", "answers", "before", "outcome", "question")

    def __init__(self, before: tuple[Fork[Outcome], Answer] | None = None) -> None:
        self.before = before
        self.question: Question | None = None
        self.answer: Callable[[bytes], Answer] = _unasked
        self.answers: dict[Answer, Fork[Outcome]] = {}
        self.outcome: Outcome | None = None

    def way(self) -> Iterator[tuple[Question, Answer]]:
        """The questions that lead here with their answers, the last one first."""
        before = self.before
        while before is not None:
            node, answer = before
            assert node.question is not None
            yield node.question, answer
            before = node.before


def _unasked(_: bytes) -> Answer:
    raise AssertionError("there is no question here")


class Ways(Generic[Outcome]):
    """Every way through the questions of one reading. `read` makes the outcome of a blob by asking an Asker.

    It asks the same first question of every blob, and from then on only what the answers before decide.
    """

    def __init__(self, read: Callable[[Asker], Outcome]) -> None:
        self._read = read
        self.root: Fork[Outcome] = Fork()
        self.nodes = 1

    @property
    def is_full(self) -> bool:
        """Whether no further way is kept."""
        return self.nodes >= _MOST_NODES

    def grow(self, data: bytes) -> bool:
        """Read a blob, and keep its way; False when that cannot be done."""
        if self.is_full:
            return False
        asker = Asker(data)
        try:
            outcome = self._read(asker)
        except (UntracedError, TypeError, AttributeError):  # no such operation: it is read as any
            return False
        node = self.root
        for question, answer in asker.asked.items():
            if node.question is None:
                node.question, node.answer = question, answerer(question)
            assert node.question == question, "the same answers led to another question"
            node = self.next(node, answer)
        node.outcome = outcome
        return True

    def next(self, node: Fork[Outcome], answer: Answer) -> Fork[Outcome]:
        """Where an answer leads; a node without question and outcome where nobody went yet."""
        if answer not in node.answers:
            node.answers[answer] = Fork((node, answer))
            self.nodes += 1
        return node.answers[answer]

    def find(self, data: bytes) -> Outcome | None:
        """The outcome of a blob that went a known way; None for a new one."""
        node: Fork[Outcome] | None = self.root
        while node is not None and node.question is not None:
            node = node.answers.get(node.answer(data))
        return node.outcome if node else None
