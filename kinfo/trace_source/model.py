"""What was found: the buffers of a dump."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Self

from kinfo.errors import KinfoError, did_you_mean
from kinfo.findings import Finding
from kinfo.memory import Dump
from kinfo.printable import brief
from kinfo.regions.trace.find import TraceRegion
from kinfo.regions.trace.read import CpuTrace
from kinfo.regions.trace.scratch import NOT_IN_NS
from kinfo.trace_events.decode import Raw, merged

if TYPE_CHECKING:
    from kinfo.kernel.kernel import Kernel

_MOST_KEPT = 250_000  # records: some 60 MiB
GLOBAL = "global"  # what the instance without a name is called here


class TraceBuffer(NamedTuple):
    """A buffer: its name and its clock ("" where not known), where it begins, the bytes of a long, its CPUs.

    `at` is a PA or an offset of a persistent buffer, whose `region` says the rest; of a kernel's own it is the VA of its
    struct trace_array. `faults` says what of it is damaged. `is_current`: the dump's kernel uses it.
    """

    name: str
    at: int
    word: int
    cpus: tuple[CpuTrace, ...]
    clock: str = ""
    region: TraceRegion | None = None
    faults: tuple[str, ...] = ()
    is_current: bool = False

    @property
    def events(self) -> int:
        """How many there are."""
        return sum(cpu.events for cpu in self.cpus)

    @property
    def newest(self) -> int:
        """The time of the last event of all."""
        return max((cpu.parts[-1].last for cpu in self.cpus if cpu.parts), default=0)

    @property
    def in_ns(self) -> bool:
        """Whether its clock counts nanoseconds, as all but a few do."""
        return self.clock not in NOT_IN_NS

    def records(self, *, consumed: bool = False) -> Iterator[Raw]:
        """Every record of all CPUs, in the order of time."""
        each = [cpu.records(consumed=consumed) for cpu in self.cpus]
        return merged(each) if each else iter(())


class Traces:
    """The buffers of a dump; `unit` says what addresses count.

    Persistent ones come first, of them the one that the dump's kernel uses, then by their newest event: a clock begins anew
    with every boot, and does not tell which boot was the last. `kernel` is the dump's own, None where it has none
    (`no_kernel` says why). A context manager: the records are read as they are asked for.
    """

    def __init__(self, dump: Dump, unit: str) -> None:
        self.dump, self.unit, self.source = dump, unit, dump.name
        self.buffers: tuple[TraceBuffer, ...] = ()
        self.findings: tuple[Finding, ...] = ()
        self.kernel: Kernel | None = None
        self.no_kernel: KinfoError | None = None
        self._kept: tuple[tuple[int, bool] | None, list[Raw]] = (None, [])

    def where(self, buffer: TraceBuffer) -> str:
        """What a buffer is called in findings."""
        if buffer.region is None:
            return f"instance {buffer.name}"
        return f"{self.unit} {buffer.at:#x}"

    def records(self, buffer: TraceBuffer, *, consumed: bool = False) -> Iterable[Raw]:
        """Every record of a buffer, in the order of time; those of one that is not large are kept for the next who asks."""
        key = (buffer.at, consumed)
        if key == self._kept[0]:
            return self._kept[1]
        records = buffer.records(consumed=consumed)
        if buffer.events > _MOST_KEPT:
            return records
        self._kept = (key, list(records))
        return self._kept[1]

    def instance(self, name: str) -> TraceBuffer:
        """The buffer of an instance. Raises KinfoError, with the nearest name, where there is none."""
        found = next((buffer for buffer in self.buffers if buffer.name == name), None)
        if found is None:
            names = [buffer.name for buffer in self.buffers if buffer.name]
            raise KinfoError(f"{self.source}: no instance is called {name}", did_you_mean(name, names, _all(names)))
        return found

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        self.dump.close()

    def __repr__(self) -> str:
        return brief(self, f"{self.source}: {len(self.buffers)} buffers")


def _all(names: list[str]) -> str:
    return f"there are {', '.join(names[:8])}" if names else "the buffers that there are have no names"
