"""kallsyms by its content, where nothing points at it: the token index rises 256 times from 0, and the rest lies around it.

scripts/kallsyms.c writes the tables in two orders. Until 6.3: offsets, relative_base, num_syms, names, markers, seqs (6.1
on), token_table, token_index; since 6.4 num_syms, names, markers, token_table, token_index, offsets, relative_base (until
6.19), seqs. Kernels of 64 bits alone are looked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from kinfo.errors import HoleError
from kinfo.kernel.kallsyms.addresses import numbers
from kinfo.memory import Memory

if TYPE_CHECKING:
    import numpy as np

_TOKENS = 256
_INDEX_SIZE = 2 * _TOKENS
_LONGEST_TOKEN = 64
_MOST_INDICES = 64  # that look like one in a memory: each boot leaves one
_BLOCK = (2 * _TOKENS, _TOKENS * 514)  # bytes that 256 names take, at least and at most
_BEFORE = 5 << 20  # bytes before the token table in which markers are looked for: seqs_of_names of 1.5 million symbols
_MOST_SYMBOLS = 1 << 20


class Found(NamedTuple):
    """PAs of the tables that were found, and how many symbols there are. `counter` is the bytes of num_syms and a marker."""

    num_syms_at: int
    names: int
    markers: int
    token_table: int
    token_index: int
    num_syms: int
    counter: int

    @property
    def address_tables(self) -> Iterator[tuple[int, int]]:
        """Where the address table can be, and the bytes of an entry: behind the token index, or before num_syms."""
        behind = self.token_index + _INDEX_SIZE
        yield behind, 4
        yield self.num_syms_at - 8 - (4 * self.num_syms + 7) // 8 * 8, 4
        yield behind, 8
        yield self.num_syms_at - 8 * self.num_syms, 8


def find(memory: Memory) -> Iterator[Found]:
    """The tables in a memory, of every kernel that left them."""
    count = 0
    for index in _indices(memory):
        count += 1
        if count > _MOST_INDICES:
            return
        if (table := _token_table(memory, index)) is None:
            continue
        for markers, amount, counter in _markers(memory, table):
            yield from _names(memory, Found(0, 0, markers, table, index, amount, counter))


def _indices(memory: Memory) -> Iterator[int]:
    """PAs of what rises 256 times from 0."""
    import numpy as np

    for start, window in memory.as_dump.windows():
        skip = -start % 4
        words = np.frombuffer(window, "<u4", (len(window) - skip) // 4, skip)
        for at in _rising(words):
            place = start + skip + 4 * int(at)
            raw = bytes(memory.view_up_to(place, _INDEX_SIZE))
            if len(raw) == _INDEX_SIZE and all(
                low < high <= low + _LONGEST_TOKEN for low, high in pairwise(numbers(memoryview(raw), "H"))
            ):
                yield place


def _rising(words: np.ndarray) -> np.ndarray:
    """Indices of words that hold 0 and a small number, with two larger ones in the next."""
    import numpy as np

    begin = np.flatnonzero((words & 0xFFFF == 0) & (words - 0x10000 < _LONGEST_TOKEN << 16))
    begin = begin[begin + 1 < len(words)]
    second, third, fourth = words[begin] >> 16, words[begin + 1] & 0xFFFF, words[begin + 1] >> 16
    return begin[(second < third) & (third < fourth) & (fourth <= 3 * _LONGEST_TOKEN)]


def _token_table(memory: Memory, index_at: int) -> int | None:
    """PA of the table that an index is of: every token begins behind a NUL, and the last ends where the index begins."""
    index = numbers(memory.view(index_at, _INDEX_SIZE), "H")
    size = index[_TOKENS - 1] + _LONGEST_TOKEN + 8
    try:
        raw = bytes(memory.view(index_at - size, size))
    except HoleError:
        return None
    for start in range((index_at - size) % 4 and 4 - (index_at - size) % 4, _LONGEST_TOKEN + 8, 4):
        ends = (start + offset - 1 for offset in index[1:])
        if all(raw[end] == 0 for end in ends) and raw[start : start + index[_TOKENS - 1]].count(0) == _TOKENS - 1:
            return index_at - size + start
    return None


def _markers(memory: Memory, table: int) -> Iterator[tuple[int, int, int]]:
    """PA of markers before a token table, how many, and the bytes of one: a run from 0 up, in steps as of blocks of names."""
    import numpy as np

    size = min(_BEFORE, table)
    segment = bytes(_held_before(memory, table, size))
    for counter, code in ((4, "<u4"), (8, "<u8")):
        whole = len(segment) // counter * counter
        words = np.frombuffer(segment[len(segment) - whole :], code).astype("i8")
        steps = np.diff(words)
        is_step = (steps >= _BLOCK[0]) & (steps <= _BLOCK[1])
        for first in np.flatnonzero(words[:-1] == 0)[::-1]:
            if not is_step[first]:
                continue
            rest = np.flatnonzero(~is_step[first:])
            amount = int(rest[0]) + 1 if len(rest) else len(words) - int(first)
            yield table - whole + counter * int(first), amount, counter
            break


def _held_before(memory: Memory, end: int, most: int) -> memoryview:
    """What the memory holds right before a PA, up to so many bytes."""
    size = most
    while size:
        try:
            return memory.view(end - size, size)
        except HoleError:
            size //= 2
    return memoryview(b"")


def _names(memory: Memory, found: Found) -> Iterator[Found]:
    """The same with names and num_syms: the number lies right before the names, and the last marker tells how far back."""
    count, counter, markers = found.num_syms, found.counter, found.markers
    last = memory.number(markers + counter * (count - 1), counter)
    least, most = _TOKENS * (count - 1) + 1, min(_TOKENS * count, _MOST_SYMBOLS)
    raw = _held_before(memory, markers - last, _BLOCK[1] + 8)
    start = markers - last - len(raw)
    for offset in range(len(raw) - len(raw) % 4 - (start % 4), 0, -4):
        number = int.from_bytes(raw[offset : offset + 4], "little")
        if least <= number <= most:
            for gap in (8, 4):
                place = start + offset + gap
                if place + last < markers:
                    yield found._replace(num_syms_at=start + offset, names=place, num_syms=number)
