"""How long the kernel had been up: from the newest line of its log, and from its tick counter."""

from __future__ import annotations

from typing import NamedTuple

from kinfo.kernel.boot import variables
from kinfo.kernel.boot.config import config
from kinfo.kernel.kernel import Kernel

_RATES = (100, 250, 300, 1000)  # CONFIG_HZ, arch-independent choices of kernel/Kconfig.hz
_FIRST_WRAP = 300  # INITIAL_JIFFIES: the counter starts that many seconds before its low 32 bits wrap
_INFO_SIZES = (88, 104, 112)  # struct printk_info; 6.18 added the caller's name under CONFIG_PRINTK_EXECUTION_CTX
_MOST_BITS = 24
_LOOKED_AT = 8  # newest log records that are looked at: the last few can be unfinished
_LONGEST = 100 * 365 * 86400


class Uptime(NamedTuple):
    """Seconds since boot, and where that was read."""

    seconds: float
    source: str


def uptime(kernel: Kernel) -> list[Uptime]:
    """What is known of it: none, one or both of the newest log line's stamp and jiffies."""
    found = []
    stamp = newest_stamp(kernel)
    if stamp is not None:
        found.append(Uptime(stamp / 1e9, "the newest line of the log"))
    ticks = variables.number(kernel, "jiffies_64") or variables.number(kernel, "jiffies")
    if ticks is not None and (ticked := _from_jiffies(ticks, config(kernel).get("CONFIG_HZ"), stamp)):
        found.append(ticked)
    return found


def _from_jiffies(ticks: int, rate: str | None, stamp: int | None) -> Uptime | None:
    """Seconds by the tick counter: at the configured rate, else at the one that is nearest above the log's stamp."""
    rates = (int(rate),) if rate and rate.isdecimal() and int(rate) else _RATES
    elapsed = {one: (ticks - ((1 << 32) - _FIRST_WRAP * one)) / one for one in rates}
    least = (stamp or 0) / 1e9 - 1
    fitting = {one: seconds for one, seconds in elapsed.items() if least <= seconds < _LONGEST}
    if not fitting or (len(rates) > 1 and stamp is None):
        return None
    best = min(fitting, key=lambda one: fitting[one])
    how = "from the kernel's configuration" if len(rates) == 1 else "which fits the log best"
    return Uptime(fitting[best], f"jiffies at HZ={best}, {how}")


def newest_stamp(kernel: Kernel) -> int | None:
    """Nanoseconds at which the newest finished record of the printk ring buffer (5.10 on) was written."""
    ring = variables.number(kernel, "prb")
    head = variables.bytes_at(kernel, ring, 40) if ring else b""
    if len(head) < 40:
        return None
    bits, infos, newest = (int.from_bytes(head[at : at + size], "little") for at, size in ((0, 4), (16, 8), (24, 8)))
    if not 0 < bits <= _MOST_BITS:
        return None
    for size in _INFO_SIZES:
        stamps = _stamps(kernel, infos, size, newest, 1 << bits)
        if stamps:
            return max(stamps.items())[1]
    return None


def _stamps(kernel: Kernel, infos: int, size: int, newest: int, count: int) -> dict[int, int]:
    """Stamps of the newest records by their sequence number: a record's number and place agree if `size` is right."""
    stamps = {}
    for back in range(min(_LOOKED_AT, count)):
        index = newest - back & count - 1
        raw = variables.bytes_at(kernel, infos + index * size, 16)
        number, stamp = int.from_bytes(raw[:8], "little"), int.from_bytes(raw[8:], "little")
        if len(raw) == 16 and number % count == index and stamp:
            stamps[number] = stamp
    return stamps
