"""What can be found about a kernel's tasks."""

from __future__ import annotations

from kinfo.findings import Rule, Severity

_SCHED = "struct task_struct, include/linux/sched.h; struct signal_struct, include/linux/sched/signal.h"

KERNEL_TASKS_BROKEN = Rule(
    "kernel-tasks-broken",
    Severity.ERROR,
    "the list of all tasks is damaged",
    "tasks may be missing from the list",
    "a task was being made or was ending, or memory is damaged: `kinfo lookup` says what the addresses belong to",
    _SCHED,
)
KERNEL_THREADS_BROKEN = Rule(
    "kernel-threads-broken",
    Severity.ERROR,
    "the list of a process's threads is damaged",
    "threads of that process may be missing",
    "a thread was being made or was ending, or memory is damaged: the addresses say where",
    _SCHED,
)
KERNEL_TASK_UNREADABLE = Rule(
    "kernel-task-unreadable",
    Severity.ERROR,
    "what a list of tasks leads to cannot be read as a task",
    "that task is missing",
    "dump all RAM: the kernel takes the memory of its tasks from anywhere in it; else that memory is damaged",
    _SCHED,
)
KERNEL_TASK_DOUBTED = Rule(
    "kernel-task-doubted",
    Severity.ERROR,
    "a task says what cannot be",
    "what is shown of that task is not to be trusted",
    "its memory is damaged, or was being changed: `kinfo backtrace --pid` and the log may tell more of it",
    _SCHED,
)

RULES: tuple[Rule, ...] = tuple(value for value in globals().values() if isinstance(value, Rule))
