"""The log, wherever it is: the ring buffer of 5.10 on, or the buffer before it, out of anything that has bytes at VAs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from kinfo.errors import KernelError
from kinfo.findings import Finding
from kinfo.kernel.printk import layout, ring, rules
from kinfo.kernel.printk.layout import RingLayout
from kinfo.kernel.printk.message import Message, PrintkLog, seconds
from kinfo.kernel.printk.reach import exactly
from kinfo.kernel.printk.ring import Ring
from kinfo.kernel.printk.slots import DAMAGED, DROPPED, NOT_DUMPED, OVERWRITTEN, UNFINISHED
from kinfo.kernel.printk.where import NO_LOG, Where, count_of, reasons


def read(where: Where) -> PrintkLog:
    """The log. Raises KernelError where nothing leads to one, or nothing of it is in the dump."""
    prb = where.address("prb")
    if prb is not None:
        return _of_ring(where, prb)
    if where.address("log_first_idx") is not None:  # 5.10 and later have a log_buf as well
        from kinfo.kernel.printk.read_old import of_buffer

        return of_buffer(where)
    raise KernelError(f"nothing in {where.source} says where the kernel's log is", NO_LOG)


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
        raise KernelError(f"no message of the log is in the dump{reasons(live.lost)}", "dump the kernel image and all RAM")
    findings += _loss(live.lost, messages)
    return PrintkLog(messages, where.source, live.layout.source, +live.lost, tuple(findings), where.release)


def _live(where: Where, prb: int) -> tuple[Ring, list[Finding]]:
    """The ring that the kernel wrote to last: where its pointer prb leads, else the static one."""
    found: Ring | None = None
    try:
        pointer = int.from_bytes(exactly(where.reach, prb, where.reach.word, "prb"), "little")
        found = ring.found_ring(where.reach, layouts_of(where), pointer)
        if found.fits() or pointer == where.address("printk_rb_static"):
            return found, []
        reason = f"what is at VA {pointer:#x} is no ring whose messages are where they belong"
    except KernelError as error:
        if where.address("printk_rb_static") is None:
            raise
        reason = error.message
    static = where.address("printk_rb_static")
    other = ring.found_ring(where.reach, layouts_of(where), static) if static is not None else None
    if other is None or (found is not None and not other.fits()):
        assert found is not None
        return found, []
    text = f"{reason}; the static ring at VA {static:#x} was read, which the kernel may have left early"
    return other, [rules.LOG_POINTER.at("prb", text)]


def layouts_of(where: Where) -> Iterable[RingLayout]:
    """The layouts that may hold, the most likely first."""
    if (stated := layout.stated(where.values)) is not None:
        yield stated
    yield from where.layouts()
    yield from layout.known(where.reach.word)


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
    missing = dict(live.stamps())
    for message in messages:
        missing.pop(message.seq, None)
    found = [one for one in stale.messages() if missing.get(one.seq) == one.ns]
    return sorted([*messages, *found], key=lambda message: message.seq), len(found)


def _loss(lost: Counter[str], messages: list[Message]) -> list[Finding]:
    """What cannot be shown, and why."""
    found = []
    if lost[DAMAGED]:
        found.append(rules.LOG_DAMAGED.at("log", f"{count_of(lost[DAMAGED])} cannot be shown"))
    if missing := lost[NOT_DUMPED]:
        last = f"the last one that is here was printed {seconds(messages[-1].ns)} s after boot"
        are = "is" if missing == 1 else "are"
        found.append(rules.LOG_NOT_DUMPED.at("log", f"{count_of(missing)} {are} not in the dump; {last}"))
    if dropped := lost[DROPPED]:
        found.append(rules.LOG_DROPPED.at("log", f"{count_of(dropped)}: {DROPPED}"))
    if lost[UNFINISHED]:
        found.append(rules.LOG_DROPPED.at("log", f"{count_of(lost[UNFINISHED])}: {UNFINISHED}"))
    if (first := messages[0].seq) and not lost[DAMAGED] and not lost[NOT_DUMPED]:
        found.append(rules.LOG_OVERWRITTEN.at("log", f"the messages before number {first} are gone"))
    lost.pop(OVERWRITTEN, None)
    return found
