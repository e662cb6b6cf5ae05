"""How long the kernel had been up: by the newest line of its log, and by its tick counter.

The two differ by right. The log's clock (local_clock()) runs on through a panic, while the ticks stop with the interrupts;
and an idle kernel ticks on without a line.
"""

from __future__ import annotations

from kinfo.errors import DumpError, KernelError
from kinfo.findings import Severity, worst
from kinfo.kernel import variables
from kinfo.kernel.boot.config import config
from kinfo.kernel.kernel import Kernel
from kinfo.named import NamedTuple

_FIRST_WRAP = 300  # INITIAL_JIFFIES: the counter starts that many seconds before its low 32 bits wrap
_MASK_32, _SHIFTS = 0xFFFFFFFF, (8, 7, 6)  # CLOCKSOURCE_MASK(32), JIFFIES_SHIFT of kernel/time/jiffies.c
_SECOND = 1_000_000_000
_LONGEST = 100 * 365 * 86400
_APART = 0.1  # seconds by which ticks may be behind the log without a word


class Uptime(NamedTuple):
    """Seconds since boot, and where that was read. `seconds` is None where a counter was read whose rate is not known."""

    seconds: float | None
    source: str


class Rate(NamedTuple):
    """CONFIG_HZ, and where that was read."""

    hz: int
    source: str


def uptime(kernel: Kernel) -> list[Uptime]:
    """What is known of it: none, one or both of the newest log line's stamp and jiffies."""
    found = []
    stamp = newest_stamp(kernel)
    if stamp is not None:
        found.append(Uptime(stamp / _SECOND, "the stamp of the log's newest line"))
    ticks = variables.number(kernel, "jiffies_64", 8) or variables.number(kernel, "jiffies")
    if ticks:
        found += _by_ticks(ticks, rate(kernel), stamp)
    return found


def rate(kernel: Kernel) -> Rate | None:
    """HZ of the kernel; None where nothing in the memory says it."""
    configured = config(kernel).get("CONFIG_HZ", "")
    if configured.isdecimal() and int(configured):
        return Rate(int(configured), "the kernel's configuration")
    return _rate_of_clocksource(kernel)


def _rate_of_clocksource(kernel: Kernel) -> Rate | None:
    """HZ by the clock source that counts jiffies: its `mult` is TICK_NSEC << JIFFIES_SHIFT (kernel/time/jiffies.c, 4.2 on).

    struct clocksource begins with read, mask, mult, shift; it is that one if it is read by jiffies_read().
    """
    source, function = kernel.kallsyms.variable("clocksource_jiffies"), kernel.kallsyms.named("jiffies_read")
    if not source or not kernel.space or not kernel.memory.holds(source.pa, 24):
        return None
    members = ((0, kernel.word), (8, 8), (16, 4), (20, 4))  # on 32-bit arm too, where 8 bytes are aligned to 8
    read, mask, mult, shift = (kernel.memory.number(source.pa + at, size) for at, size in members)
    if read not in [kernel.space.va(one.pa) for one in function] or mask != _MASK_32 or shift not in _SHIFTS:
        return None
    tick = mult >> shift
    hz = round(_SECOND / tick) if tick else 0
    is_exact = mult == tick << shift and hz > 0 and tick == (_SECOND + hz // 2) // hz
    return Rate(hz, "clocksource_jiffies") if is_exact else None


def _by_ticks(ticks: int, known: Rate | None, stamp: int | None) -> list[Uptime]:
    """Seconds by the tick counter at the rate that is known; the bare count where none is; nothing where it has no sense."""
    if known is None:
        return [Uptime(None, f"not known: jiffies are {ticks:#x}, and nothing in the memory says HZ")]
    seconds = (ticks - ((1 << 32) - _FIRST_WRAP * known.hz)) / known.hz
    if not 0 <= seconds < _LONGEST:
        return []
    source = f"jiffies at HZ={known.hz} ({known.source})"
    behind = (stamp or 0) / _SECOND - seconds
    if behind > _APART:
        source += f"; {behind:.1f} s behind the log: ticks stop with the interrupts, as in a panic"
    return [Uptime(seconds, source)]


def newest_stamp(kernel: Kernel) -> int | None:
    """Nanoseconds at which the newest message of the log was printed; None without a log, or where it is not sound."""
    try:
        log = kernel.log()
    except (KernelError, DumpError):
        return None
    is_sound = worst(log.findings) is not Severity.ERROR
    return log.messages[-1].ns or None if is_sound else None
