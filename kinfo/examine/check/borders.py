"""The image's borders against each other: alignment, the gap in front of the text, the size of all."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.arch import arm64, x86_64
from kinfo.examine import symbol_rules
from kinfo.findings import Finding, Severity
from kinfo.record.limits import IMAGE_DOUBT
from kinfo.record.record import Record

_PAGE = 4096
_END_IN_SEGMENTS = (6, 1)  # measured in 6.1, 6.12 and 6.18; 4.14 to 4.19 end at a page


def head_gap(record: Record) -> int | None:
    """From `_text` to `_stext` in bytes; None where one of them is not known. The base is `_text` under KALLSYMS_ALL."""
    start = record.pointer("stext")
    text = record.pointer("text") or (record.number("enabled_all") and record.pointer("relative"))
    return start - text if start and text and text <= start else None


def is_arm64(record: Record) -> bool:
    """Whether the image's head says so: only arm64 has 64 KiB between `_text` and `_stext`."""
    return record.number("bit_per_long") == 64 and head_gap(record) == arm64.SEGMENT


def check(record: Record) -> Iterator[Finding]:
    """All of this module; a 32-bit kernel's borders lie where they fall."""
    yield from _size(record)
    if record.number("bit_per_long") == 64:
        yield from _alignment(record)
        yield from _head(record)


def _size(record: Record) -> Iterator[Finding]:
    suffix = record.suffix
    start, end = record.pointer("stext"), record.pointer("end")
    if start and end and end - start > IMAGE_DOUBT:
        severity = None if end - start > x86_64.KERNEL_IMAGE_SIZE else Severity.WARNING
        size = f"{(end - start) >> 20} MiB from _stext_{suffix} {start:#x}"
        yield symbol_rules.SYMBOLS_IMAGE_SIZE.at(f"_end_{suffix}", f"{end:#x} is {size}", severity)


def _alignment(record: Record) -> Iterator[Finding]:
    for name, step in _steps(record).items():
        value = record.pointer(name)
        if value and value % step:
            yield symbol_rules.SYMBOLS_ALIGNMENT.at(f"_{name}_{record.suffix}", f"{value:#x} is not a multiple of {step}")


def _steps(record: Record) -> dict[str, int]:
    steps = {"text": _PAGE, "stext": _PAGE, "end": _PAGE, "sinittext": 8}
    if is_arm64(record):
        version = record.release.version if record.release else (0, 0)
        steps |= {"stext": arm64.SEGMENT, "etext": arm64.SEGMENT, "einittext": 4}
        if version >= _END_IN_SEGMENTS:
            steps["end"] = arm64.SEGMENT
    return steps


def _head(record: Record) -> Iterator[Finding]:
    gap, start = head_gap(record), record.pointer("stext") or 0
    is_x86 = gap == 0 and start % x86_64.IMAGE_ALIGN == 0
    if gap is not None and not is_x86 and gap not in arm64.HEAD_GAPS:
        text = f"{start:#x} is {gap:#x} behind the image's start {start - gap:#x}"
        yield symbol_rules.SYMBOLS_HEAD.at(f"_stext_{record.suffix}", text)
