"""The log of kernels before 5.10, out of anything that has bytes at VAs."""

from __future__ import annotations

from kinfo.errors import KernelError
from kinfo.kernel.printk import log_buf, rules
from kinfo.kernel.printk.log_buf import BufferPlace, LogBuffer
from kinfo.kernel.printk.message import PrintkLog
from kinfo.kernel.printk.reach import exactly
from kinfo.kernel.printk.slots import DAMAGED, NOT_DUMPED
from kinfo.kernel.printk.where import NO_LOG, Where, count_of, reasons


def of_buffer(where: Where) -> PrintkLog:
    """The log. Raises KernelError where it is not to be found, or nothing of it is in the dump."""
    place = _place(where)
    stated = log_buf.stated(where.values)
    buffers = [LogBuffer(where.reach, one, place) for one in (*([stated] if stated else ()), *log_buf.known())]
    buffer = next((one for one in buffers if one.fits()), buffers[0])
    messages = buffer.messages()
    if not messages:
        raise KernelError(
            f"the log at VA {place.start:#x} has no message{reasons(buffer.lost)}", "it is damaged, or was not dumped"
        )
    findings = []
    for reason, rule in ((DAMAGED, rules.LOG_DAMAGED), (NOT_DUMPED, rules.LOG_NOT_DUMPED)):
        if buffer.lost[reason]:
            text = f"the chain of records breaks off after {count_of(len(messages))}: the next one is {reason}"
            findings.append(rule.at("log_buf", text))
    if where.version is not None and where.version < log_buf.JOINED_BEFORE:
        messages = log_buf.joined(messages)
    if place.first_seq and not findings:
        findings.append(rules.LOG_OVERWRITTEN.at("log_buf", f"the messages before number {place.first_seq} are gone"))
    return PrintkLog(messages, where.source, buffer.layout.source, +buffer.lost, tuple(findings), where.release)


def _place(where: Where) -> BufferPlace:
    """Where the old buffer is: log_buf points to it, three more variables are numbers of 4 bytes."""

    def number(name: str, size: int) -> int:
        at = where.address(name)
        if at is None:
            raise KernelError(f"nothing in {where.source} says where {name} is", NO_LOG)
        return int.from_bytes(exactly(where.reach, at, size, name), "little")

    start, size, first, last = (
        number("log_buf", where.reach.word),
        *(number(name, 4) for name in ("log_buf_len", "log_first_idx", "log_next_idx")),
    )
    try:
        seq = number("log_first_seq", 8)
    except KernelError:  # VMCOREINFO does not have it
        seq = None
    return BufferPlace(start, size, first, last, seq)
