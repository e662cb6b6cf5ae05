"""Facts out of an ELF core without a record: what VMCOREINFO says, and what the few regions of a meminspect core hold."""

from __future__ import annotations

from kinfo.arch import machines, x86_64
from kinfo.kernel_build import config, symbols
from kinfo.kernel_build.model import Told
from kinfo.kernel_build.names import SYMBOLS
from kinfo.memory import Memory
from kinfo.memory.vmcoreinfo import parse, value

_SEARCHED = 64 << 20  # bytes of a core that are looked through for a configuration: cores of a few regions are smaller


def tell(memory: Memory) -> Told | None:
    """What a core says; None where it has no VMCOREINFO."""
    info = parse(memory.vmcoreinfo)
    if not info:
        return None
    told = Told(memory.name, is_running=True)
    told.add("arch", machines.BUILDS.get(memory.machine or 0), "header of the core")
    tell_vmcoreinfo(told, info)
    told.add("release", info.get("OSRELEASE"), "VMCOREINFO: OSRELEASE")
    voffset = value(info, "NUMBER(kimage_voffset)")
    phys_base = value(info, "NUMBER(phys_base)", 10)
    if voffset is None and phys_base is not None:
        voffset = x86_64.voffset(phys_base)
    told.add("kimage_voffset", voffset, "VMCOREINFO")
    if voffset is not None:
        told.add("num_syms", _held(memory, told, "kallsyms_num_syms", voffset, 4), "content of kallsyms_num_syms")
        told.add(
            "relative_base", _held(memory, told, "kallsyms_relative_base", voffset, 8), "content of kallsyms_relative_base"
        )
    _tell_config(told, memory)
    return told


def tell_vmcoreinfo(told: Told, info: dict[str, str]) -> None:
    """The lines that are facts (Documentation/admin-guide/kdump/vmcoreinfo.rst)."""
    told.add("kaslr_slide", value(info, "KERNELOFFSET"), "VMCOREINFO: KERNELOFFSET")
    told.add("VA_BITS", value(info, "NUMBER(VA_BITS)", 10), "VMCOREINFO", is_fallback=True)
    told.add("PHYS_OFFSET", value(info, "NUMBER(PHYS_OFFSET)"), "VMCOREINFO", is_fallback=True)
    listed = {name: va for name in SYMBOLS if (va := value(info, f"SYMBOL({name})")) is not None}
    symbols.tell(told, listed, "VMCOREINFO: SYMBOL")


def _held(memory: Memory, told: Told, symbol: str, voffset: int, size: int) -> int | None:
    """A variable's content, where the core has it."""
    fact = told.facts.get(symbol)
    pa = int(fact.value) - voffset if fact else -1
    return memory.number(pa, size) if pa >= 0 and memory.holds(pa, size) else None


def _tell_config(told: Told, memory: Memory) -> None:
    left = _SEARCHED
    for segment in memory.segments:
        size = min(segment.end - segment.start, left)
        left -= size
        text = config.embedded(memory.view_up_to(segment.start, size), memory.name)
        if text:
            config.tell(told, text, "configuration in it")
            return
