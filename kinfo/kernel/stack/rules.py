"""What can be found about call chains."""

from __future__ import annotations

from kinfo.findings import Rule, Severity

KERNEL_STACK_BROKEN = Rule(
    "kernel-stack-broken",
    Severity.ERROR,
    "a task's call chain breaks off",
    "the functions that called those that are shown are not known",
    "the message says where: the stack was overwritten or is not in the dump; a dump of all RAM has every stack",
    "arch/arm64/kernel/stacktrace.c; arch/x86/kernel/unwind_orc.c",
)
KERNEL_STACK_GUESSED = Rule(
    "kernel-stack-guessed",
    Severity.WARNING,
    "where a CPU was had to be guessed",
    "the innermost frames may be of calls that had returned",
    "name the CPUs' registers with --registers FILE, or dump with them (QEMU's and kdump's cores have them)",
    "runqueues, kernel/sched/core.c",
)

RULES: tuple[Rule, ...] = tuple(value for value in globals().values() if isinstance(value, Rule))
