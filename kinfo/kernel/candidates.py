"""Every kernel that a record in the memory points at, each with all the records that point at it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinfo.errors import HoleError, KernelError, KinfoError, RecordError
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.life import registers
from kinfo.kernel.pointers import Pointers, RecordPointers
from kinfo.memory import Dump, Memory
from kinfo.record import locate
from kinfo.record.record import Record
from kinfo.record.scan import PAGE, WORD
from kinfo.sources import RawDump

_MOST_KERNELS = 16  # told apart: each was verified, and the page tables of each may take seconds to search
_MOST_OF_ONE = 16  # records of one kernel that are compared
_NO_MATTER = ("combined_checksum", "build_info")  # records that differ in nothing else lead to the same
_LEAST_INFERRED = 16  # records whose kernel is looked for through all of a dump of unknown base, however large that is
_MOST_INFERRED = 256
_INFERRED_BYTES = 256 << 30  # and the bytes that are gone through for more of them


class Candidates:
    """What the records of a memory lead to. `errors` says why some lead nowhere, `bounds` what was not looked at."""

    def __init__(self, opened: Memory | RawDump) -> None:
        self._opened = opened
        self._memory = opened if isinstance(opened, Memory) else None
        self._base_note: tuple[str, ...] = ()
        self._inferred = 0
        self._unmapped: list[Kernel] = []
        self.errors: list[KinfoError] = []
        self.records: list[Record] = []
        self.bounds: list[str] = []
        self.kernels: list[list[Kernel]] = []

    @property
    def source(self) -> Dump:
        """The memory as whoever looks for records sees it."""
        return self._opened.as_dump if isinstance(self._opened, Memory) else self._opened.dump

    def search(self, steps: Sequence[int] = (PAGE, WORD)) -> list[list[Kernel]]:
        """The kernels, in the order of their records; for each, one Kernel a record, the one that tells most first.

        Records lie at pages. The next step is taken where none of those leads to a kernel, or no CPU was in any of these.
        """
        for step in steps:
            self.errors, self.records, self._unmapped, self._inferred = [], [], [], 0
            groups = self._groups(step)
            is_borne_out = bool(groups)
            for kernel in () if is_borne_out or self.bounds else self._unmapped:
                groups.setdefault((kernel.memory.segments[0].start, *key_of(kernel.pointers)), []).append(kernel)
            self.kernels = [sorted(group, key=_rank) for group in groups.values()]
            if is_borne_out and any(registers(group[0]) >= 0 for group in self.kernels):
                break
        return self.kernels

    def _groups(self, step: int) -> dict[tuple[int, ...], list[Kernel]]:
        """The kernels that the records at a step lead to, those of one kernel together."""
        groups: dict[tuple[int, ...], list[Kernel]] = {}
        for record in self._records(step):
            key = key_of(RecordPointers(record))
            if len(groups.get(key, ())) == _MOST_OF_ONE:
                self._bound(f"more than {_MOST_OF_ONE} records of one kernel: from {record.offset:#x} on none was compared")
            elif len(groups) == _MOST_KERNELS and key not in groups:
                self._bound(f"more than {_MOST_KERNELS} kernels: records from {record.offset:#x} on were not weighed")
            elif kernel := self._tried(record):
                groups.setdefault(key, []).append(kernel)
        return groups

    def _bound(self, text: str) -> None:
        if text.partition(":")[0] not in [bound.partition(":")[0] for bound in self.bounds]:
            self.bounds.append(text)

    def _records(self, step: int) -> Iterator[Record]:
        """Records that can point at a kernel, of copies one; those with a bad checksum last, and at pages only."""
        doubtful: list[Record] = []
        seen: set[tuple[object, ...]] = set()
        for hit in self._hits(step):
            record = hit.record
            if record is None or record.layout is None or record.layout.vendor:
                continue
            content = (
                record.state.verified,
                *((name, value) for name, value in record.values.items() if name not in _NO_MATTER),
            )
            if content in seen:
                continue
            seen.add(content)
            self.records.append(record)
            if record.state.verified:
                yield record
            elif record.offset % PAGE == 0:
                doubtful.append(record)
        yield from doubtful

    def _hits(self, step: int) -> Iterator[locate.Hit]:
        """Every magic at a step, up to where there are too many of them."""
        try:
            yield from locate.find(self.source, step, base=0 if isinstance(self._opened, Memory) else None)
        except RecordError as error:
            self._bound(f"{error.message.rpartition(': ')[0] or error.message}: records behind that were not looked at")

    def _tried(self, record: Record) -> Kernel | None:
        try:
            return self._kernel(record)
        except (KernelError, HoleError) as error:
            self.errors.append(error)
            return None

    def _kernel(self, record: Record) -> Kernel | None:
        if isinstance(self._opened, Memory):
            return Kernel(self._opened, record)
        if self._memory is not None:  # the base that one record gave is that of all
            return Kernel(self._memory, record._replace(base=self._memory.segments[0].start), self._base_note)
        most = min(max(_LEAST_INFERRED, _INFERRED_BYTES // max(self._opened.dump.size, 1)), _MOST_INFERRED)
        if self._inferred == most:
            self._bound(f"{most} records lead nowhere in {self._opened.dump.name}: others were not tried")
            return None
        self._inferred += 1
        kernel = infer(self._opened.dump, record, is_inside=True)
        if kernel.space is None or kernel.space.form is None:
            self._unmapped.append(kernel)  # its own page table does not bear the base out: a record of another place fits so
            return None
        self._memory, self._base_note = kernel.memory, kernel.notes
        return kernel


def infer(dump: Dump, record: Record, *, is_inside: bool) -> Kernel:
    """As base.infer does, which is imported for the rare dump of unknown base only."""
    from kinfo.kernel import base

    return base.infer(dump, record, is_inside=is_inside)


def key_of(pointers: Pointers) -> tuple[int, ...]:
    """What two records of one kernel have in common: where its image and tables are."""
    return (*(pointers.pa(name) for name in ("stext", "names", "token_index")), pointers.count("num_syms"))


def _rank(kernel: Kernel) -> tuple[bool, int, int]:
    """Which of one kernel's records is believed: a verified one before others, then the one with most to say."""
    record = kernel.record
    said = sum(1 for value in record.values.values() if value and (not isinstance(value, bytes) or value.strip(b"\0")))
    return not record.state.verified, -said, record.offset
