"""Whether a vmlinux that the user names is that of the kernel in the memory: a debugger shows nonsense with another one."""

from __future__ import annotations

import re

from kinfo.arch import machines
from kinfo.debuggers.symbol_file import machine
from kinfo.errors import DumpError, KernelError
from kinfo.kernel.boot.banner import banner, release
from kinfo.kernel.boot.build_id import build_id
from kinfo.kernel.kernel import Kernel
from kinfo.kernel_build.vmlinux import Vmlinux
from kinfo.record import text
from kinfo.sources import kinds, open_file

_BANNER = re.compile(rb"Linux version (\d[!-~]{0,63}) \([^\0\n]{0,512}")
_HINT = "name the vmlinux with debug information of this very build"


def check(kernel: Kernel, path: str) -> None:
    """Raise KernelError unless a file is the kernel's vmlinux, by build id or else by its banner; DumpError for no kernel."""
    with open_file(path) as file:
        if file.packing or file.recognised.kind not in (kinds.ELF, kinds.ELF_CORE):  # packed: no debugger would open it
            hint = f"unpack it first: {file.packing.unpack} {path}" if file.packing else _HINT
            raise DumpError(f"{path}: is no ELF file, hence no vmlinux", hint)
        image = Vmlinux(file.content)
        line = _banner(image)
        if line is None:
            raise DumpError(f"{path}: is no Linux kernel: it has no linux_banner", _HINT)
        wanted = machines.BUILDS.get(machine(kernel), "another machine")
        if image.machine != wanted:
            raise KernelError(f"{path}: is a kernel for {image.machine}, the one in the memory is for {wanted}", _HINT)
        _same_build(kernel, path, image.build_id, line)


def _same_build(kernel: Kernel, path: str, build: bytes, line: re.Match[bytes]) -> None:
    own = build_id(kernel)
    if own and build:
        if own != build:
            raise KernelError(f"{path}: has the build id {build.hex()}, the kernel in the memory {own.hex()}", _HINT)
        return
    whole, (version, source) = banner(kernel), release(kernel)
    stated = text.escape(line[0] if whole else line[1])
    if not (whole or version):
        raise KernelError(f"{path}: cannot be told from another: the memory has neither build id nor release", _HINT)
    if stated != (whole or version):
        where = "linux_banner in the memory" if whole else source
        raise KernelError(f"{path}: is {stated!r}, but {where} has {whole or version!r}", _HINT)


def _banner(image: Vmlinux) -> re.Match[bytes] | None:
    return next((found for part in image.parts if (found := _BANNER.search(part))), None)
