"""The vendor block, and the virtual address space that it shares with A4 and Z0."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.arch.address import KERNEL_HALF, PA_LIMIT
from kinfo.record import text
from kinfo.record.evidence.subject import Evidence, Subject
from kinfo.record.limits import NAMES_LIMIT


def vendor(subject: Subject) -> Iterator[Evidence]:
    """The fields that the vendor module adds."""
    if subject.window.look(_begins_with_zeros, (8, 72)):
        yield Evidence(-30, "the release begins with zeros")
    root = subject.number("mod_root_pa")
    if root is not None:
        if root == 0:
            yield Evidence(-8, "no module root")
        else:
            is_plausible = 1 << 24 <= root < PA_LIMIT and root % 4 == 0
            yield Evidence(6 if is_plausible else -30, f"module root {root:#x}")
    names = subject.number("names_total_len")
    if names is not None:
        if names == 0:
            yield Evidence(-8, "names_total_len 0")
        else:
            yield Evidence(6 if names < NAMES_LIMIT else -30, f"names_total_len {names}")
    suspend = subject.number("suspend_diag_va")
    if suspend is not None:
        if suspend == 0:
            yield Evidence(-8, "no suspend diagnosis")
        else:
            yield Evidence(6 if suspend >= KERNEL_HALF else -30, f"suspend_diag_va {suspend:#x}")
    yield from _frequencies(subject)


def _begins_with_zeros(raw: bytes) -> bool:
    return raw[:16] == bytes(16) and raw[16:] != bytes(48)


def _frequencies(subject: Subject) -> Iterator[Evidence]:
    if subject.values.get("dss_freq_name") is None:
        return
    field = subject.layout.by_name["dss_freq_name"]
    there = subject.window.look(_names_there, (field.offset, field.end))
    if there == 0:
        yield Evidence(-8, "no frequency names")
    elif there:
        yield Evidence(8, f"{there} frequency names")
    else:
        yield Evidence(-30, "frequency names are no text")


def _names_there(raw: bytes) -> int | None:
    """How many names of 8 bytes there are; None where one of them is no text."""
    strings = [text.before_nul(raw[start : start + 8]) for start in range(0, len(raw), 8)]
    return sum(map(bool, strings)) if all(map(text.is_printable, strings)) else None


def va_space(subject: Subject) -> Iterator[Evidence]:
    """Virtual address space."""
    bits, page_offset = subject.number("va_bits"), subject.number("page_offset")
    if bits is None or page_offset is None:
        return
    if 32 <= bits <= 57 and page_offset >= KERNEL_HALF:
        yield Evidence(12, f"va_bits {bits}, page_offset {page_offset:#x}")
    elif bits == 0 and page_offset == 0:
        yield Evidence(subject.zero(-30), "va_bits and page_offset 0")
    else:
        yield Evidence(-30, f"va_bits {bits}, page_offset {page_offset:#x}: no kernel has such")
