"""32-bit arm: arch/arm/include. Its page tables are not read."""

from __future__ import annotations

MACHINE, NAME = 40, "arm (32-bit)"  # ELF e_machine, EM_ARM
PC_IN_PRSTATUS = (72 + 4 * 15, 4)  # place and bytes: pr_reg begins at 72, pc is word 15 of struct pt_regs
PA_LIMIT = 1 << 40  # LPAE
