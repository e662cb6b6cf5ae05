"""What opens an ELF core of a kernel, and how: lines to type.

Tried on cores of regions: vmcore-dmesg of kexec-tools 2.0.25, drgn 0.3.0 and gdb 13, without a vmlinux; on cores of all
memory drgn and gdb with one. That crash opens regions with --minimal, and that Debian's refuses arm64, is from its source
(8.0.2); gdb's -o is from its manual.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from kinfo.arch import arm, arm64, x86_64
from kinfo.elf import read as tables
from kinfo.elf.notes import VMCOREINFO
from kinfo.elf.structs import ET_CORE, PT_LOAD, form_of
from kinfo.errors import KinfoError
from kinfo.memory import open_dump
from kinfo.memory.vmcoreinfo import parse, value

_OTHER = "name a debugger with --tool crash, gdb or drgn, or write a core first: kinfo core FILE -o ram.core"
_PAGE = 4096
_GDB = "`gdb vmlinux {path}` would read constants from vmlinux, at addresses without KASLR"
_CRASH = {
    x86_64.MACHINE: "crash 8.0.2 or later, built for x86-64",
    arm.MACHINE: "crash 8.0.2 or later, built for arm (make target=ARM)",
}
_CRASH_ARM64 = "crash 8.0.2 or later built for arm64 (make target=ARM64): Debian's on x86-64 refuses it"


def of_core(path: str) -> str:
    """The lines for a core that is there. Raises KinfoError where the file is none."""
    with open_dump(path) as dump:
        form = form_of(dump.read(0, 16))
        head = tables.header(dump.view, form) if form and not form.is_big else None
        if form is None or head is None or head.type != ET_CORE:
            raise KinfoError(f"{path}: is no ELF core of a little-endian machine", _OTHER)
        programs = tables.programs(dump.view, form, head) or []
        found = (bytes(note.content) for note in tables.notes(dump.view, programs) if note.name == VMCOREINFO)
        text = next(found, b"")
        loads = [one for one in programs if one.type == PT_LOAD and one.in_file]
    if loads and all(one.va in (0, one.pa) for one in loads):
        steps = list(_of_physical(shlex.quote(path)))
    else:
        is_regions = any(one.in_file < _PAGE for one in loads)
        steps = list(_steps(path, text, head.machine, is_regions=is_regions))
    return _shown(steps)


def _shown(steps: Sequence[tuple[str, str]]) -> str:
    """The screen's last part."""
    width = max((len(command) for command, _ in steps if len(command) < 60), default=0)
    return "Open it with:\n" + "".join(f"  {command:<{width}}    # {why}\n" for command, why in steps)


def _of_physical(file: str) -> Iterator[tuple[str, str]]:
    """What makes of a core that has PAs for VAs, as QEMU's dump-guest-memory writes it, one that debuggers open."""
    yield f"kinfo core {file} -o ram.core", "memory is at its PAs here; in that core it is at its VAs, as kdump has it"
    yield f"kinfo debug {file} --tool gdb", "the line for gdb as it is; --tool crash, --tool drgn: theirs"


def _steps(path: str, vmcoreinfo: bytes, machine: int, *, is_regions: bool) -> Iterator[tuple[str, str]]:
    """Commands, and what to know of each.

    `is_regions`: only a few regions are in the core, no page tables and no modules.
    """
    file = shlex.quote(path)
    gdb = f"core-file {file}"
    values = parse(vmcoreinfo)
    if not values:
        yield shlex.join(("gdb", "-ex", gdb)), "memory by its VA; without VMCOREINFO crash, drgn and vmcore-dmesg refuse it"
        return
    yield f"kinfo dmesg {file}", "the log; no vmlinux is needed"
    yield f"vmcore-dmesg {file}", "the log, by kexec-tools"
    yield f"drgn -c {file} -s vmlinux", "vmlinux of this build, with debug information"
    offset = value(values, "KERNELOFFSET")
    symbols = f"symbol-file -o {'0xKERNELOFFSET' if offset is None else f'{offset:#x}'} vmlinux"
    why = _GDB.format(path=file) if offset is not None else "KERNELOFFSET, the KASLR slide, is not in VMCOREINFO"
    yield shlex.join(("gdb", "-ex", gdb, "-ex", symbols)), why
    yield from _crash(file, machine, is_regions=is_regions)


def _crash(file: str, machine: int, *, is_regions: bool) -> Iterator[tuple[str, str]]:
    options = "--minimal " if is_regions else ""
    if machine == arm64.MACHINE:
        yield f"crash {options}vmlinux {file}", _CRASH_ARM64
    elif machine in _CRASH and not is_regions:
        yield f"crash vmlinux {file}", _CRASH[machine]
