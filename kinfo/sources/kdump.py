"""kdump-compressed dumps (makedumpfile, diskdump), flattened or not, through libkdumpfile and its Python module pykdumpfile.

Pages that makedumpfile left out are holes: reading one is an error, never zeros.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Iterator

from kinfo.arch import arm, arm64, x86_64
from kinfo.errors import DumpError
from kinfo.memory import Dump, FileDump, Memory, Segment
from kinfo.memory.dump import WINDOW
from kinfo.typed import Any

_MACHINES = {"aarch64": arm64.MACHINE, "x86_64": x86_64.MACHINE, "arm": arm.MACHINE}
_MOST_RUNS = 1 << 22  # runs of pages; a dump of 1 TiB without its free pages has some 100,000
_WITHOUT = (
    "install libkdumpfile (0.5.5 or newer) and the extra kinfo[kdump]; or write an ELF core: makedumpfile -E VMCORE OUT"
)


def read(dump: Dump) -> Memory:
    """The memory in such a dump.

    Raises DumpError: without pykdumpfile, with the extra that brings it; for damage; for a dump that is no file (one in
    memory).
    """
    try:
        import kdumpfile
    except ImportError as error:
        raise DumpError(f"{dump.name}: is a kdump-compressed dump, which pykdumpfile reads: {error}", _WITHOUT) from None
    if not isinstance(dump, FileDump):
        raise DumpError(f"{dump.name}: is a kdump-compressed dump in memory", "write it to a file")
    try:
        context = kdumpfile.Context()
        context.open_fd(dump.fileno())
        pages = KdumpPages(dump, context)
        segments = [Segment(start, end, pages, start) for start, end in pages.runs]
        machine = _MACHINES.get(context.attr["arch.name"])
    except DumpError:
        raise
    except Exception as error:  # the library has exceptions of its own, and damage finds others
        raise DumpError(
            f"{dump.name}: is a kdump-compressed dump, and damaged or cut off: {error}", "copy it again"
        ) from error
    if not segments:
        raise DumpError(f"{dump.name}: has no page of memory in it", "check that it was copied whole")
    return Memory(dump.name, segments, machine=machine, vmcoreinfo=_vmcoreinfo(context))


def _vmcoreinfo(context: Any) -> bytes:
    with contextlib.suppress(Exception):  # none in the dump: the library's KeyError, or its own
        context.attr["addrxlat.ostype"] = "linux"  # else the library does not look for it
        raw = context.vmcoreinfo_raw()
        return raw.encode() if isinstance(raw, str) else bytes(raw)
    return b""


class KdumpPages(Dump):
    """The pages of such a dump, as bytes whose offsets are PAs. It unpacks what is read, each time."""

    def __init__(self, dump: FileDump, context: Any) -> None:
        self.name, self._dump, self._context = dump.name, dump, context
        self._page = int(context.attr["arch.page_size"])
        self.packed = dump.packed
        self.size = int(context.attr["max_pfn"]) * self._page
        self.runs = list(self._runs())
        self._starts = [start for start, _ in self.runs]
        self.held = sum(end - start for start, end in self.runs)

    def _runs(self) -> Iterator[tuple[int, int]]:
        """Start and end, as PAs, of every run of pages that is in the file. Raises DumpError for more than any dump has."""
        pagemap, at = self._context.attr["file.pagemap"], 0
        for count in range(_MOST_RUNS + 1):
            try:
                first = pagemap.find_set(at)
            except Exception:  # noqa: BLE001  # its way to say that there is none any more
                return
            if count == _MOST_RUNS:
                raise DumpError(f"{self.name}: has more than {_MOST_RUNS} runs of pages", "check that it was copied whole")
            at = min(pagemap.find_clear(first), self.size // self._page)
            if at <= first:
                return
            yield first * self._page, at * self._page

    def read(self, offset: int, size: int) -> bytes:
        """See Dump."""
        import kdumpfile

        index = bisect_right(self._starts, offset) - 1
        size = min(size, self.runs[index][1] - offset) if index >= 0 else 0  # as in any memory, it ends at a hole
        if size <= 0:
            return b""
        try:
            return bytes(self._context.read(kdumpfile.MACHPHYSADDR, offset, size))
        except Exception as error:
            raise DumpError(f"{self.name}: cannot read the page at PA {offset:#x}: {error}", "copy the dump again") from error

    def view(self, offset: int, size: int) -> memoryview:
        """See Dump."""
        return memoryview(self.read(offset, size))

    def windows(self, start: int = 0, end: int | None = None) -> Iterator[tuple[int, memoryview]]:
        """See Dump."""
        end = self.size if end is None else min(end, self.size)
        for first, last in self.runs:
            for at in range(max(first, start), min(last, end), WINDOW):
                yield at, self.view(at, min(WINDOW, last - at, end - at))

    def close(self) -> None:
        """See Dump."""
        self._context = None  # it reads by the file's number, which another file may get
        self._dump.close()
