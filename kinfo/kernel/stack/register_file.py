"""Registers out of a text: QEMU's `info registers -a`, a kernel's oops, a boot loader's or a debugger's list.

A register is a name and a number in hex (`PC=ffff8000801234`, `x29: ffff800080003d50`, `RSP: 0018:ffffc90000013e48`), pc, lr
and rip also a symbol (`pc : el0_svc+0x3c/0x180`). A line `CPU#1`, `CPU: 1 ...`, `cpu1:` says whose the registers behind it
are.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kinfo.errors import DumpError, KernelError
from kinfo.memory.registers import RegisterSet
from kinfo.sources import open_source

_LIMIT = 1 << 20  # bytes of such a text
_CPU = re.compile(r"\bcpu ?[#:]? ?(\d{1,4})\b", re.IGNORECASE)
_ARM = r"pc|lr|sp|fp|x(?:[12]?\d|30)|elr(?:_el1)?|pstate"
_X86 = r"r(?:ip|sp|bp|[abcd]x|[sd]i|8|9|1[0-5])"
_REGISTER = re.compile(
    rf"(?<![\w.+])({_ARM}|{_X86})[ \t]{{0,4}}(?:is at)?[:=]?[ \t]{{0,4}}(?:[0-9a-f]{{4}}:)?\[?<?"
    r"(?:(?:0x)?([0-9a-f]{5,16})\b|([a-z_.][\w.$]*\+0x[0-9a-f]+)(?:/0x[0-9a-f]+)?)",
    re.IGNORECASE,
)
_SAME = {"lr": "x30", "fp": "x29", "elr": "pc", "elr_el1": "pc"}

Resolve = Callable[[str], int | None]


def read_registers(path: str, resolve: Resolve) -> tuple[RegisterSet, ...]:
    """The registers in a text file, CPU by CPU. `resolve` gives the address of `name+0xoff`.

    Raises DumpError for a file that cannot be read, KernelError for one that has no program counter and stack pointer.
    """
    with open_source(path) as dump:
        if dump.size > _LIMIT:
            raise DumpError(f"{path}: has {dump.size} bytes: too many for a list of registers", "name the text alone")
        text = dump.read(0, dump.size).decode("utf-8", "replace")
    found = parse(text, resolve)
    if not found:
        hint = "write NAME=VALUE lines: PC, SP and X29 (arm64), or RIP, RSP and RBP (x86-64); `CPU#1` begins another CPU's"
        raise KernelError(f"{path}: has no registers of a CPU", hint)
    return found


def parse(text: str, resolve: Resolve) -> tuple[RegisterSet, ...]:
    """The same out of text; CPUs without a program counter are left out."""
    sets: dict[int | None, dict[str, int]] = {}
    cpu: int | None = None
    for line in text.splitlines():
        if found := _CPU.search(line):
            cpu = int(found[1])
        for name, number, symbol in _REGISTER.findall(line):
            value = int(number, 16) if number else resolve(symbol)
            if value is not None:
                known = sets.setdefault(cpu, {})
                known.setdefault(_SAME.get(name.lower(), name.lower()), value)  # an oops repeats some of them
    return tuple(RegisterSet(values, cpu=one) for one, values in sets.items() if "pc" in values or "rip" in values)
