"""The KASLR slide: how far `_text` runs from where it was linked."""

from __future__ import annotations

from kinfo.arch import arm, arm64, x86_64
from kinfo.arch.address import SPACE
from kinfo.findings import Finding, Severity
from kinfo.kernel import rules
from kinfo.kernel.boot.vmcoreinfo import read
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.formats import PageFormat
from kinfo.memory.vmcoreinfo import value
from kinfo.named import NamedTuple
from kinfo.record.kernels import Version
from kinfo.record.scan import PAGE


class Slide(NamedTuple):
    """`slide` bytes above `link`, where `_text` was linked (None: its place is not known), and the evidence."""

    slide: int
    link: int | None
    evidence: str


def slide(kernel: Kernel) -> Slide | None:
    """The slide; None where neither VMCOREINFO nor a link address tells it, or where the two contradict each other.

    A VMCOREINFO whose addresses are borne out is believed: KASAN and a configuration can move the link address. But where its
    KERNELOFFSET makes a link address that it contradicts itself, or that no kernel is linked at, that number is damaged.
    """
    stated, usual = _stated(kernel), _usual(kernel)
    if stated and usual and stated.slide != usual.slide:
        if not read(kernel).is_bound:
            return None
        return usual if _is_linked_there(kernel, stated) is False else stated
    return stated or usual


def _is_linked_there(kernel: Kernel, stated: Slide) -> bool | None:
    """Whether a kernel can be linked where KERNELOFFSET makes it; None where nothing tells.

    arm64's VMCOREINFO has MODULES_END since 6.0, which is KIMAGE_VADDR (arch/arm64/include/asm/memory.h). Both machines put
    images at multiples of 2 MiB; x86-64 within a GiB (KERNEL_IMAGE_SIZE).
    """
    if stated.link is None or kernel.space is None:
        return None
    border = value(read(kernel).values, "NUMBER(MODULES_END)")
    is_arm64 = kernel.space.form is None or kernel.space.form.machine == arm64.MACHINE
    if is_arm64 and border is not None:
        return stated.link == border
    if is_arm64:
        return None if stated.link % arm64.BLOCK in (0, arm64.TEXT_OFFSET) else False
    if kernel.space.form and kernel.space.form.machine != x86_64.MACHINE:  # 32-bit arm: only vendors' kernels move
        return None
    is_within = 0 <= stated.link - x86_64.START_KERNEL_MAP < x86_64.KERNEL_IMAGE_SIZE
    return None if stated.link % x86_64.IMAGE_ALIGN == 0 and is_within else False


def check(kernel: Kernel) -> tuple[Finding, ...]:
    """A finding where VMCOREINFO and the usual link address do not give the same slide."""
    stated, usual = _stated(kernel), _usual(kernel)
    if stated is None or usual is None or stated.slide == usual.slide:
        return ()
    is_linked = _is_linked_there(kernel, stated)
    is_sure = read(kernel).is_bound and is_linked is not False
    message = f"{stated.slide:#x} by {stated.evidence}, {usual.slide:#x} by {usual.evidence}"
    message += f" {usual.link:#x}" if usual.link is not None else ""
    if is_linked is False and stated.link is not None:
        message += f"; with the first it would be linked at {stated.link:#x}, which cannot be: the number is damaged"
    return (rules.KERNEL_SLIDE.at("KERNELOFFSET", message, Severity.INFO if is_sure else None),)


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
