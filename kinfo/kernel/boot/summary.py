"""Everything that `kinfo info` says of a kernel, as data."""

from __future__ import annotations

from kinfo.findings import Finding, gravest_first
from kinfo.kernel.boot import banner, build_id, clock, loader, slide, vmcoreinfo, voffset
from kinfo.kernel.boot.clock import Uptime
from kinfo.kernel.boot.linear_map import LinearMap, linear_map
from kinfo.kernel.boot.slide import Slide
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.modules.loaded import Module
from kinfo.kernel.printk.triage import Triage, triage
from kinfo.named import NamedTuple
from kinfo.printable import brief


class Summary(NamedTuple):
    """A kernel in a few facts; what could not be had is None or empty."""

    kernel: Kernel
    banner: str
    build_id: str
    slide: Slide | None
    linear: LinearMap
    uptime: list[Uptime]
    modules: list[Module]
    findings: tuple[Finding, ...]
    triage: Triage

    def __repr__(self) -> str:
        return brief(self, f"{self.banner or self.kernel!r}, {len(self.modules)} modules, {len(self.findings)} findings")


def summary(kernel: Kernel) -> Summary:
    """The summary; everything that it needs is read now."""
    found_slide, linear, seen = slide.slide(kernel), linear_map(kernel), triage(kernel)
    of_log = seen.log.findings if seen.log else ()
    found = (*of_log, *kernel.findings, *banner.check(kernel), *loader.check(kernel), *addresses(kernel, linear))
    return Summary(
        kernel=kernel,
        banner=banner.banner(kernel),
        build_id=build_id.build_id(kernel).hex(),
        slide=found_slide,
        linear=linear,
        uptime=clock.uptime(kernel),
        modules=kernel.modules.all if kernel.modules else [],
        findings=gravest_first(found),
        triage=seen,
    )


def addresses(kernel: Kernel, linear: LinearMap) -> tuple[Finding, ...]:
    """What is wrong with the addresses that debuggers go by: kimage_voffset, the linear map, VMCOREINFO, the slide."""
    return (*voffset.check(kernel), *linear.findings, *vmcoreinfo.read(kernel).findings, *slide.check(kernel))
