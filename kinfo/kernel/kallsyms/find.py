"""Finding the kallsyms tables in a kernel image or in memory, where no symbol table and no record describes them.

The tokens "0" to "9" stand for themselves in every kernel's token table; the index behind it proves the table. From there
the markers are a rising run of numbers, the names before them end where the last marker says, and the offsets lie in one of
three places: behind the index (6.4 on), the same without a base (7.0 on), or in front of the names (before 6.4): see
scripts/kallsyms.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

from kinfo.errors import HoleError, KernelError
from kinfo.kernel.kallsyms import verify
from kinfo.kernel.kallsyms.addresses import Absolute, AbsolutePercpu, Addresses, BaseRelative, PlaceRelative
from kinfo.kernel.kallsyms.names import Names, read_tokens
from kinfo.kernel.kallsyms.tables import MARKED, Tables
from kinfo.memory import Memory
from kinfo.named import NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DIGITS = b"".join(b"%d\0" % digit for digit in range(10))
_FIRST = ord("0")
_TOKENS = 256
_TABLE_LIMIT = 1 << 16
_REACH = 24 << 20  # names, markers and seqs_of_names of the largest kernels, together
_AHEAD = 16 << 20  # and the addresses behind
_LEAST, _MOST = MARKED * 2, MARKED * 514  # bytes of names between two markers
_PLAUSIBLE = 4 << 20  # symbols
_MOST_RUNS = 64
_MOST_TRIES = 1000  # places that are looked at closely; a kernel has a handful


class FoundTables(NamedTuple):
    """The tables, in addresses of the image, and how they are to be read.

    `num_syms_at` is where the number of symbols lies, `base_at` where kallsyms_relative_base does (0: the kernel has none),
    `offsets` the table of addresses, and `form` what its numbers mean (`Values` are found in memory alone).
    """

    tables: Tables
    names: Names
    num_syms_at: int
    base_at: int
    offsets: memoryview
    form: type[Addresses]

    def addresses(self, base: int) -> Addresses:
        """The addresses of all symbols; `base` is what kallsyms_relative_base holds (of no meaning where there is none)."""
        return self.form(self.offsets, base if self.base_at else self.tables.offsets)


class Values(Addresses):
    """Run-time VAs as they are: a kernel without CONFIG_KALLSYMS_BASE_RELATIVE, as long as nothing places them."""

    form = Absolute.form
    code = "Q"
    has_base = False


def find_all(memory: Memory) -> Iterator[FoundTables]:
    """The tables of every kernel in a memory, in addresses of the memory; the first ones of a bounded number of places."""
    for at in islice(_digits(memory), _MOST_TRIES):
        segment = next(one for one in memory.segments if one.start <= at < one.end)
        start = max(segment.start, at - _REACH) // 8 * 8
        data = bytes(memory.view(start, min(segment.end, at + _AHEAD) - start))
        for index_at in _index_places(data, at - start):
            first = int.from_bytes(data[index_at + 2 * _FIRST : index_at + 2 * _FIRST + 2], "little")
            found = _verified(memory, data, start, at - start - first, index_at, with_values=True)
            if found:
                yield found


def _digits(memory: Memory) -> Iterator[int]:
    """Where the tokens "0" to "9" lie."""
    for start, window in memory.as_dump.windows():
        for one in re.finditer(re.escape(_DIGITS), window):
            yield start + one.start()


def find(memory: Memory, start: int, end: int) -> FoundTables | None:
    """The tables between two addresses of the image; None where there are none."""
    data = bytes(memory.view(start, end - start))
    at = data.find(_DIGITS)
    for _ in range(_MOST_TRIES):
        if at < 0:
            return None
        for index_at in _index_places(data, at):
            table_at = at - int.from_bytes(data[index_at + 2 * _FIRST : index_at + 2 * _FIRST + 2], "little")
            found = _verified(memory, data, start, table_at, index_at)
            if found:
                return found
        at = data.find(_DIGITS, at + 1)
    return None


def _index_places(data: bytes, at: int) -> Iterator[int]:
    """Where the token index can be: behind the 208 tokens from "0" on, at the next multiple of 4 or 8."""
    for _ in range(_TOKENS - _FIRST):
        at = data.find(b"\0", at, at + _TABLE_LIMIT) + 1
        if not at:
            return
    yield from sorted({at + -at % 8, at + -at % 4})


def _verified(
    memory: Memory, data: bytes, start: int, table_at: int, index_at: int, *, with_values: bool = False
) -> FoundTables | None:
    tables = Tables(1, 0, 0, start + table_at, start + index_at, 0, 0, 0)
    try:
        if table_at < 0:
            return None
        read_tokens(memory, tables)
    except (KernelError, HoleError):
        return None
    for named in islice(_named(memory, data, start, tables), _MOST_TRIES):
        for placed in chain(_placed(data, start, named), _values(data, start, named) if with_values else ()):
            return placed
    return None


class _Named(NamedTuple):
    """Tables without their addresses, where the number of symbols lies, and the names."""

    tables: Tables
    num_syms_at: int
    names: Names


def _named(memory: Memory, data: bytes, start: int, tables: Tables) -> Iterator[_Named]:
    """The names and their number, wherever a number of symbols, names and markers agree."""
    for one, number_at, size, is_long in islice(_candidates(data, start, tables), _MOST_TRIES):
        try:
            names = Names(memory, one, size, is_long=is_long)
            verify.names(names, one.marks)
        except (KernelError, HoleError):
            continue
        yield _Named(one, number_at, names)


def _candidates(data: bytes, start: int, tables: Tables) -> Iterator[tuple[Tables, int, int, bool]]:
    """Tables, where the number of symbols is, bytes of a marker, whether lengths take two bytes: the longest run first.

    Of runs of one length numbers of 8 bytes (before 4.20) come first, because they can pass for two of 4.
    """
    end = tables.token_table - start
    runs = [(count, size, at, last) for size in (8, 4) for at, count, last in _marker_runs(data, end, size)]
    for count, size, markers, last in sorted(runs, key=lambda run: -run[0]):
        for names_at, number, number_at in _name_places(data, markers, count, last):
            one = tables._replace(num_syms=number, names=start + names_at, markers=start + markers)
            for is_long in (True, False) if size == 4 else (False,):
                yield one, start + number_at, size, is_long


def _marker_runs(data: bytes, end: int, size: int) -> Iterator[tuple[int, int, int]]:
    """Runs that begin with 0 and rise as markers do: offset, how many, the last one. The longest first."""
    import numpy as np

    start = max(end - _REACH, 0) // 8 * 8
    numbers = np.frombuffer(data, f"<u{size}", (end - start) // size, start)
    steps = numbers[1:] - numbers[:-1]  # what falls becomes a huge step
    rising = (steps >= _LEAST) & (steps <= _MOST)
    firsts = np.flatnonzero((numbers[:-1] == 0) & rising)
    breaks = np.append(np.flatnonzero(~rising), len(steps))
    lasts = breaks[np.searchsorted(breaks, firsts)]
    for index in map(int, np.argsort(firsts - lasts, kind="stable")[:_MOST_RUNS]):
        first, last = int(firsts[index]), int(lasts[index])
        yield start + first * size, last - first + 1, int(numbers[last])


def _name_places(data: bytes, markers: int, count: int, last: int) -> Iterator[tuple[int, int, int]]:
    """Where the names can begin: behind a number of symbols that has so many markers. Offset, the number and its offset."""
    import numpy as np

    first, final = max(markers - last - _MOST - 8, 8), markers - last
    first -= first % 4
    words = np.frombuffer(data[first : max(final, first) // 4 * 4], "<u4")
    for index in np.flatnonzero((words > (count - 1) * MARKED) & (words <= min(count * MARKED, _PLAUSIBLE))):
        at = first + 4 * int(index)
        for gap in (8, 4) if at % 8 == 0 else (4,):  # labels are aligned to 8 until 6.19, to 4 from 7.0 on
            yield at + gap, int(words[index]), at


def _placed(data: bytes, start: int, named: _Named) -> Iterator[FoundTables]:
    """The offsets, wherever their numbers are in order."""
    tables, count = named.tables, named.tables.num_syms
    behind = tables.token_index + 2 * _TOKENS
    new = behind + -behind % 8
    base = new + 4 * count + -(4 * count) % 8
    before = named.num_syms_at - 8
    old = before - 4 * count - (4 * count) % 8
    places = ((new, base + 8, base), (old, 0, before), (behind, behind + 4 * count, 0))
    for offsets, seqs, base_at in places:
        raw = data[offsets - start : offsets - start + 4 * count] if offsets >= start else b""
        form = _form(raw, is_based=bool(base_at)) if len(raw) == 4 * count else None
        if form:
            one = tables._replace(offsets=offsets, seqs=seqs)
            yield FoundTables(one, named.names, named.num_syms_at, base_at, memoryview(raw), form)


def _values(data: bytes, start: int, named: _Named) -> Iterator[FoundTables]:
    """VAs of 8 bytes each, wherever they are in order: behind the index or, before 6.4, in front of the number."""
    import numpy as np

    tables, count = named.tables, named.tables.num_syms
    behind = tables.token_index + 2 * _TOKENS
    for at in (behind + -behind % 8, named.num_syms_at - 8 * count):
        raw = data[at - start : at - start + 8 * count] if at >= start else b""
        if len(raw) == 8 * count and _rises((np.frombuffer(raw, "<u8") >> 1).astype(np.int64)):
            yield FoundTables(tables._replace(addresses=at), named.names, named.num_syms_at, 0, memoryview(raw), Values)


def _form(raw: bytes, *, is_based: bool) -> type[Addresses] | None:
    """What such numbers are if they are addresses in order; None where they are not."""
    import numpy as np

    signed = np.frombuffer(raw, "<i4").astype(np.int64)
    if not is_based:
        # the text, which comes first, lies below the tables: without that zeros would do
        return PlaceRelative if signed[0] < 0 and _rises(signed + 4 * np.arange(len(signed))) else None
    if signed[0] == 0 and _rises(np.frombuffer(raw, "<u4").astype(np.int64)):
        return BaseRelative
    first = int(np.argmax(signed < 0))  # per-CPU offsets come before all that count down from the base
    return AbsolutePercpu if signed[first] < 0 and _rises(-signed[first:]) and (first < 2 or _rises(signed[:first])) else None


def _rises(numbers: NDArray[np.int64]) -> bool:
    """Whether numbers never fall, and are not all the same."""
    return bool((numbers[1:] >= numbers[:-1]).all()) and bool(numbers[-1] != numbers[0])
