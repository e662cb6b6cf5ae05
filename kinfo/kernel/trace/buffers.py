"""The ring buffers of a kernel: struct trace_array, struct ring_buffer_per_cpu; kernel/trace/ring_buffer.c.

The pages of a CPU are a ring of struct buffer_page, whose `next` pointers have flags in their low bits: 1 in the one that
leads to the head. The reader's page is apart from it, and older than all of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.errors import KernelError, KinfoError
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.reader import Reader
from kinfo.kernel.tasks.cpus import Cpus
from kinfo.kernel.tasks.links import follow
from kinfo.kernel.trace.formats import text_at, variable
from kinfo.named import NamedTuple
from kinfo.regions.trace.read import CpuTrace, Damaged, sound
from kinfo.regions.trace.scratch import CLOCKS
from kinfo.regions.trace.subbuffer import TraceDamagedError

_HEAD = 1  # RB_PAGE_HEAD
_FLAGS = 3
_MOST_PAGES = 1 << 20
_LARGEST_NAME = 256
_LARGEST_ORDER = 8


class Instance(NamedTuple):
    """A trace_array: its name ("" for the global one), its VA, its clock, the VA of a persistent one's memory (0: none)."""

    name: str
    at: int
    clock: str
    range: int


class KernelBuffers:
    """The buffers of a kernel. `problem` says where the list of instances breaks off. Raises KernelError without types."""

    def __init__(self, kernel: Kernel, reader: Reader) -> None:
        types = kernel.types
        self._reader, self._cpus = reader, Cpus(kernel, reader)
        self._array, self._buffer = types["trace_array"], types["trace_buffer"]
        self._cpu, self._page = types["ring_buffer_per_cpu"], types["buffer_page"]
        self._size = kernel.space.form.page_size if kernel.space and kernel.space.form else 1 << 12
        head = variable(kernel, "ftrace_trace_arrays")
        found = follow(reader, head)
        self.problem = found.problem
        start = self._array.offset("list")
        self.instances = tuple(self._instance(node - start) for node in found.nodes)

    def _instance(self, at: int) -> Instance:
        reader = self._reader
        name = reader.number(at + self._array.offset("name"))
        clock = reader.number(at + self._array.offset("clock_id"), 4)
        range_ = self._array.find("range_addr_start")
        kept = reader.number(at + range_.offset) if range_ else 0
        shown = CLOCKS[clock] if clock < len(CLOCKS) else f"number {clock}"
        return Instance(text_at(reader, name, _LARGEST_NAME) if name else "", at, shown, kept)

    def cpus(self, instance: Instance) -> Iterator[CpuTrace]:
        """Every CPU's pages. Raises KinfoError where the buffer cannot be read."""
        reader = self._reader
        buffer = reader.number(instance.at + self._array.offset("array_buffer.buffer"))
        each = reader.number(buffer + self._buffer.offset("buffers"))
        size = self._sub_buffer(buffer)
        for number in range(self._cpus.count):
            if at := reader.number(each + 8 * number):
                yield self._of_cpu(number, at, size)

    def _sub_buffer(self, buffer: int) -> int:
        """Bytes of a sub-buffer: a page, or since 6.8 several."""
        order = self._buffer.find("subbuf_order")
        number = self._reader.number(buffer + order.offset, order.size) if order else 0
        if number > _LARGEST_ORDER:
            raise KernelError(f"sub-buffers are said to have {number} as their order")
        return self._size << number

    def _of_cpu(self, number: int, at: int, size: int) -> CpuTrace:
        raw = self._reader.read(at, self._cpu.size)
        said = {name: self._cpu.member(name).of(raw) for name in ("overrun", "dropped_events", "reader_page", "commit_page")}
        try:
            pages, fault = self._pages(raw), ""
        except KinfoError as error:
            pages, fault = [said["reader_page"]], f"its pages cannot be followed: {error.message}"
        parts, damaged = [], []
        for place, page in enumerate(pages):
            try:
                skip = self._member(page, "read") if page == said["reader_page"] else 0
                if part := sound(self._bytes(page, size), 8, place, skip):
                    parts.append(part)
            except TraceDamagedError as error:
                damaged.append(Damaged(place, str(error)))
            except KinfoError as error:
                damaged.append(Damaged(place, error.message))
        found = CpuTrace(number, tuple(parts), (), tuple(damaged), fault)
        return found._replace(overrun=said["overrun"], dropped=said["dropped_events"])

    def _bytes(self, page: int, size: int) -> bytes:
        return self._reader.read(self._member(page, "page"), size)

    def _member(self, page: int, name: str) -> int:
        member = self._page.member(name)
        return self._reader.number(page + member.offset, member.size)

    def _pages(self, raw: bytes) -> list[int]:
        """VAs of the struct buffer_page that hold something, oldest first."""
        reader_page, commit, head = (self._cpu.member(name).of(raw) for name in ("reader_page", "commit_page", "head_page"))
        if commit == reader_page:
            return [reader_page]
        ring, first = self._ring(head, self._cpu.member("nr_pages").of(raw))
        turned = ring[first:] + ring[:first]
        if commit not in turned:
            raise KernelError(f"commit_page {commit:#x} is not in the ring")
        return [reader_page, *turned[: turned.index(commit) + 1]]

    def _ring(self, start: int, count: int) -> tuple[list[int], int]:
        """The pages of the ring from one on, and which of them is the head: its `head_page` may be an old one."""
        if not 0 < count <= _MOST_PAGES:
            raise KernelError(f"the ring is said to have {count} pages")
        pages, page, head = [], start, 0
        for place in range(count):
            pages.append(page)
            following = self._reader.number(page)
            if following & _FLAGS == _HEAD:
                head = place + 1
            page = following & ~_FLAGS
        if page != start:
            raise KernelError(f"the ring of {count} pages does not lead back to VA {start:#x}")
        return pages, head % count
