"""Everything that `kinfo info` says of a kernel, as data."""

from __future__ import annotations

from typing import NamedTuple

from kinfo.findings import Finding, Severity
from kinfo.kernel.boot import banner, build_id, clock, loader, slide
from kinfo.kernel.boot.clock import Uptime
from kinfo.kernel.boot.slide import Slide
from kinfo.kernel.boot.vmcoreinfo import value, vmcoreinfo
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.modules.table import Module
from kinfo.kernel.paging import linear

_GRAVITY = {severity: place for place, severity in enumerate(Severity)}


class Summary(NamedTuple):
    """A kernel in a few facts; what could not be had is None or empty."""

    kernel: Kernel
    banner: str
    build_id: str
    slide: Slide | None
    phys_offset: int | None
    uptime: list[Uptime]
    modules: list[Module]
    findings: tuple[Finding, ...]


def summary(kernel: Kernel) -> Summary:
    """The summary; everything that it needs is read now."""
    found = (*kernel.findings, *banner.check(kernel), *loader.check(kernel))
    return Summary(
        kernel=kernel,
        banner=banner.banner(kernel),
        build_id=build_id.build_id(kernel).hex(),
        slide=slide.slide(kernel),
        phys_offset=phys_offset(kernel),
        uptime=clock.uptime(kernel),
        modules=kernel.modules.all if kernel.modules else [],
        findings=tuple(sorted(found, key=lambda finding: _GRAVITY[finding.severity])),
    )


def phys_offset(kernel: Kernel) -> int | None:
    """PHYS_OFFSET of arm64 (the PA that PAGE_OFFSET stands for, modulo 2^64); None where nothing tells.

    The kernel's own word comes first: where it was built for 52-bit VAs and runs with 48, it counts from another PAGE_OFFSET
    than the page tables show.
    """
    stated = kernel.pointers.count("phys_offset") or value(vmcoreinfo(kernel), "NUMBER(PHYS_OFFSET)")
    return stated or (linear.phys_offset(kernel.space) if kernel.space else None)
