"""Which architecture an ELF machine number is (e_machine; the numbers are the ELF specification's)."""

from __future__ import annotations

from kinfo.arch import arm, arm64, x86_64

# Those whose kernel images and page tables are read.
BUILDS: dict[int, str] = {one.MACHINE: one.NAME for one in (arm64, x86_64)}
_OTHERS = {3: "x86 (32-bit)", 8: "MIPS", 20: "PowerPC", 21: "PowerPC", 22: "s390", 243: "RISC-V", 258: "LoongArch"}
_NAMES = BUILDS | {arm.MACHINE: arm.NAME} | _OTHERS
RELATIVE = {one.MACHINE: one.RELATIVE for one in (arm64, x86_64)}  # the relocation that is a base plus an addend
PC_IN_PRSTATUS = {one.MACHINE: one.PC_IN_PRSTATUS for one in (arm64, x86_64, arm)}
REGISTERS = {one.MACHINE: one.REGISTERS for one in (arm64, x86_64)}  # the names of those in struct elf_prstatus, in its order


def name_of(machine: int) -> str:
    """What an ELF machine is called in messages."""
    return _NAMES.get(machine, f"machine {machine}")
