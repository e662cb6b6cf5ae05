"""How the bytes of a log are reached: virtual addresses in whatever holds them.

A log lies in a few large tables. Each is read whole, as far as it is there: `Area` has its bytes and where holes are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kinfo.errors import DumpError, KernelError
from kinfo.memory import Memory
from kinfo.named import NamedTuple
from kinfo.typed import Protocol

_PAGE = 4096
Runs = Callable[[int, int], Iterator[tuple[int | None, int]]]
PaOf = Callable[[int], tuple[int | None, int]]


class Area(NamedTuple):
    """Bytes from a VA on, zero where the dump has none; `holes` are the start and end of those parts, in order.

    They are the dump's own where it has all of them in one piece.
    """

    data: bytes | bytearray | memoryview
    holes: tuple[tuple[int, int], ...]

    def holds(self, start: int, end: int) -> bool:
        """Whether all bytes between two offsets are here."""
        return end <= len(self.data) and not any(first < end and start < last for first, last in self.holes)

    @property
    def missing(self) -> int:
        """How many bytes are not here."""
        return sum(last - first for first, last in self.holes)


class Reach(Protocol):
    """Whatever has bytes at virtual addresses. `word` is the size of a pointer, `held` how many bytes there are at all."""

    word: int
    held: int

    def parts(self, va: int, size: int) -> Iterator[tuple[int, memoryview | bytes]]:
        """The parts of a range that are there: offset from `va`, and the bytes; in order."""


def area(reach: Reach, va: int, size: int) -> Area:
    """A range of virtual addresses, as far as it is there. Raises KernelError for one that is larger than the whole dump."""
    if size > reach.held:
        raise KernelError(f"the log would take {size} bytes at VA {va:#x}, more than the whole dump has", "it is damaged")
    parts = list(reach.parts(va, size))
    if len(parts) == 1 and len(parts[0][1]) == size:
        return Area(parts[0][1], ())
    data, holes, at = bytearray(size), [], 0
    for offset, part in parts:
        data[offset : offset + len(part)] = part
        if offset > at:
            holes.append((at, offset))
        at = offset + len(part)
    if at < size:
        holes.append((at, size))
    return Area(data, tuple(holes))


def exactly(reach: Reach, va: int, size: int, what: str) -> bytes:
    """A range all of whose bytes must be there. Raises KernelError, which says what would be there."""
    found = area(reach, va, size)
    if found.holes:
        raise KernelError(f"{what}, at VA {va:#x}, is not in the dump", "dump that memory too")
    return bytes(found.data)


class Translated:
    """A physical memory with a way from VA to PA: `runs` gives PA and length of each piece of a range, None for no PA."""

    def __init__(self, memory: Memory, runs: Runs, word: int) -> None:
        self.memory, self._runs, self.word = memory, runs, word
        self.held = sum(segment.end - segment.start for segment in memory.segments)

    def parts(self, va: int, size: int) -> Iterator[tuple[int, memoryview]]:
        """See Reach."""
        offset = 0
        for pa, length in self._runs(va, size):
            if pa is not None:
                yield from self._held(offset, pa, length)
            offset += length

    def _held(self, offset: int, pa: int, length: int) -> Iterator[tuple[int, memoryview]]:
        """What the memory has of a physical range."""
        end = pa + length
        for segment in self.memory.segments:
            start, stop = max(pa, segment.start), min(end, segment.end)
            while start < stop:
                part = self.memory.view_up_to(start, stop - start)
                if not part:  # the file ends before its header says so
                    break
                yield offset + start - pa, part
                start += len(part)


class Regions:
    """Pieces of memory whose VA is known: region files."""

    def __init__(self, word: int) -> None:
        self.word = word
        self.held = 0
        self._pieces: dict[int, bytes] = {}

    def add(self, va: int, data: bytes) -> None:
        """Put a piece at its VA."""
        self._pieces[va] = data
        self.held += len(data)

    def copy(self) -> Regions:
        """The same pieces, to try others beside them."""
        other = Regions(self.word)
        other._pieces, other.held = dict(self._pieces), self.held
        return other

    def parts(self, va: int, size: int) -> Iterator[tuple[int, bytes]]:
        """See Reach."""
        for start, data in sorted(self._pieces.items()):
            first, last = max(va, start), min(va + size, start + len(data))
            if first < last:
                yield first - va, data[first - start : last - start]


def runs_of_pages(pa_of: PaOf, va: int, size: int) -> Iterator[tuple[int | None, int]]:
    """Runs by a function that gives, for a VA, its PA (or None) and how many bytes from there on lie in one piece."""
    at, end = va, va + size
    while at < end:
        try:
            pa, length = pa_of(at)
        except (DumpError, KernelError):
            pa, length = None, _PAGE - at % _PAGE
        length = min(length, end - at)
        yield pa, length
        at += length
