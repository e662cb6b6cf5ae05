"""Where each CPU was when the dump was taken: the NT_PRSTATUS notes of an ELF core (QEMU and kdump write one a CPU)."""

from __future__ import annotations

from kinfo.errors import DumpError
from kinfo.memory import elf
from kinfo.memory.dump import Dump
from kinfo.memory.physical import Memory

_NT_PRSTATUS = 1
_ARM, _X86_64, _ARM64 = 40, 62, 183
# struct elf_prstatus: pr_reg begins at 112 (72 on 32 bits); pc is word 32 of arm64's user_pt_regs, word 15 of arm's pt_regs,
# rip word 16 of x86-64's user_regs_struct. include/linux/elfcore.h, arch/*/include/uapi/asm/ptrace.h.
_PLACES = {_ARM64: (112 + 8 * 32, 8), _X86_64: (112 + 8 * 16, 8), _ARM: (72 + 4 * 15, 4)}


def program_counters(memory: Memory) -> tuple[int, ...]:
    """The program counter of every CPU; none where the dump has no registers, or the machine is not known."""
    place = _PLACES.get(memory.machine or 0)
    if place is None:
        return ()
    at, size = place
    dumps = {id(segment.dump): segment.dump for segment in memory.segments}
    raws = [raw[at : at + size] for dump in dumps.values() for raw in _statuses(dump)]
    return tuple(int.from_bytes(raw, "little") for raw in raws if len(raw) == size)


def _statuses(dump: Dump) -> list[memoryview]:
    if dump.read(0, 4) != elf.MAGIC:
        return []
    try:
        return [raw for kind, raw in elf.notes(dump) if kind == _NT_PRSTATUS]
    except DumpError:
        return []
