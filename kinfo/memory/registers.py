"""Where each CPU was when the dump was taken: the NT_PRSTATUS notes of an ELF core (QEMU and kdump write one a CPU)."""

from __future__ import annotations

from kinfo.arch import machines
from kinfo.elf.structs import MAGIC
from kinfo.errors import DumpError
from kinfo.memory import elf
from kinfo.memory.dump import Dump
from kinfo.memory.physical import Memory


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
