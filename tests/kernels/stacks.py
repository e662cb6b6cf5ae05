"""Stacks and registers of a made kernel with tasks: what CPUs leave when they are interrupted, on arm64 and on x86-64."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from tests.kernels import dumps
from tests.kernels.tasks import (
    FUNCTIONS,
    PT_REGS,
    PT_REGS_SIZE,
    STACK_SIZE,
    TASK,
    THREAD_SP,
    World,
)

_X86_NAMES = (
    *("r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi", "orig_rax"),
    *("rip", "cs", "eflags", "rsp", "ss"),
)


def note(arch: str, values: Mapping[str, int]) -> bytes:
    """An NT_PRSTATUS note with these registers (x0 to x30, sp, pc; rip, rsp and so on)."""
    names = _X86_NAMES if arch == "x86" else (*(f"x{number}" for number in range(31)), "sp", "pc", "pstate")
    return dumps.registers(dumps.MACHINES[arch], {112 + 8 * names.index(name): value for name, value in values.items()})


class Frames:
    """Frame records of arm64 in a task's stack or a CPU's IRQ stack, written from the outermost inwards."""

    def __init__(self, made: World, pid: int) -> None:
        self.made = made
        self.place = made.placed[pid]
        self.top = self.place.stack_pa + STACK_SIZE - PT_REGS_SIZE
        self.shift = self.place.stack - self.place.stack_pa
        last = self.top + PT_REGS["stackframe"]
        made.record(last, 0, 0)
        made.poke(last + 16, 1)
        self.fp = last + self.shift
        self.at = self.top

    def call(self, lr: int) -> int:
        """A function with a frame of 64 bytes, that returns to `lr`; its frame pointer."""
        self.at -= 0x40
        self.made.record(self.at, self.fp, lr)
        self.fp = self.at + self.shift
        return self.fp

    def calls(self, *names: str) -> int:
        """Functions, outermost first, that return to these."""
        for name in names:
            self.call(self.made.va(name, 0x40))
        return self.fp

    def to_irq_stack(self, cpu: int) -> None:
        """What follows lies on a CPU's IRQ stack."""
        low = self.made.percpu + 0x10000 * cpu + 0xC000
        self.at, self.shift = low + STACK_SIZE, self.made.linear(low) - low

    def exception(self, pc: int, lr: int = 0, *, meta: bool = False, user: bool = False) -> None:
        """An exception at `pc`: pt_regs, whose record the handlers' chain leads to."""
        self.at -= PT_REGS_SIZE
        regs = self.at
        self.made.poke(regs + PT_REGS["regs"] + 8 * 29, self.fp)
        self.made.poke(regs + PT_REGS["regs"] + 8 * 30, lr)
        self.made.poke(regs + PT_REGS["pc"], pc)
        self.made.poke(regs + PT_REGS["pstate"], 0 if user else 5)
        record = regs + PT_REGS["stackframe"]
        self.made.record(record, 0 if meta else self.fp, 0 if meta else pc)
        self.made.poke(record + 16, 2)
        self.fp = record + self.shift


def prologue(made: World, name: str, *, at: int = 0) -> None:
    """Let a function set up its frame: stp x29, x30, [sp, #-64]!; mov x29, sp."""
    place = made.kernel.pa("text") + FUNCTIONS[name][0] + at
    made.kernel.poke(place, struct.pack("<II", 0xA9BC7BFD, 0x910003FD))


# x86-64

V1, V2, V3, V4 = "5.10", "6.3", "6.4", "7.3"
_KINDS = {V1: {"call": 0, "regs": 1, "partial": 2, "end": 0}, V3: {"end": 1, "call": 2, "regs": 3, "partial": 4}}
_KINDS[V2] = _KINDS[V1]
_KINDS[V4] = _KINDS[V3]
UNDEFINED, PREV_SP, DX, DI, BP, SP, R10, R13, BP_INDIRECT, SP_INDIRECT = range(10)
# As the entries of Debian's 7.3.4 have them; DI is in none, and 5 a guess that nothing may rely on.
_NUMBERS_OF_V4 = {UNDEFINED: 0, DX: 2, SP: 3, BP: 4, DI: 5, R10: 6, R13: 7, PREV_SP: 8, SP_INDIRECT: 9, BP_INDIRECT: 10}
Entry = tuple[int, int, int, int, str, bool]  # sp register and offset, bp register and offset, kind, signal


def orc_entry(entry: Entry, version: str) -> bytes:
    """An entry's six bytes; bit fields lie as in arch/x86/include/asm/orc_types.h of the release."""
    sp_reg, sp_offset, bp_reg, bp_offset, kind, signal = entry
    if version == V4:
        sp_reg, bp_reg = _NUMBERS_OF_V4[sp_reg], _NUMBERS_OF_V4[bp_reg]
    bits = sp_reg | bp_reg << 4 | _KINDS[version][kind] << 8
    if version == V1:
        bits |= (kind == "end") << 10
    elif version == V2:
        bits |= signal << 10 | (kind == "end") << 11
    else:
        bits |= signal << 11
    return struct.pack("<hhH", sp_offset, bp_offset, bits)


def write_orc(made: World, entries: Mapping[str, Entry], version: str, *, at: int, end: int) -> int:
    """The two tables at a distance from the data's start, one entry a function; how many bytes the places have.

    Functions that are not named have entries that say nothing; rows fill up to `end` entries.
    """
    rows = sorted(
        (made.kernel.spec.text + made.kernel.places["text"] + place, name) for name, (place, _) in FUNCTIONS.items()
    )
    blank: Entry = (UNDEFINED, 0, UNDEFINED, 0, "call", False)
    last = rows[-1][0] + 0x100
    places = [(pa, entries.get(name, blank)) for name, pa in ((name, pa) for pa, name in rows)]
    places += [(last + 0x10 * number, blank) for number in range(end - len(places))]
    data = made.kernel.pa("data") + at
    made.kernel.poke(data, b"".join(struct.pack("<i", pa - (data + 4 * index)) for index, (pa, _) in enumerate(places)))
    made.kernel.poke(data + 4 * len(places), b"".join(orc_entry(entry, version) for _, entry in places))
    return 4 * len(places)


def sleep_x86(made: World, pid: int, words: Sequence[int], *, bp: int = 0) -> int:
    """An x86-64 task asleep, with these words at the top of its stack; the first is where it was switched out. Its sp."""
    place = made.placed[pid]
    at = place.stack_pa + STACK_SIZE - 8 * len(words)
    made.kernel.poke(at, struct.pack(f"<{len(words)}Q", *words))
    sp = at - 48 + place.stack - place.stack_pa
    made.kernel.poke(at - 48, struct.pack("<6Q", 0, 0, 0, 0, 0, bp))
    made.poke(place.pa + TASK["thread"] + THREAD_SP, sp)
    return sp
