"""drgn: a script that sets a program up from the record alone (`Program.set_linux_kernel_custom`, drgn 0.0.31 on)."""

from __future__ import annotations

import sys

from kinfo.arch import arm64, machines, x86_64
from kinfo.debuggers import vmcoreinfo
from kinfo.debuggers.session import DebugRequest, Session
from kinfo.debuggers.symbol_file import machine
from kinfo.errors import KernelError
from kinfo.kernel.kernel import Kernel

SCRIPT = "kinfo-drgn.py"
_ARCHITECTURES = {arm64.MACHINE: "AARCH64", x86_64.MACHINE: "X86_64"}

_SCRIPT = '''\
"""A drgn program for a RAM dump, from its debug-kinfo record. Run it with a Python that has drgn and kinfo: python -i FILE"""

import os
import sys

try:
    import drgn

    import kinfo
except ImportError as error:
    print(f"{{error}}; install it in this Python: {{sys.executable}} -m pip install 'kinfo[drgn]'", file=sys.stderr)
    os._exit(2)

VMCOREINFO = (
{vmcoreinfo})

kernel = kinfo.open_kernel({arguments})
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


def session(kernel: Kernel, asked: DebugRequest) -> Session:
    """The script. Raises KernelError without page tables, or for another machine than arm64 and x86-64."""
    if kernel.space is None:
        raise kernel.no_space
    if kernel.space.form is None:
        raise KernelError("drgn needs the kernel's page tables", kernel.space.reason)
    if kernel.space.form.machine not in _ARCHITECTURES:
        name = machines.name_of(kernel.space.form.machine)
        raise KernelError(f"drgn does not translate virtual addresses of {name} kernels", "take --tool crash or --tool gdb")
    script = _SCRIPT.format(
        vmcoreinfo="".join(f"    {line!r}\n" for line in vmcoreinfo.lines(kernel)),
        arguments=asked.arguments,
        architecture=_ARCHITECTURES[machine(kernel)],
    )
    files = {SCRIPT: lambda file: file.write(script.encode())}
    return Session(script, (sys.executable, "-i", SCRIPT), "drgn (pip install drgn)", module="drgn", files=files)
