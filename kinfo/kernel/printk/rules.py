"""What can be found about the kernel's log."""

from __future__ import annotations

from kinfo.findings import Rule, Severity

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

LOG_DAMAGED = Rule(
    "log-damaged",
    _ERROR,
    "messages of the log are damaged",
    "their text, time or place in the log cannot be trusted, so they are not shown",
    "the others were proved one by one; dump the memory again where it may have changed while it was read",
    "ids and sequence numbers, kernel/printk/printk_ringbuffer.c",
)
LOG_POINTER = Rule(
    "log-pointer",
    _ERROR,
    "a pointer or number that leads to the log is damaged",
    "what it leads to was found in another way, or is missing",
    "the messages that are shown were proved one by one; what is missing is counted",
    "prb, head_id and tail_id of kernel/printk/printk_ringbuffer.h",
)
LOG_NOT_DUMPED = Rule(
    "log-not-dumped",
    _ERROR,
    "a part of the log is not in the dump",
    "those messages are not shown: there are more than can be read here",
    "dump that memory too; the v3 posting of meminspect registers a log of log_buf_len= with size 0: take a later one",
    "the dump's holes; kernel/printk/printk.c of the posting",
)
LOG_STALE = Rule(
    "log-stale",
    _INFO,
    "messages were taken from the log that the kernel had before it had a larger one",
    "the oldest messages are shown, with the times that the larger log has for them",
    "nothing to do: both have the same messages up to the change",
    "setup_log_buf(), kernel/printk/printk.c: the old ring is copied and not used again",
)
LOG_DROPPED = Rule(
    "log-dropped",
    _WARNING,
    "the kernel itself dropped messages",
    "the log has gaps where the buffer had no room, or a CPU was writing when the dump was taken",
    "a larger log (log_buf_len=) has room for longer ones",
    "FAILED_LPOS and desc_reserved, kernel/printk/printk_ringbuffer.h",
)
LOG_OVERWRITTEN = Rule(
    "log-overwritten",
    _INFO,
    "the oldest messages were overwritten",
    "the log does not begin at the start of the boot",
    "boot with a larger log_buf_len= to keep them",
    "LOG_BUF_SHIFT, init/Kconfig",
)

RULES: tuple[Rule, ...] = tuple(value for value in globals().values() if isinstance(value, Rule))
