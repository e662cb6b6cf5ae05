"""One layout for two records of one kernel, where the bytes of one of them do not say for certain which they have.

Layouts C and CR differ in nothing but the meaning of one word: a driver of layout C that stops storing `_relative_pa` leaves
what CR's driver leaves. Read as two layouts the loss would not show.
"""

from __future__ import annotations

from kinfo.diff.builds import Pair
from kinfo.memory import BytesDump
from kinfo.record.detect import Confidence
from kinfo.record.layouts import LAYOUTS
from kinfo.record.locate import decode_offset
from kinfo.record.model import Layout
from kinfo.record.record import Record

_WEIGHT = {Confidence.CERTAIN: 3, Confidence.LIKELY: 2, Confidence.AMBIGUOUS: 1}


def alike(pair: Pair) -> Pair:
    """The pair with both read under one layout that fits both; as it is where none does, and for kernels of two series.

    A lost release is no other series.
    """
    if pair.old.layout is pair.new.layout or not (pair.series == 1 or pair.is_release_lost):
        return pair
    fitting = [layout for layout in LAYOUTS if all(_fits(record, layout) for record in (pair.old, pair.new))]
    if not fitting:
        return pair
    best = max(fitting, key=lambda layout: sum(_weight(record, layout) for record in (pair.old, pair.new)))
    return Pair(_read(pair.old, best), _read(pair.new, best), pair.main)


def _fits(record: Record, layout: Layout) -> bool:
    """Whether it is the record's layout, or a rival of the same size: under a shorter one, what differs could be cut off."""
    if record.layout is layout:
        return True
    is_rival = not record.is_forced and any(rival.layout is layout for rival in record.rivals)
    return is_rival and len(record.raw) == layout.size and _read(record, layout).state is record.state


def _weight(record: Record, layout: Layout) -> int:
    return _WEIGHT[record.confidence] if record.layout is layout else 0


def _read(record: Record, layout: Layout) -> Record:
    return record if record.layout is layout else decode_offset(BytesDump(record.raw), 0, layout=layout)
