"""What is wrong with a trace buffer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinfo.findings import Finding
from kinfo.regions.trace import rules
from kinfo.regions.trace.read import CpuTrace

_LACKS = "the dump"


def findings(where: str, faults: Sequence[str], cpus: Sequence[CpuTrace]) -> Iterator[Finding]:
    """Every finding of a buffer; `where` is what it is called."""
    for fault in faults:
        yield rules.META.at(where, fault)
    for cpu in cpus:
        yield from _of_cpu(f"{where}, CPU {cpu.number}", cpu)


def _of_cpu(where: str, cpu: CpuTrace) -> Iterator[Finding]:
    cut = [one for one in cpu.damaged if one.why.startswith(_LACKS)]
    damaged = [one for one in cpu.damaged if one not in cut]
    if damaged:
        first = damaged[0]
        yield rules.SUBBUFFER.at(where, f"{_many(len(damaged))} left out; number {first.number}: {first.why}")
    if cut:
        yield rules.CUT.at(where, f"{_many(len(cut))} not in the dump, from number {cut[0].number} on")
    if cpu.fault:
        yield rules.ORDER.at(where, cpu.fault)
    if cpu.backwards:
        yield rules.TIME.at(where, f"{_many(len(cpu.backwards))} so, the first number {cpu.backwards[0]}")
    if cpu.overrun or cpu.dropped:
        yield rules.LOST.at(where, f"{cpu.overrun} overwritten, {cpu.dropped} dropped")
    missed = [part.sub.missed for part in cpu.parts if part.sub.missed]
    if missed:
        count = sum(max(one, 0) for one in missed)
        yield rules.LOST.at(where, f"at {len(missed)} places, {count or 'not said how many'} in all")
    if cpu.before:
        count = sum(part.events for part in cpu.before)
        yield rules.CONSUMED.at(where, f"{_many(len(cpu.before))} with {count} events")


def _many(count: int) -> str:
    return f"{count} sub-buffer{'s' * (count != 1)}"
