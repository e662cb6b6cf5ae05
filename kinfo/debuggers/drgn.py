"""drgn: a script that sets a program up from the record alone (`Program.set_linux_kernel_custom`, drgn 0.0.31 on)."""

from __future__ import annotations

import sys

from kinfo.debuggers.session import SCRIPT, Asked, Session
from kinfo.debuggers.symbol_file import machine
from kinfo.errors import KernelError
from kinfo.kernel.boot.slide import slide
from kinfo.kernel.boot.summary import phys_offset
from kinfo.kernel.boot.vmcoreinfo import vmcoreinfo
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.formats import ARM64, X86_64

_ARCHITECTURES = {ARM64: "AARCH64", X86_64: "X86_64"}

_SCRIPT = '''\
"""A drgn program for a RAM dump, from its debug-kinfo record. Run it with a Python that has drgn and kinfo: python -i FILE"""

import drgn

import kinfo

VMCOREINFO = (
{vmcoreinfo})

kernel = kinfo.open_kernel({ram!r}, {kinfo!r})
platform = drgn.Platform(drgn.Architecture.{architecture}, drgn.PlatformFlags.IS_64_BIT | drgn.PlatformFlags.IS_LITTLE_ENDIAN)
prog = drgn.Program(platform, vmcoreinfo=VMCOREINFO)
for segment in kernel.memory.segments:
    size = segment.end - segment.start
    read = lambda address, count, offset, physical: kernel.memory.read(address, count)
    prog.add_memory_segment(segment.start, size, read, physical=True)
prog.set_linux_kernel_custom(VMCOREINFO, is_live=False)
symbols = [
    drgn.Symbol(one.name, one.address, max(one.size, 1), drgn.SymbolBinding.GLOBAL, drgn.SymbolKind.UNKNOWN)
    for one in kernel.symbols(modules=True)
    if not one.name.startswith("$")
]
prog.register_symbol_finder("kinfo", drgn.SymbolIndex(symbols), enable_index=0)

if __name__ == "__main__":
    print(f"prog: {{len(symbols)}} symbols; try prog.symbol('linux_banner') and prog.read(ADDRESS, SIZE)")
    print(prog.read(prog.symbol("_stext").address, 16).hex())
'''


def session(kernel: Kernel, asked: Asked) -> Session:
    """The script. Raises KernelError without page tables, or for another machine than arm64 and x86-64."""
    if kernel.space is None:
        raise kernel.no_space
    if kernel.space.form is None:
        raise KernelError("drgn needs the kernel's page tables", kernel.space.reason)
    lines = [f"{key}={value}\n".encode() for key, value in _vmcoreinfo(kernel).items()]
    script = _SCRIPT.format(
        vmcoreinfo="".join(f"    {line!r}\n" for line in lines),
        ram=list(asked.ram),
        kinfo=asked.kinfo,
        architecture=_ARCHITECTURES[machine(kernel)],
    )
    return Session((sys.executable, "-i", SCRIPT), "drgn (pip install drgn)", module="drgn", script=script)


def _vmcoreinfo(kernel: Kernel) -> dict[str, str]:
    """What drgn asks VMCOREINFO for; the kernel's own words where the dump has them."""
    space = kernel.space
    assert space is not None
    form = space.form
    assert form is not None
    found = slide(kernel)
    lines = {
        "OSRELEASE": kernel.record.release_text,
        "PAGESIZE": f"{form.page_size}",
        "SYMBOL(_stext)": f"{space.va(kernel.kallsyms.borders.stext):x}",
        "SYMBOL(swapper_pg_dir)": f"{space.va(space.root):x}",
        "KERNELOFFSET": f"{found.slide if found else 0:x}",
    }
    if form.machine == ARM64:
        lines["NUMBER(VA_BITS)"] = f"{form.va_bits}"
        lines["NUMBER(TCR_EL1_T1SZ)"] = f"{64 - (space.va_bits or form.va_bits):#x}"
        lines["NUMBER(kimage_voffset)"] = f"{space.voffset:#x}"
        if (start := phys_offset(kernel)) is not None:
            lines["NUMBER(PHYS_OFFSET)"] = f"{start:#x}"
    else:
        stext = kernel.kallsyms.borders.stext
        lines["NUMBER(phys_base)"] = f"{stext - (space.va(stext) - 0xFFFFFFFF80000000)}"
        lines["NUMBER(pgtable_l5_enabled)"] = f"{int(form.va_bits == 57)}"
    return lines | vmcoreinfo(kernel)
