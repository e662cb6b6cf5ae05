"""Which layout a record has, how sure that is, and which others remain.

No layout says its name, and XOR does not authenticate a length, so every layout is laid over the bytes and its evidence
added up. What cannot be told apart is said: as rivals, with the fields they disagree on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cached_property

from kinfo.frozen import Frozen
from kinfo.record.checksum import Checksum, State
from kinfo.record.evidence import CONTRADICTION, Evidence, Subject, Window, body, frame
from kinfo.record.layouts import LAYOUTS
from kinfo.record.model import Layout, Value
from kinfo.writer_rows.android import PREVALENCE

RIVAL_MARGIN = 20  # a candidate this close to the best one is a rival
DAMAGED_MARGIN = 60  # and this close where no sum holds: one corrupt word takes so much from the right one
CLEAR_MARGIN = 5  # the least lead that makes the best one likely
GIVE_UP = -50  # a layout with this much against it is not looked at any further
SENSE = 15  # the least weight of a record whose checksum does not hold
SENSE_WITHOUT_MAGIC = 30  # and of one whose magic is not there either
DOUBT = -20  # one observation with this much against it, and the best layout is not certain


class Confidence(Enum):
    """How sure the layout is."""

    CERTAIN = "certain"
    LIKELY = "likely"
    AMBIGUOUS = "ambiguous"


class Candidate(Frozen):
    """One layout with what was read under it, the evidence for and against it, and that added up."""

    layout: Layout
    values: Mapping[str, Value]
    checksum: Checksum
    evidence: tuple[Evidence, ...]
    points: int
    body_points: int
    is_truncated: bool
    has_body: bool

    @cached_property
    def contradictions(self) -> int:
        """How many things are there that no known writer of this layout leaves."""
        return sum(item.points <= CONTRADICTION for item in self.evidence)

    @property
    def is_contradicted(self) -> bool:
        """Whether something is there that no known writer of this layout leaves."""
        return self.contradictions > 0

    @property
    def is_one_bit_off(self) -> bool:
        """Whether all of it is there, and its sum holds but for one bit."""
        return not self.is_truncated and self.checksum.state is State.MISMATCH and self.checksum.flipped_bit is not None

    @property
    def makes_sense(self) -> bool:
        """Whether the bytes are this layout at all, rather than noise behind a magic."""
        if not self.has_body:
            return False
        if (
            self.checksum.state.verified
            or self.checksum.holds_but_for_the_magic
            or (self.is_truncated and self.values["magic_number"])
        ):
            return self.points > 0
        return self.points >= (SENSE if self.values["magic_number"] else SENSE_WITHOUT_MAGIC)


class Detection(Frozen):
    """Every candidate, best first, and the bytes they were read from."""

    candidates: tuple[Candidate, ...]
    window: Window

    @property
    def best(self) -> Candidate:
        """The candidate with the most evidence."""
        return self.candidates[0]

    @cached_property
    def rivals(self) -> tuple[Candidate, ...]:
        """The candidates that the evidence does not rule out beside the best one."""
        return tuple(
            other
            for other in self.candidates[1:]
            if (_rivals_proven if self.best.checksum.state.verified else self._rivals_damaged)(self.best, other)
        )

    def _rivals_damaged(self, best: Candidate, other: Candidate) -> bool:
        return _rivals_damaged(best, other) or (not best.is_truncated and _fits_as_cut(best, other.layout, self.window))

    @cached_property
    def confidence(self) -> Confidence:
        """Certain, likely or ambiguous."""
        best = self.best
        if self.rivals and (best.is_contradicted or best.points - self.rivals[0].points < CLEAR_MARGIN):
            return Confidence.AMBIGUOUS
        is_proven = best.checksum.state.verified and all(item.points > DOUBT for item in best.evidence)
        return Confidence.CERTAIN if is_proven and not self.rivals else Confidence.LIKELY

    def under(self, layout: Layout) -> Candidate:
        """The candidate for one layout."""
        return next(candidate for candidate in self.candidates if candidate.layout is layout)


def _is_close(best: Candidate, other: Candidate) -> bool:
    return best.points - other.points < RIVAL_MARGIN and (best.is_contradicted or not other.is_contradicted)


def _rivals_proven(best: Candidate, other: Candidate) -> bool:
    """Whether another layout can be the truth although the best one's sum holds.

    A longer record that was cut, or whose end was overwritten, can leave a shorter one's sum right: XOR does not see zeros.
    """
    if other.checksum.state.verified:
        return _is_close(best, other)
    if other.is_truncated:
        return not other.is_contradicted and other.body_points > best.body_points
    is_longer = other.layout.size > best.layout.size and other.is_one_bit_off
    return is_longer and other.contradictions <= 1 and best.body_points - other.body_points < DAMAGED_MARGIN


def _adds_only_zeros(best: Candidate, other: Candidate) -> bool:
    """Whether another layout begins as the best one, and has nothing but zeros behind it."""
    names = tuple(best.layout.by_name)
    more = [value for name, value in other.values.items() if name not in best.values]
    return names == tuple(other.layout.by_name)[: len(names)] and not any(any(v) if isinstance(v, tuple) else v for v in more)


def _rivals_damaged(best: Candidate, other: Candidate) -> bool:
    """Whether another layout can be the truth where no sum holds: something was corrupted, and may have spoken for it."""
    if best.is_truncated:
        return _is_close(best, other)
    if _adds_only_zeros(best, other):
        return True
    return best.points - other.points < DAMAGED_MARGIN and other.contradictions <= max(1, best.contradictions)


def _fits_as_cut(best: Candidate, layout: Layout, window: Window) -> bool:
    """Whether a longer layout fits as far as the bytes go before the zeros: a record that was cut, and padded again."""
    there = window.filled(layout.size)
    last = next((field for field in layout.fields if field.offset < there <= field.end), None)
    if last is None or last.end == layout.size:
        return False
    least = best.body_points - DAMAGED_MARGIN
    return any(_is_above(least, layout, window.cut(end)) for end in (last.end, last.offset))  # whole, or half of it


def _is_above(least: int, layout: Layout, window: Window) -> bool:
    """Whether a layout is not contradicted, and what its fields say weighs more than so much."""
    subject, points = _subject(layout, window), 0
    for item in body(subject):
        points += item.points
        if item.points <= CONTRADICTION or (points <= GIVE_UP and points <= least):
            return False
        if points <= GIVE_UP:
            return True
    return points > least and all(item.points > CONTRADICTION for item in frame(subject))


def detect(data: bytes, *, is_end: bool, forced: Layout | None = None) -> Detection | None:
    """Weigh every layout against the bytes, which begin with the record and should go on to the end of its region.

    `is_end` says that the dump ends with them; `forced` is a layout to weigh whatever the magic is. A window of 2 KiB is
    enough: more is not looked at. None when the first bytes are no record's head, whatever the layout.
    """
    return detect_in(Window(bytes(data), is_end=is_end), forced=forced)


def detect_in(window: Window, *, forced: Layout | None = None) -> Detection | None:
    """The same of a window, which may write down what is asked of it."""
    layouts = [layout for layout in LAYOUTS if layout is forced or _is_worth_weighing(layout, window)]
    candidates = [_weigh(layout, window) for layout in layouts]
    return Detection(_ranked(candidates), window) if candidates else None


def _ranked(candidates: list[Candidate]) -> tuple[Candidate, ...]:
    """Best first; a layout that only its sum speaks for yields to a longer one that the file cuts (A6v2 sums as A5)."""
    ranked = sorted(candidates, key=lambda candidate: -candidate.points)
    best = ranked[0]
    if best.is_contradicted and best.checksum.state.verified:
        cut = [one for one in ranked if one.is_truncated and one.body_points >= best.body_points + RIVAL_MARGIN]
        whole = [one for one in cut if not one.is_contradicted][:1]
        ranked = whole + [one for one in ranked if one not in whole]
    return tuple(ranked)


def _is_worth_weighing(layout: Layout, window: Window) -> bool:
    """A layout of that magic (one bit of it may have flipped; none may be written yet), and of the half byte 8 speaks for.

    Byte 8 is a flag in the kernel's record and the first letter of the release in the vendor block.
    """
    magic = window.word(0)
    if magic != layout.magic and magic and (magic ^ layout.magic).bit_count() != 1:
        return False
    if layout.vendor:
        return window.begins_with_text or window.is_blank(8, 72)
    return not window.begins_with_text and bool(window.look(_has_main_head, (8, 12), (16, 20)))


def _has_main_head(flags: bytes, lengths: bytes) -> bool:
    """Whether most of the kernel record's first fields are within reason: a quick look that spares noise the weighing."""
    name_len, bits = int.from_bytes(lengths[:2], "little"), int.from_bytes(lengths[2:], "little")
    return (max(flags, default=2) <= 1) + (bits in (32, 64)) + (32 <= name_len <= 1024) >= 2


def _weigh(layout: Layout, window: Window) -> Candidate:
    subject = _subject(layout, window)
    of_body, is_hopeless = _until_hopeless(body(subject))
    evidence = of_body if is_hopeless else (*of_body, *frame(subject))
    is_truncated, has_body = window.size < layout.size, not window.is_blank(8, layout.size)
    points, body_points = (sum(item.points for item in items) for items in (evidence, of_body))
    points += PREVALENCE.get(layout.alias, 0)
    return Candidate(layout, subject.values, subject.checksum, evidence, points, body_points, is_truncated, has_body)


def _subject(layout: Layout, window: Window) -> Subject:
    return Subject(layout, window, window.values(layout), window.checksum(layout))


def _until_hopeless(observations: Iterable[Evidence]) -> tuple[tuple[Evidence, ...], bool]:
    kept, points = [], 0
    for item in observations:
        kept.append(item)
        points += item.points
        if points <= GIVE_UP:
            return tuple(kept), True
    return tuple(kept), False


def differences(one: Candidate, other: Candidate) -> tuple[str, ...]:
    """The fields that two readings of the same bytes disagree on: other values, or in one of them only."""
    names = list(one.values) + [name for name in other.values if name not in one.values]
    return tuple(name for name in names if one.values.get(name) != other.values.get(name))
