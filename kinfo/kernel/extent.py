"""Which memory a record's kernel takes: what must be dumped to follow the record."""

from __future__ import annotations

from kinfo.errors import KernelError
from kinfo.kernel.pointers import RecordPointers
from kinfo.memory import Dump
from kinfo.printable import size_words
from kinfo.record.limits import IMAGE_LIMIT
from kinfo.record.record import Record

_LEAST = 1 << 20  # bytes of the smallest kernel image


def image_of(record: Record) -> range:
    """PAs of the kernel image, `_text` (else `_stext`) to `_end`; empty where the record does not say."""
    if record.layout is None or record.layout.vendor:
        return range(0)
    borders = RecordPointers(record).borders()
    is_sane = 0 < borders.text < borders.end <= borders.text + IMAGE_LIMIT
    return range(borders.text, borders.end) if is_sane else range(0)


def range_words(image: range) -> str:
    """A range of memory, as whoever dumps it must be told."""
    return f"PA {image.start:#x} - {image.stop:#x} ({size_words(len(image))})"


def region_alone(source: Dump, record: Record) -> KernelError | None:
    """What to say of memory that is too small for the record's kernel: a region alone, as a rule. None where it is not."""
    image, held = image_of(record), size_words(source.held)
    if source.held >= (len(image) or _LEAST):
        return None
    is_own = source.read(record.offset, len(record.raw)) == record.raw
    what = f"holds the record alone ({held})" if is_own else f"has {held}, too little for the record's kernel"
    if not image:
        return KernelError(f"{source.name}: {what}, and the record does not say where its kernel is", "see `kinfo decode`")
    return KernelError(
        f"{source.name}: {what}; the kernel is at {range_words(image)}",
        f"dump that range, or all RAM for modules too, and name it: IMAGE@{image.start:#x}"
        + (f" --kinfo {source.name}" if is_own else ""),
    )
