"""A build's symbols at the addresses of the boot that regions are of."""

from __future__ import annotations

from kinfo.errors import KernelError
from kinfo.kernel_build.symbol_list import SymbolList
from kinfo.region_memory.held import RegionMemory

_MARKS = ("_stext", "swapper_pg_dir", "init_uts_ns", "linux_banner")


def slide_with(memory: RegionMemory, symbols: SymbolList) -> int:
    """How far KASLR moved that build, as the regions say: VMCOREINFO, whose addresses must be those of the build's symbols.

    Raises KernelError where they do not say it, or contradict the build.
    """
    slide = memory.slide
    if slide is None:
        raise KernelError(f"{memory.source}: does not say how far KASLR moved the image", "give it with --slide 0xN")
    release = memory.values.get("OSRELEASE", "")
    if symbols.release and release and symbols.release != release:
        raise KernelError(f"{memory.source}: is of Linux {release}, {symbols.source} of {symbols.release}", _OTHER)
    known = dict(memory.symbols)
    for entry in symbols.entries:
        if entry.name in _MARKS and not entry.module and entry.name in known:
            is_at = entry.va + (0 if symbols.is_running else slide)
            if is_at != known[entry.name]:
                what = f"{memory.source}: has {entry.name} at VA {known[entry.name]:#x}, {symbols.source} at {is_at:#x}"
                raise KernelError(what, _OTHER)
    return slide


_OTHER = "name the symbols of just that build"
