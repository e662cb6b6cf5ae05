"""Physical memory: one `read(pa, size)` over whatever files a dump consists of.

What no file holds is a hole. Reading one is an error that names the address: a dump never makes up zeros.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property

from kinfo.errors import DumpError, HoleError
from kinfo.memory.dump import Dump
from kinfo.named import NamedTuple
from kinfo.printable import brief
from kinfo.typed import Self

_JOINED = 16 << 20  # bytes that a dump of memory copies where they lie in segments that follow one another
_SPACE = 1 << 64  # physical addresses have 64 bits at the most
_MOST_TIMES = 16  # that segments may show a byte of their file, on average: more is a bomb, which a scan would not survive


class Segment(NamedTuple):
    """A run of physical memory, `start` to `end` (exclusive), that lies in `dump` at `offset`."""

    start: int
    end: int
    dump: Dump
    offset: int


class Memory:
    """A machine's physical memory as far as its dump holds it.

    `name` is for messages, `segments` are in order and without overlap, `machine` is the ELF machine of a core (183 arm64,
    62 x86-64; None where no file says), `vmcoreinfo` the text of a core's VMCOREINFO note (b"" where there is none), `notes`
    its other notes as they are in the file, `is_raw` whether all of it comes from plain files, which do not state their
    addresses.

    Raises DumpError for segments that cannot be.
    """

    def __init__(
        self,
        name: str,
        segments: Iterable[Segment],
        *,
        machine: int | None = None,
        vmcoreinfo: bytes = b"",
        notes: bytes = b"",
        is_raw: bool = False,
    ) -> None:
        self.name = name
        segments = list(segments)
        self._dumps = list({id(segment.dump): segment.dump for segment in segments}.values())
        self.segments = _without_overlap(segments)
        self._check()
        self.machine = machine
        self.vmcoreinfo = vmcoreinfo
        self.notes = notes
        self.is_raw = is_raw
        self._starts = [segment.start for segment in self.segments]

    def _check(self) -> None:
        if self.end > _SPACE:
            raise DumpError(f"{self.name}: its memory ends at {self.end:#x}, beyond 64 bits", "check the addresses")
        if sum(one.end - one.start for one in self.segments) > _MOST_TIMES * sum(dump.size for dump in self._dumps):
            raise DumpError(f"{self.name}: its headers show the same bytes over and over", "check that it was copied whole")

    @property
    def end(self) -> int:
        """The first address above everything that is here."""
        return self.segments[-1].end if self.segments else 0

    def holds(self, pa: int, size: int = 1) -> bool:
        """Whether all of a range is here."""
        return self.first_hole(pa, size) is None

    def read(self, pa: int, size: int) -> bytes:
        """The bytes at a physical address. Raises HoleError, with the address, where the dump has none."""
        return bytes(self.view(pa, size))

    def view(self, pa: int, size: int) -> memoryview:
        """The same without a copy, unless the range crosses from one segment to the next."""
        found = self.view_up_to(pa, size)
        if len(found) == size:
            return found
        hole = self.first_hole(pa, size)
        if hole is not None:
            raise HoleError(self.name, hole, pa, size)
        return memoryview(b"".join(self._parts(pa, size)))

    def view_up_to(self, pa: int, limit: int) -> memoryview:
        """As many bytes as follow a physical address in its segment, `limit` at most; none in a hole."""
        segment = self._segment(pa)
        if segment is None:
            return memoryview(b"")
        return segment.dump.view(segment.offset + pa - segment.start, min(limit, segment.end - pa))

    def joined_up_to(self, pa: int, limit: int) -> memoryview:
        """Likewise up to the next hole: a copy where a segment follows another within the limit."""
        found = self.view_up_to(pa, limit)
        if not 0 < len(found) < limit or self._segment(pa + len(found)) is None:
            return found
        hole = self.first_hole(pa, limit)
        return memoryview(b"".join(self._parts(pa, limit if hole is None else hole - pa)))

    def parts_between(self, start: int, end: int) -> Iterator[tuple[int, memoryview]]:
        """PA and bytes of every part of a range that is here, in order, without copies."""
        for segment in self.segments:
            first, last = max(start, segment.start), min(end, segment.end)
            if first < last:
                yield first, self.view_up_to(first, last - first)

    def number(self, pa: int, size: int) -> int:
        """A little-endian integer of `size` bytes. Raises HoleError."""
        return int.from_bytes(self.view(pa, size), "little")

    def close(self) -> None:
        """Let go of the files."""
        for dump in self._dumps:
            dump.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _segment(self, pa: int) -> Segment | None:
        index = bisect_right(self._starts, pa) - 1
        if index < 0 or pa >= self.segments[index].end:
            return None
        return self.segments[index]

    def first_hole(self, pa: int, size: int) -> int | None:
        """The first address of a range that is not here; None where all of it is."""
        end = pa + size
        while pa < end:
            segment = self._segment(pa)
            if segment is None:
                return pa
            pa = segment.end
        return None

    def _parts(self, pa: int, size: int) -> Iterator[memoryview]:
        while size > 0:
            part = self.view_up_to(pa, size)
            yield part
            pa, size = pa + len(part), size - len(part)

    @cached_property
    def as_dump(self) -> Dump:
        """The same memory for whoever looks for a record in a dump: offsets are physical addresses."""
        return _PhysicalDump(self)

    def __repr__(self) -> str:
        return brief(
            self, f"{self.name}: {sum(one.end - one.start for one in self.segments):,} bytes in {len(self.segments)} segments"
        )


class _PhysicalDump(Dump):
    """Memory as a dump whose offsets are physical addresses; it ends, for a read, at the next hole."""

    base: int | None = 0

    def __init__(self, memory: Memory) -> None:
        self.name, self.size = memory.name, memory.end
        self.held = sum(segment.end - segment.start for segment in memory.segments)
        self._memory = memory

    def read(self, offset: int, size: int) -> bytes:
        """See Dump."""
        return bytes(self.view(offset, size))

    def view(self, offset: int, size: int) -> memoryview:
        """See Dump."""
        if size > _JOINED:  # nothing so large is looked at for what lies across a border
            return self._memory.view_up_to(offset, size)
        return self._memory.joined_up_to(offset, size)

    def windows(self, start: int = 0, end: int | None = None) -> Iterator[tuple[int, memoryview]]:
        """See Dump."""
        for segment in self._memory.segments:
            first = max(segment.start, start)
            first += -first % 4
            last = segment.end if end is None else min(segment.end, end)
            shift = segment.offset - segment.start
            for offset, window in segment.dump.windows(first + shift, last + shift) if first < last else ():
                yield offset - shift, window

    def close(self) -> None:
        """See Dump."""
        self._memory.close()


def _without_overlap(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """Segments in order; where two overlap, the one that begins first is believed."""
    ordered: list[Segment] = []
    for segment in sorted(segments, key=lambda one: one.start):
        behind = ordered[-1].end if ordered else 0
        cut = max(behind - segment.start, 0)
        if segment.end - segment.start > cut:
            ordered.append(segment._replace(start=segment.start + cut, offset=segment.offset + cut))
    return tuple(ordered)
