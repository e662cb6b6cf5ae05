"""What time it was for a kernel, by its timekeeper: of two boots of one machine the later one has the later clock."""

from __future__ import annotations

from kinfo.errors import DumpError
from kinfo.kernel import variables
from kinfo.kernel.kallsyms.addresses import numbers
from kinfo.kernel.kernel import Kernel

_NAMES = ("tk_core", "timekeeper_data")  # kernel/time/timekeeping.c; the latter in kernels with auxiliary clocks (6.18)
_LOOKED_AT = 512  # a sequence counter, a raw spinlock (with debugging), two tk_read_base, then xtime_sec
_EARLIEST, _LATEST = 1_400_000_000, 4_102_444_800  # 2014 to 2100: a clock that was never set begins in 1970
_APART = 10 * 10**9  # base_real is advanced with every second, but for what NTP holds back


def wall_clock(kernel: Kernel) -> int | None:
    """Seconds since 1970 when the clock last ticked; None where no symbol says where it is kept, or it was never set.

    Two members of struct timekeeper must agree, wherever a release has them: xtime_sec, and base_real of tkr_mono (4.14 on),
    in nanoseconds.
    """
    for name in _NAMES:
        pa = variables.pa_of(kernel, name)
        if pa is None:
            continue
        try:
            words = numbers(kernel.memory.view(pa, _LOOKED_AT), "Q")
        except DumpError:
            continue
        nanoseconds = [word for word in words if _EARLIEST <= word // 10**9 < _LATEST]
        for word in words:
            if _EARLIEST <= word < _LATEST and any(abs(word * 10**9 - one) < _APART for one in nanoseconds):
                return word
    return None
