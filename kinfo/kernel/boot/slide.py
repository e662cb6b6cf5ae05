"""The KASLR slide: how far `_text` runs from where it was linked."""

from __future__ import annotations

from typing import NamedTuple

from kinfo.arch import arm, arm64, x86_64
from kinfo.arch.address import SPACE
from kinfo.findings import Finding, Severity
from kinfo.kernel import rules
from kinfo.kernel.boot.vmcoreinfo import read, value
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.formats import PageFormat
from kinfo.record.kernels import Version
from kinfo.record.scan import PAGE


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
    if kernel.space is None or stated is None or stated % PAGE or not 0 <= stated < SPACE:
        return None
    text_pa = image_start(kernel)
    link = kernel.space.va(kernel.kallsyms.borders.stext if text_pa is None else text_pa) - stated
    return Slide(stated, None if text_pa is None else link, info.source) if link >= kernel.space.half else None


def _usual(kernel: Kernel) -> Slide | None:
    text_pa, form = image_start(kernel), kernel.space.form if kernel.space else None
    if kernel.space and form and form.machine == arm.MACHINE:
        return Slide(0, None if text_pa is None else kernel.space.va(text_pa), "32-bit arm, which has no KASLR")
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
    is_arm64 = kernel.space is not None and kernel.space.form is not None and kernel.space.form.machine == arm64.MACHINE
    return borders.stext - arm64.SEGMENT if is_arm64 and borders.stext % arm64.SEGMENT == 0 else None


def _link_address(form: PageFormat | None, version: Version | None) -> int | None:
    if form is None or version is None:
        return None
    if form.machine == arm64.MACHINE:
        return arm64.link_address(version, form.va_bits, form.page_shift)
    return x86_64.LINK_ADDRESS if form.machine == x86_64.MACHINE else None
