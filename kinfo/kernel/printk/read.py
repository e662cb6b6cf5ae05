"""The log, wherever it is: the ring buffer of 5.10 on, or the buffer before it, out of anything that has bytes at VAs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from kinfo.errors import KernelError
from kinfo.findings import Finding
from kinfo.kernel.printk import layout, log_buf, ring, rules
from kinfo.kernel.printk.layout import RingLayout
from kinfo.kernel.printk.log_buf import LogBuffer, Place
from kinfo.kernel.printk.message import Message, PrintkLog
from kinfo.kernel.printk.reach import Reach, exactly
from kinfo.kernel.printk.ring import DAMAGED, DROPPED, NOT_DUMPED, OVERWRITTEN, UNFINISHED, Ring
from kinfo.record.kernels import Version

_NO_LOG = "a kernel with CONFIG_KALLSYMS_ALL or CONFIG_VMCORE_INFO says where its log is"


class Where(NamedTuple):
    """What leads to a log.

    `reach` has the bytes, `address` gives a variable's VA (None: not known), `values` are VMCOREINFO's lines, `layouts` what
    else says where members lie. `release` is the kernel's ("" unknown) and `version` its numbers; `source` says in words what
    all of this rests on.
    """

    reach: Reach
    address: Callable[[str], int | None]
    values: Mapping[str, str]
    source: str
    release: str = ""
    version: Version | None = None
    layouts: Callable[[], Iterator[RingLayout]] = lambda: iter(())


def read(where: Where) -> PrintkLog:
    """The log. Raises KernelError where nothing leads to one, or nothing of it is in the dump."""
    prb = where.address("prb")
    if prb is not None:
        return _of_ring(where, prb)
    if where.address("log_first_idx") is not None:  # 5.10 and later have a log_buf as well
        return _of_buffer(where)
    raise KernelError(f"nothing in {where.source} says where the kernel's log is", _NO_LOG)


def _of_ring(where: Where, prb: int) -> PrintkLog:
    live, findings = _live(where, prb)
    messages = live.messages()
    if live.lost[NOT_DUMPED] and (stale := _stale(where, live)):
        messages, stales = _filled(live, messages, stale)
        if stales:
            live.lost[NOT_DUMPED] -= stales
            text = f"{stales} messages are from the ring at VA {stale.head.va:#x}, which the kernel had used first"
            findings.append(rules.LOG_STALE.at("printk_rb_static", text))
    if not live.has_whole_window:
        text = f"ids {live.head.oldest:#x} to {live.head.newest:#x} are no range of {live.head.slots} messages"
        findings.append(rules.LOG_POINTER.at("head_id", f"{text}: every slot was looked at"))
    if not messages:
        raise KernelError(f"no message of the log is in the dump{_reasons(live.lost)}", "dump the kernel image and all RAM")
    findings += _loss(live.lost, messages)
    return PrintkLog(messages, where.source, live.layout.source, +live.lost, tuple(findings), where.release)


def _live(where: Where, prb: int) -> tuple[Ring, list[Finding]]:
    """The ring that the kernel wrote to last: where its pointer prb leads, else the static one."""
    layouts = _layouts(where)
    static = where.address("printk_rb_static")
    try:
        pointer = int.from_bytes(exactly(where.reach, prb, where.reach.word, "prb"), "little")
        found = ring.found_ring(where.reach, layouts, pointer)
        if found.fits() or static in (None, pointer):
            return found, []
        reason = f"what is at VA {pointer:#x} is no ring whose messages are where they belong"
    except KernelError as error:
        if static is None:
            raise
        found, reason = None, error.message
    other = ring.found_ring(where.reach, layouts, static)
    if found is not None and not other.fits():
        return found, []
    text = f"{reason}; the static ring at VA {static:#x} was read, which the kernel may have left early"
    return other, [rules.LOG_POINTER.at("prb", text)]


def _layouts(where: Where) -> list[RingLayout]:
    stated = layout.stated(where.values)
    return [*([stated] if stated else ()), *where.layouts(), *layout.known(where.reach.word)]


def _stale(where: Where, live: Ring) -> Ring | None:
    """The static ring, where the kernel has gone over to another one (log_buf_len=, or many CPUs)."""
    static = where.address("printk_rb_static")
    if static is None or static == live.head.va:
        return None
    try:
        return Ring(where.reach, live.layout, static)
    except KernelError:
        return None


def _filled(live: Ring, messages: list[Message], stale: Ring) -> tuple[list[Message], int]:
    """The messages with those that only the stale ring has the text of: the same number and the same time."""
    missing = dict(live.unreadable())
    for message in messages:
        missing.pop(message.seq, None)
    found = [one for one in stale.messages() if missing.get(one.seq) == one.ns]
    return sorted([*messages, *found], key=lambda message: message.seq), len(found)


def _loss(lost: Counter[str], messages: list[Message]) -> list[Finding]:
    """What cannot be shown, and why."""
    found = []
    if lost[DAMAGED]:
        found.append(rules.LOG_DAMAGED.at("log", f"{_messages(lost[DAMAGED])} cannot be shown"))
    if lost[NOT_DUMPED]:
        last = f"; the last one that is here was printed {messages[-1].ns / 1e9:.6f} s after boot"
        found.append(rules.LOG_NOT_DUMPED.at("log", f"{_messages(lost[NOT_DUMPED])} are not in the dump{last}"))
    if dropped := lost[DROPPED]:
        found.append(rules.LOG_DROPPED.at("log", f"{_messages(dropped)}: {DROPPED}"))
    if lost[UNFINISHED]:
        found.append(rules.LOG_DROPPED.at("log", f"{_messages(lost[UNFINISHED])}: {UNFINISHED}"))
    if (first := messages[0].seq) and not lost[DAMAGED] and not lost[NOT_DUMPED]:
        found.append(rules.LOG_OVERWRITTEN.at("log", f"the messages before number {first} are gone"))
    lost.pop(OVERWRITTEN, None)
    return found


def _messages(count: int) -> str:
    return f"{count} message{'s' * (count != 1)}"


def _reasons(lost: Counter[str]) -> str:
    reasons = [f"{count} {reason}" for reason, count in lost.items() if count]
    return f": {', '.join(reasons)}" if reasons else ""


def _of_buffer(where: Where) -> PrintkLog:
    place = _place(where)
    stated = log_buf.stated(where.values)
    buffers = [LogBuffer(where.reach, one, place) for one in (*([stated] if stated else ()), *log_buf.known())]
    buffer = next((one for one in buffers if one.fits()), buffers[0])
    messages = buffer.messages()
    if not messages:
        raise KernelError(
            f"the log at VA {place.start:#x} has no message{_reasons(buffer.lost)}", "it is damaged, or was not dumped"
        )
    findings = []
    for reason, rule in ((DAMAGED, rules.LOG_DAMAGED), (NOT_DUMPED, rules.LOG_NOT_DUMPED)):
        if buffer.lost[reason]:
            text = f"the chain of records breaks off after {_messages(len(messages))}: the next one is {reason}"
            findings.append(rule.at("log_buf", text))
    if where.version is not None and where.version < log_buf.JOINED_BEFORE:
        messages = log_buf.joined(messages)
    if place.first_seq and not findings:
        findings.append(rules.LOG_OVERWRITTEN.at("log_buf", f"the messages before number {place.first_seq} are gone"))
    return PrintkLog(messages, where.source, buffer.layout.source, +buffer.lost, tuple(findings), where.release)


def _place(where: Where) -> Place:
    """Where the old buffer is: log_buf points to it, three more variables are numbers of 4 bytes."""

    def number(name: str, size: int) -> int:
        at = where.address(name)
        if at is None:
            raise KernelError(f"nothing in {where.source} says where {name} is", _NO_LOG)
        return int.from_bytes(exactly(where.reach, at, size, name), "little")

    start, size, first, last = (
        number("log_buf", where.reach.word),
        *(number(name, 4) for name in ("log_buf_len", "log_first_idx", "log_next_idx")),
    )
    try:
        seq = number("log_first_seq", 8)
    except KernelError:  # VMCOREINFO does not have it
        seq = None
    return Place(start, size, first, last, seq)
