"""The KASLR slide: how far `_text` runs from where it was linked."""

from __future__ import annotations

from typing import NamedTuple

from kinfo.findings import Finding, Severity
from kinfo.kernel import rules
from kinfo.kernel.boot.vmcoreinfo import read, value
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.formats import ARM64, Format
from kinfo.record.kernels import Version
from kinfo.record.scan import PAGE

_MIB = 1 << 20
_X86_TEXT = 0xFFFFFFFF81000000  # __START_KERNEL_map + CONFIG_PHYSICAL_START as it is by default
_SEGMENT = 0x10000
_TEXT_OFFSET = 0x80000  # TEXT_OFFSET until 5.7

# From which release: bytes between the start of the area that modules and image share, and the image's link address.
# The area starts at _PAGE_END(VA_BITS_MIN) since 5.4, at VA_START before. arch/arm64/include/asm/memory.h.
_ARM64: tuple[tuple[Version, int | None], ...] = (
    ((4, 14), 128 * _MIB + _TEXT_OFFSET),
    ((5, 0), None),  # the BPF JIT area came in between
    ((5, 1), 256 * _MIB + _TEXT_OFFSET),
    ((5, 8), 256 * _MIB),
    ((5, 15), None),  # and went, with backports to some 5.15.y
    ((5, 17), 128 * _MIB),
    ((6, 5), 2048 * _MIB),
)
_FLIPPED = (5, 4)


class Slide(NamedTuple):
    """`slide` bytes above `link`, where `_text` was linked (None: its place is not known), and the evidence."""

    slide: int
    link: int | None
    evidence: str


def slide(kernel: Kernel) -> Slide | None:
    """The slide; None where neither VMCOREINFO nor a link address tells it, or where the two contradict each other.

    A VMCOREINFO whose addresses are borne out is believed: KASAN and a configuration can move the link address.
    """
    stated, usual = _stated(kernel), _usual(kernel)
    if stated and usual and stated.slide != usual.slide and not read(kernel).is_bound:
        return None
    return stated or usual


def check(kernel: Kernel) -> tuple[Finding, ...]:
    """A finding where VMCOREINFO and the usual link address do not give the same slide."""
    stated, usual = _stated(kernel), _usual(kernel)
    if stated is None or usual is None or stated.slide == usual.slide:
        return ()
    message = f"{stated.slide:#x} by {stated.evidence}, {usual.slide:#x} by {usual.evidence}"
    message += f" {usual.link:#x}" if usual.link is not None else ""
    return (rules.KERNEL_SLIDE.at("KERNELOFFSET", message, Severity.INFO if read(kernel).is_bound else None),)


def _stated(kernel: Kernel) -> Slide | None:
    """By VMCOREINFO, where what it says can be: whole pages, and a link address in the kernel's half."""
    info = read(kernel)
    stated = value(info.values, "KERNELOFFSET")
    if kernel.space is None or stated is None or stated % PAGE or not 0 <= stated < 1 << 64:
        return None
    text_pa = image_start(kernel)
    link = kernel.space.va(kernel.kallsyms.borders.stext if text_pa is None else text_pa) - stated
    return Slide(stated, None if text_pa is None else link, info.source) if link >= 1 << 63 else None


def _usual(kernel: Kernel) -> Slide | None:
    text_pa = image_start(kernel)
    if kernel.space is None or text_pa is None:
        return None
    text, link = kernel.space.va(text_pa), _link_address(kernel.space.form, kernel.pointers.version)
    return None if link is None or text < link else Slide(text - link, link, "the release's usual link address")


def image_start(kernel: Kernel) -> int | None:
    """PA of `_text`: from the record or kallsyms; else by `_stext` where the head takes one 64K segment (SEGMENT_ALIGN)."""
    borders = kernel.kallsyms.borders
    if kernel.pointers.pa("text") or borders.text != borders.stext:
        return borders.text
    listed = next((symbol.pa for symbol in kernel.kallsyms.named("_text")), None)
    if listed is not None and listed <= borders.stext:
        return listed
    is_arm64 = kernel.space is not None and kernel.space.form is not None and kernel.space.form.machine == ARM64
    return borders.stext - _SEGMENT if is_arm64 and borders.stext % _SEGMENT == 0 else None


def _link_address(form: Format | None, version: Version | None) -> int | None:
    if form is None or version is None:
        return None
    if form.machine != ARM64:
        return _X86_TEXT
    gap = next((gap for since, gap in reversed(_ARM64) if version >= since), None)
    if gap is None:
        return None
    if version < _FLIPPED:
        return (1 << 64) - (1 << form.va_bits) + gap
    smallest = min(form.va_bits, 48 if form.page_shift != 14 or form.va_bits != 52 else 47)
    return (1 << 64) - (1 << smallest - 1) + gap
