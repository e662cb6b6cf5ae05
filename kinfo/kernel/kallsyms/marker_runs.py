"""kallsyms_markers where nothing says where it is: a run of numbers from 0 up, in steps of what 256 names take.

It lies in front of the token table, or of seqs_of_names that lies in front of that (6.2 and 6.3, 6.1.y): scripts/kallsyms.c.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinfo.arch.address import align
from kinfo.kernel.kallsyms.addresses import numbers
from kinfo.kernel.kallsyms.tables import MARKED
from kinfo.named import NamedTuple

LEAST, MOST = MARKED * 2, MARKED * 514  # bytes of names between two markers
_REACH = 24 << 20  # of names and markers of the largest kernels, together
_MOST_RUNS = 64
_MOST_MARKERS = 1 << 14  # 4 Mi symbols
_SEQ = 3  # bytes of seqs_of_names for each symbol
_MOST_ZEROS = 4096  # that are looked at between the tables
_PART = 1 << 20


class MarkerRun(NamedTuple):
    """Numbers that can be markers: offset of the first, how many, bytes of each, and the last."""

    at: int
    length: int
    size: int
    last: int


def runs(data: memoryview, end: int) -> Iterator[MarkerRun]:
    """The runs in front of the token table at `end`; an offset in `data` is a multiple of 8 where its address is one.

    Those that fill the room between their neighbours come first: they are found without a look at all the memory there. Of
    runs of one length numbers of 8 bytes (before 4.20) come first, because they can pass for two of 4.
    """
    for size in (8, 4):
        for padding in (0, 4):
            if run := _ending(data, end - padding, size):
                yield run
    yield from _before_seqs(data, end)
    found = [run for size in (8, 4) for run in _everywhere(data, end, size)]
    yield from sorted(found, key=lambda run: -run.length)


def _ending(data: memoryview, end: int, size: int) -> MarkerRun | None:
    """The run that ends at an offset."""
    start = max(end - _MOST_MARKERS * size, end % size)
    listed = numbers(data[start : max(start, end)], "Q" if size == 8 else "I") if end > start else ()
    place = len(listed) - 1
    while place > 0 and listed[place] and LEAST <= listed[place] - listed[place - 1] <= MOST:
        place -= 1
    length = len(listed) - place
    return MarkerRun(start + place * size, length, size, listed[-1]) if length > 1 and listed[place] == 0 else None


def _before_seqs(data: memoryview, end: int) -> Iterator[MarkerRun]:
    """Runs of four bytes with so much room behind them as seqs_of_names takes for their symbols."""
    looked = 0
    for start in range(end - _PART, max(end - _REACH, 0) - _PART, -_PART):
        first = max(start, 0)
        part = bytes(data[first : start + _PART + 4])
        at = part.rfind(b"\0\0\0\0")
        while at >= 0 and looked < _MOST_ZEROS:
            looked += 1
            if (first + at) % 4 == 0:
                yield from _with_seqs(first + at, _rising(data, first + at, end), end)
            at = part.rfind(b"\0\0\0\0", 0, at + 3)


def _rising(data: memoryview, start: int, end: int) -> Sequence[int]:
    """The numbers from an offset on, as long as they rise as markers do."""
    listed = numbers(data[start : min(end // 4 * 4, start + 4 * _MOST_MARKERS)], "I")
    length = 1
    while length < len(listed) and LEAST <= listed[length] - listed[length - 1] <= MOST:
        length += 1
    return listed[:length]


def _with_seqs(start: int, listed: Sequence[int], end: int) -> Iterator[MarkerRun]:
    """As many of the numbers as leave the room that their symbols' seqs take: the first of these may pass for a marker."""
    guess = (end - start) // (4 + _SEQ * MARKED)
    for length in (guess, guess + 1):
        room = end - align(start + 4 * length, 8)
        is_filled = (length - 1) * MARKED < room // _SEQ and room - 7 <= length * MARKED * _SEQ
        if 1 < length <= len(listed) and is_filled:
            yield MarkerRun(start, length, 4, listed[length - 1])


def _everywhere(data: memoryview, end: int, size: int) -> Iterator[MarkerRun]:
    """Every run, the longest first."""
    import numpy as np

    start = align(max(end - _REACH, 0), 8)
    listed = np.frombuffer(data, f"<u{size}", (end - start) // size, start)
    steps = listed[1:] - listed[:-1]  # what falls becomes a huge step
    rising = (steps >= LEAST) & (steps <= MOST)
    firsts = np.flatnonzero((listed[:-1] == 0) & rising)
    breaks = np.append(np.flatnonzero(~rising), len(steps))
    lasts = breaks[np.searchsorted(breaks, firsts)]
    for index in map(int, np.argsort(firsts - lasts, kind="stable")[:_MOST_RUNS]):
        first, last = int(firsts[index]), int(lasts[index])
        yield MarkerRun(start + first * size, last - first + 1, size, int(listed[last]))
