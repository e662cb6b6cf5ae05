"""Where each CPU was when the dump was taken: the NT_PRSTATUS notes of an ELF core (QEMU and kdump write one a CPU)."""

from __future__ import annotations

from kinfo.arch import machines
from kinfo.elf import MAGIC
from kinfo.errors import DumpError
from kinfo.memory import elf
from kinfo.memory.dump import Dump
from kinfo.memory.physical import Memory
from kinfo.named import NamedTuple


def program_counters(memory: Memory) -> tuple[int, ...]:
    """The program counter of every CPU; none where the dump has no registers, or the machine is not known."""
    place = machines.PC_IN_PRSTATUS.get(memory.machine or 0)
    if place is None:
        return ()
    at, size = place
    dumps = {id(segment.dump): segment.dump for segment in memory.segments}
    raws = [raw[at : at + size] for dump in dumps.values() for raw in _statuses(dump)]
    return tuple(int.from_bytes(raw, "little") for raw in raws if len(raw) == size)


def _statuses(dump: Dump) -> list[memoryview]:
    if dump.read(0, 4) != MAGIC:
        return []
    try:
        return elf.statuses(dump)
    except DumpError:
        return []


class RegisterSet(NamedTuple):
    """One CPU's registers, by the names that its maker gives them (x0 to x30, sp, pc, pstate; rax, rip, rsp, cs).

    `pid` is the note's pr_pid: of kdump the task's that the CPU was in, of QEMU the CPU's number and 1. `cpu` is the CPU
    where that is stated (None: its place among the others says it).
    """

    values: dict[str, int]
    pid: int = 0
    cpu: int | None = None


_PID_AT, _REGS_AT = 32, 112  # pr_pid and pr_reg of 64-bit machines, include/linux/elfcore.h


def register_sets(memory: Memory) -> tuple[RegisterSet, ...]:
    """The registers of every CPU, in the file's order; none where the dump has none, or the machine is not known.

    A CPU whose registers are all 0 was off, or was never asked: its set is empty.
    """
    names = machines.REGISTERS.get(memory.machine or 0)
    if names is None:
        return ()
    dumps = {id(segment.dump): segment.dump for segment in memory.segments}
    return tuple(_set(raw, names) for dump in dumps.values() for raw in _statuses(dump))


def _set(raw: memoryview, names: tuple[str, ...]) -> RegisterSet:
    numbers = [int.from_bytes(raw[at : at + 8], "little") for at in range(_REGS_AT, _REGS_AT + 8 * len(names), 8)]
    is_there = len(raw) >= _REGS_AT + 8 * len(names) and any(numbers)
    pid = int.from_bytes(raw[_PID_AT : _PID_AT + 4], "little")
    return RegisterSet(dict(zip(names, numbers, strict=True)) if is_there else {}, pid)
