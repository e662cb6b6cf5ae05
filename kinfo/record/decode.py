"""One record at one place: detection, and the vendor block in the second half of its region."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial

from kinfo.named import NamedTuple
from kinfo.record.checksum import Checksum, State
from kinfo.record.detect import Candidate, Confidence, Detection, detect, detect_in, differences
from kinfo.record.evidence import Window
from kinfo.record.layouts import SMALLEST, layout_named
from kinfo.record.limits import VENDOR_HALF
from kinfo.record.model import Layout, Value
from kinfo.record.record import Record, Rival, Weighed
from kinfo.record.scan import ByteSource, is_magic
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.record.asked.remembered import Remembered

REGION_LIMIT = 16 << 20  # a file up to this size with a record at its start is taken for the region itself
HALVES = tuple(1 << shift for shift in range(9, 24))  # where a second half can begin: 512 bytes to 8 MiB


def decode_at(source: ByteSource, offset: int = 0, *, base: int | None = None, layout: Layout | None = None) -> Record | None:
    """The record at an offset; None when the bytes there make no sense as one.

    `base` is the physical address of the source's first byte. `layout` forces a reading: then anything with enough bytes
    for its head is decoded, and what speaks against it becomes a finding.
    """
    region = source.size if offset == 0 and source.size <= REGION_LIMIT else None
    window = source.read(offset, VENDOR_HALF)
    is_end = offset + len(window) >= source.size
    record = _decode_window(window, is_end=is_end, layout=layout)
    if record is None and region is not None and region // 2 < len(window):  # small: its other half is in the way
        record = _decode_window(window[: region // 2], is_end=False, layout=None)
    if record is None:
        return None
    half, vendor = region, None
    if record.layout and not record.layout.vendor:
        vendor = _vendor_block(source, offset, base, region)
    if vendor:
        half = vendor.offset - offset
        if half < len(window):  # a region of less than a page: what follows the half is not this record's tail
            record = _decode_window(window[:half], is_end=False, layout=layout) or record
    behind = source.read(record.size, max(half - record.size, 0)) if region is not None and half is not None else b""
    is_alone = bool(record.layout and record.layout.vendor and offset and not _is_second_half(source, offset))
    filled = behind.lstrip(b"\0")
    start = record.size + len(behind) - len(filled) if filled else None
    return record._replace(offset=offset, base=base, region_size=region, vendor=vendor, tail_start=start, is_alone=is_alone)


def _is_second_half(source: ByteSource, offset: int) -> bool:
    """Whether a record lies where a region that has its half here would begin: then this block is that record's."""
    halves = {half for half in (*HALVES, offset) if half <= offset}
    return any(_has_kernels_record(source, offset - half, half) for half in halves)


def _has_kernels_record(source: ByteSource, start: int, size: int) -> bool:
    window = source.read(start, min(size, VENDOR_HALF))
    if not is_magic(int.from_bytes(window[:4], "little")):
        return False
    record = _decode_window(window, is_end=False, layout=None)
    return record is not None and record.layout is not None and not record.layout.vendor


def erased_region(source: ByteSource, *, base: int | None = None) -> Record | None:
    """A record that stands for a region of nothing but 00 or ff; None where there is anything else."""
    if source.size > REGION_LIMIT:
        return None
    region = source.read(0, source.size)
    if region.strip(region[:1]) or region[:1] not in (b"\0", b"\xff"):
        return None
    stored = int.from_bytes(region[4:8], "little")
    checksum = Checksum(State.ERASED, stored, 0)
    return Record(None, Confidence.AMBIGUOUS, (), 0, base, region, checksum, {}, region_size=source.size)


def _decode_window(window: bytes, *, is_end: bool, layout: Layout | None) -> Record | None:
    if len(window) < 8:
        return None
    if layout is None:
        return _read(window, is_end=is_end)
    detection = detect(window, is_end=is_end, forced=layout)
    if detection is None:
        return None
    chosen = detection.under(layout)
    record = _record(chosen, detection, window, is_forced=True)
    return record if chosen.makes_sense else record._replace(confidence=Confidence.AMBIGUOUS)


@lru_cache(4)  # where no record of a dump is sound, those at pages are met again at words
def _read(window: bytes, *, is_end: bool) -> Record | None:
    if known := _before.record(window, is_end=is_end):
        return known
    detection = detect(window, is_end=is_end)
    if detection is None or not detection.best.makes_sense:
        return None
    if detection.best.checksum.state.verified:  # what is damaged is seldom so in the same way
        _before.keep(window, is_end=is_end)
    return _record(detection.best, detection, window, is_forced=False)


class Detected(NamedTuple):
    """What detection decides: the layout (None for bytes that are no record), how sure, its rivals, the checksum's state."""

    layout: Layout | None
    confidence: Confidence
    rivals: tuple[Rival, ...]
    state: State


NO_RECORD = Detected(None, Confidence.AMBIGUOUS, (), State.MISMATCH)


def read_window(window: Window) -> Detected:
    """What detection decides on a window, which may write down what is asked of it."""
    detection = detect_in(window)
    if detection is None or not detection.best.makes_sense:
        return NO_RECORD
    return _detected(detection.best, detection)


def _detected(chosen: Candidate, detection: Detection) -> Detected:
    best = detection.best
    if chosen is best:
        others, confidence = detection.rivals, detection.confidence
    else:
        others = (best, *(rival for rival in detection.rivals if rival is not chosen))
        confidence = Confidence.LIKELY if chosen in detection.rivals else Confidence.AMBIGUOUS
    rivals = tuple(Rival(other.layout, differences(chosen, other)) for other in others)
    return Detected(chosen.layout, confidence, rivals, chosen.checksum.state)


def _record(chosen: Candidate, detection: Detection, window: bytes, *, is_forced: bool) -> Record:
    weigh = partial(tuple, _weighed(detection))
    record = _read_so(_detected(chosen, detection), window, chosen.checksum, chosen.values, weigh)
    return record._replace(is_forced=True) if is_forced else record


def _read_so(
    reading: Detected,
    window: bytes,
    checksum: Checksum,
    values: Mapping[str, Value],
    weigh: Callable[[], tuple[Weighed, ...]],
) -> Record:
    """The record that a window begins with, as it was read; `weigh` gives the evidence for it."""
    assert reading.layout is not None
    return Record(
        layout=reading.layout,
        confidence=reading.confidence,
        rivals=reading.rivals,
        offset=0,
        base=None,
        raw=window[: reading.layout.size],
        checksum=checksum,
        values=values,
        weigh=weigh,
    )


def _weighed(detection: Detection) -> tuple[Weighed, ...]:
    return tuple(Weighed(one.layout, one.points, one.evidence) for one in detection.candidates)


def _weighed_again(window: bytes, *, is_end: bool) -> tuple[Weighed, ...]:
    detection = detect(window, is_end=is_end)
    return _weighed(detection) if detection else ()


class _Before:
    """Records that were decoded before in this process: one that answers every question as one of them reads like it."""

    def __init__(self) -> None:
        self._count = 0
        self._remembered: Remembered[Detected] | None = None

    def record(self, window: bytes, *, is_end: bool) -> Record | None:
        """The record, where that is known; its evidence is weighed when it is asked for."""
        if self._remembered is None:
            return None
        found = self._remembered.find(window, is_end=is_end)
        if found is None or found.layout is None:
            return None
        seen = Window(window, is_end=is_end)
        weigh = partial(_weighed_again, window, is_end=is_end)
        return _read_so(found, window, seen.checksum(found.layout), seen.values(found.layout), weigh)

    def keep(self, window: bytes, *, is_end: bool) -> None:
        """Keep how it was read; a command decodes too few records to be worth it."""
        self._count += 1
        if self._count > _FEW:
            if self._remembered is None:
                from kinfo.record.asked.remembered import Remembered

                self._remembered = Remembered(read_window)
            self._remembered.keep(window, is_end=is_end)


_FEW = 16
_before = _Before()


def _vendor_block(source: ByteSource, offset: int, base: int | None, region: int | None) -> Record | None:
    """The vendor block of a record's region: at its half where the size is known, else at any power of two."""
    places = HALVES if region is None or region // 2 in HALVES else (*HALVES, region // 2)
    for half in places:
        place = offset + half
        head = source.read(place, 72) if place + SMALLEST <= source.size else b""
        is_half = region is not None and half == region // 2
        if not is_magic(int.from_bytes(head[:4], "little")) or (not is_half and _is_a_records_head(head)):
            continue
        window = source.read(place, VENDOR_HALF)
        is_end = place + len(window) >= source.size
        record = _decode_window(window, is_end=is_end, layout=None if any(window[4:72]) else layout_named("V1"))
        if is_half and not (record and record.layout and record.layout.vendor) and not _is_a_records_head(head):
            record = _decode_window(window, is_end=is_end, layout=layout_named("V1"))
        if record and record.layout and record.layout.vendor:
            return record._replace(offset=place, base=base)
    return None


def _is_a_records_head(head: bytes) -> bool:
    """In the kernel's record four flags stand where the vendor block has its release."""
    flags = head[8:12]
    return max(flags, default=0) <= 1 and any(head[8:72])
