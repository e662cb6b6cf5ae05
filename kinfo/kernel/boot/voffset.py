"""kimage_voffset as the kernel wrote it down, against the one that its addresses are counted with.

A record and a base that were made for another load address agree with each other; what the kernel itself wrote does not.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.arch import arm, x86_64
from kinfo.arch.address import MASK, signed
from kinfo.findings import Finding
from kinfo.kernel import rules, variables
from kinfo.kernel.boot import banner
from kinfo.kernel.boot.vmcoreinfo import IN_RAM, in_ram
from kinfo.kernel.kernel import Kernel
from kinfo.memory.vmcoreinfo import value
from kinfo.named import NamedTuple


class Contradiction(NamedTuple):
    """kimage_voffset by `source`, where the addresses are counted with `own`."""

    voffset: int
    source: str
    own: int

    @property
    def too_high(self) -> int:
        """How much too high the image's physical addresses are, as a signed number."""
        return signed(self.voffset - self.own & MASK)


def contradiction(kernel: Kernel) -> Contradiction | None:
    """What contradicts the kernel's addresses; None where nothing does.

    The variable, where kallsyms lists it. Else, unless the page tables bear the addresses out, the VMCOREINFO of a kernel of
    this release that lies in the memory, if none there agrees.
    """
    space = kernel.space
    if space is None:
        return None
    written = _variable(kernel)
    if written is not None:
        name, voffset = written
        return None if voffset == space.voffset else Contradiction(voffset, name, space.voffset)
    if space.form is not None:
        return None
    listed = list(_listed(kernel))
    return None if not listed or space.voffset in listed else Contradiction(listed[0], IN_RAM, space.voffset)


def check(kernel: Kernel) -> tuple[Finding, ...]:
    """The contradiction as a finding."""
    found = contradiction(kernel)
    if found is None or kernel.space is None:
        return ()
    message = f"{found.source} gives {found.voffset:#x}, {kernel.space.evidence} {found.own:#x}"
    return (rules.KERNEL_VOFFSET.at("kimage_voffset", message),)


def _variable(kernel: Kernel) -> tuple[str, int] | None:
    """arm64's kimage_voffset (head.S), x86-64's phys_base (head_64.S), or arm's __pv_offset (phys2virt.S), as the first."""
    if kernel.word == 4:
        offset = variables.number(kernel, "__pv_offset", 8)  # CONFIG_ARM_PATCH_PHYS_VIRT; 0 before head.S has run
        return ("the variable __pv_offset", arm.voffset(offset)) if offset else None
    voffset = variables.number(kernel, "kimage_voffset")
    if voffset:
        return "the variable kimage_voffset", voffset
    base = variables.number(kernel, "phys_base")
    return None if base is None else ("the variable phys_base", x86_64.voffset(base))


def _listed(kernel: Kernel) -> Iterator[int]:
    release, _ = banner.release(kernel)
    for values in in_ram(kernel.memory):
        if values.get("OSRELEASE") == release:
            voffset, base = value(values, "NUMBER(kimage_voffset)"), value(values, "NUMBER(phys_base)", 10)
            if voffset is not None:
                yield voffset
            elif base is not None:
                yield x86_64.voffset(base)
