"""Finding the kallsyms tables in a kernel image or in memory, where no symbol table and no record describes them.

The tokens "0" to "9" stand for themselves in every kernel's token table; the index behind it proves the table. From there
the markers are a rising run of numbers, the names before them end where the last marker says, and the offsets lie in one of
three places: behind the index (6.4 on), the same without a base (7.0 on), or in front of the names (before 6.4): see
scripts/kallsyms.c.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count, islice
from operator import add, le, neg

from kinfo.arch.address import align
from kinfo.errors import HoleError, KernelError
from kinfo.kernel.kallsyms import marker_runs, verify
from kinfo.kernel.kallsyms.addresses import Absolute, AbsolutePercpu, Addresses, BaseRelative, PlaceRelative, numbers
from kinfo.kernel.kallsyms.marker_runs import MOST, MarkerRun
from kinfo.kernel.kallsyms.names import Names, read_tokens
from kinfo.kernel.kallsyms.tables import MARKED, Tables
from kinfo.memory import Memory, search
from kinfo.named import NamedTuple

DIGITS = b"".join(b"%d\0" % digit for digit in range(10))
_FIRST = ord("0")
_TOKENS = 256
_INDEX = 2 * _TOKENS  # bytes of the token index
_TABLE_LIMIT = 1 << 16
_REACH = 24 << 20  # names, markers and seqs_of_names of the largest kernels, together
_AHEAD = 16 << 20  # and the addresses behind
_PLAUSIBLE = 4 << 20  # symbols
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


def find_all(memory: Memory, places: Iterable[int] | None = None) -> Iterator[FoundTables]:
    """The tables of every kernel in a memory, in addresses of the memory; the first ones of a bounded number of places.

    `places` are where `DIGITS` lie; they are looked for where nobody did.
    """
    known = (at for at, _ in search.places(memory.as_dump, (DIGITS,))) if places is None else places
    for at in islice(known, _MOST_TRIES):
        segment = next(one for one in memory.segments if one.start <= at < one.end)
        for tables in _tokens(memory, at, segment.end):
            start = align(max(segment.start, at - _REACH), 8)
            data = memory.view(start, min(segment.end, at + _AHEAD) - start)
            if found := _verified(memory, data, start, tables, with_values=True):
                yield found


def find(memory: Memory, start: int, end: int) -> FoundTables | None:
    """The tables between two addresses of the image; None where there are none."""
    data = bytes(memory.view(start, end - start))
    at = data.find(DIGITS)
    for _ in range(_MOST_TRIES):
        if at < 0:
            return None
        for tables in _tokens(memory, start + at, end):
            if found := _verified(memory, memoryview(data), start, tables):
                return found
        at = data.find(DIGITS, at + 1)
    return None


def _tokens(memory: Memory, at: int, end: int) -> Iterator[Tables]:
    """The token table with the digits at an address, and its index, wherever they agree; nothing is known of the others."""
    behind = memory.view(at, min(end - at, _TABLE_LIMIT + _INDEX))
    for index_at in _index_places(bytes(behind), at):
        first = int.from_bytes(behind[index_at - at + 2 * _FIRST :][:2], "little")
        tables = Tables(1, 0, 0, at - first, index_at, 0, 0, 0)
        try:
            if tables.token_table >= 0:
                read_tokens(memory, tables)
                yield tables
        except (KernelError, HoleError):
            continue


def _index_places(behind: bytes, start: int) -> Iterator[int]:
    """Where the token index can be: behind the 208 tokens from "0" on, at the next multiple of 4 or 8."""
    at = 0
    for _ in range(_TOKENS - _FIRST):
        at = behind.find(b"\0", at) + 1
        if not at:
            return
    yield from sorted({align(start + at, 8), align(start + at, 4)})


def _verified(
    memory: Memory, data: memoryview, start: int, tables: Tables, *, with_values: bool = False
) -> FoundTables | None:
    for named in islice(_named(memory, data, start, tables), _MOST_TRIES):
        for placed in chain(_placed(data, start, named), _values(data, start, named) if with_values else ()):
            return placed
    return None


class _Named(NamedTuple):
    """Tables without their addresses, where the number of symbols lies, and the names."""

    tables: Tables
    num_syms_at: int
    names: Names


def _named(memory: Memory, data: memoryview, start: int, tables: Tables) -> Iterator[_Named]:
    """The names and their number, wherever a number of symbols, names and markers agree."""
    for one, number_at, size, is_long in islice(_candidates(data, start, tables), _MOST_TRIES):
        try:
            names = Names(memory, one, size, is_long=is_long)
            verify.names(names, one.marks)
        except (KernelError, HoleError):
            continue
        yield _Named(one, number_at, names)


def _candidates(data: memoryview, start: int, tables: Tables) -> Iterator[tuple[Tables, int, int, bool]]:
    """Tables, where the number of symbols is, bytes of a marker, whether lengths take two bytes."""
    for run in marker_runs.runs(data, tables.token_table - start):
        for names_at, number, number_at in _name_places(data, run):
            one = tables._replace(num_syms=number, names=start + names_at, markers=start + run.at)
            for is_long in (True, False) if run.size == 4 else (False,):
                yield one, start + number_at, run.size, is_long


def _name_places(data: memoryview, run: MarkerRun) -> Iterator[tuple[int, int, int]]:
    """Where the names can begin: behind a number of symbols that has so many markers. Offset, the number and its offset."""
    first, final = max(run.at - run.last - MOST - 8, 8), run.at - run.last
    first -= first % 4
    least, most = (run.length - 1) * MARKED, min(run.length * MARKED, _PLAUSIBLE)
    for index, number in enumerate(numbers(data[first : max(final, first) // 4 * 4], "I")):
        if least < number <= most:
            at = first + 4 * index
            for gap in (8, 4) if at % 8 == 0 else (4,):  # labels are aligned to 8 until 6.19, to 4 from 7.0 on
                yield at + gap, number, at


def _placed(data: memoryview, start: int, named: _Named) -> Iterator[FoundTables]:
    """The offsets, wherever their numbers are in order."""
    tables, count = named.tables, named.tables.num_syms
    behind = tables.token_index + _INDEX
    new = align(behind, 8)
    base = align(new + 4 * count, 8)
    before = named.num_syms_at - 8
    old = before - 4 * count - (4 * count) % 8
    places = ((new, base + 8, base), (old, 0, before), (behind, behind + 4 * count, 0))
    for offsets, seqs, base_at in places:
        raw = bytes(data[offsets - start : offsets - start + 4 * count]) if offsets >= start else b""
        form = _form(raw, is_based=bool(base_at)) if len(raw) == 4 * count else None
        if form:
            one = tables._replace(offsets=offsets, seqs=seqs)
            yield FoundTables(one, named.names, named.num_syms_at, base_at, memoryview(raw), form)


def _values(data: memoryview, start: int, named: _Named) -> Iterator[FoundTables]:
    """VAs of 8 bytes each, wherever they are in order: behind the index or, before 6.4, in front of the number."""
    tables, count = named.tables, named.tables.num_syms
    for at in (align(tables.token_index + _INDEX, 8), named.num_syms_at - 8 * count):
        raw = bytes(data[at - start : at - start + 8 * count]) if at >= start else b""
        if len(raw) == 8 * count and _rises(numbers(memoryview(raw), "Q")):
            yield FoundTables(tables._replace(addresses=at), named.names, named.num_syms_at, 0, memoryview(raw), Values)


def _form(raw: bytes, *, is_based: bool) -> type[Addresses] | None:
    """What such numbers are if they are addresses in order; None where they are not."""
    signed = numbers(memoryview(raw), "i")
    if not is_based:
        # the text, which comes first, lies below the tables: without that zeros would do
        return PlaceRelative if signed[0] < 0 and _rises(list(map(add, signed, count(0, 4)))) else None
    if signed[0] == 0 and _rises(numbers(memoryview(raw), "I")):
        return BaseRelative
    first = next((index for index, number in enumerate(signed) if number < 0), 0)
    values, counted = (
        signed[:first],
        list(map(neg, signed[first:])),
    )  # per-CPU offsets, then all that count down from the base
    return AbsolutePercpu if signed[first] < 0 and _rises(counted) and (first < 2 or _rises(values)) else None


def _rises(ordered: Sequence[int]) -> bool:
    """Whether numbers never fall, and are not all the same."""
    return all(map(le, ordered, islice(ordered, 1, None))) and ordered[-1] != ordered[0]
