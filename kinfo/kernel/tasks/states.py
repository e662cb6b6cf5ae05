"""A task's state as the letter that ps prints.

fs/proc/array.c, get_task_state(), and include/linux/sched.h, task_state_index(). The bits are those of 4.14 and later, which
all kernels with BTF are; 6.1 put TASK_FREEZABLE and TASK_FROZEN above them, 5.15 TASK_RTLOCK_WAIT.
"""

from __future__ import annotations

_LETTERS = "RSDTtXZPI"  # running, sleeping, disk sleep, stopped, tracing stop, dead, zombie, parked, idle
_REPORT = 0x7F  # TASK_REPORT: all that have a letter but idle
_UNINTERRUPTIBLE = 0x2
_IDLE = 0x402  # TASK_UNINTERRUPTIBLE | TASK_NOLOAD: sleeps without being waited for
_RTLOCK_WAIT, _FROZEN = 0x1000, 0x8000  # shown as uninterruptible


def letter(state: int, exit_state: int) -> str:
    """The letter for a task's state (`__state`, up to 5.13 `state`) and exit_state."""
    shown = (state | exit_state) & _REPORT
    if state & _IDLE == _IDLE:
        return _LETTERS[-1]
    if state & (_RTLOCK_WAIT | _FROZEN):
        shown = _UNINTERRUPTIBLE
    return _LETTERS[shown.bit_length()]
