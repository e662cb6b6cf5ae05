"""The symbols of a usual kernel: landmarks, functions and data, aliases, names that occur twice, per-cpu ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from tests.kernels.tables import Symbol


class Placed(NamedTuple):
    """A symbol by the section that it lies in and its distance from where that begins."""

    name: str
    type: str
    section: str
    delta: int = 0


_SUBJECTS = ("vfs", "ext4", "tcp_v4", "sched", "kmem_cache", "irq", "do_sys", "__mod", "blk_mq", "device", "init", "prb")
_VERBS = ("read", "write", "open", "alloc", "free", "probe", "show", "lookup", "register", "start", "release", "poll")
_DATA = ("jiffies_64", "init_task", "runqueues", "console_sem", "kernel_params", "panic_on_oops", "vmlist", "log_buf")
_PER_CPU = (("__per_cpu_start", 0), ("fixed_percpu_data", 0), ("cpu_debug_store", 0x1000), ("current_task", 0x1FBC0))

LANDMARKS = (
    Placed("_text", "T", "head"),
    Placed("_stext", "T", "text"),
    Placed("_etext", "D", "rodata"),
    Placed("__start_rodata", "D", "rodata"),
    Placed("linux_banner", "D", "banner"),
    Placed("_sinittext", "T", "inittext"),
    Placed("_einittext", "T", "einittext"),
    Placed("_sdata", "D", "data"),
    Placed("init_uts_ns", "D", "uts"),
    Placed("__bss_start", "B", "bss"),
    Placed("_end", "B", "end"),
)


def long_name(length: int = 400) -> str:
    """A name as Rust mangles them, too irregular for tokens to make it short."""
    digits = "".join(hashlib.sha256(bytes((index,))).hexdigest() for index in range(length // 64 + 1))
    return ("_RNvMs0_NtCs" + digits)[:length]


@lru_cache(maxsize=32)
def fillers(count: int, step: int, has_long_names: bool) -> tuple[Placed, ...]:
    """Functions `step` bytes apart, of which some share an address and some a name; then init functions and data."""
    found = list(_functions(count, step))
    if has_long_names:
        found.append(Placed(long_name(), "t", "text", step * count))
    found += [Placed(f"{subject}_init", "t", "inittext", 0x40 * (1 + at)) for at, subject in enumerate(_SUBJECTS)]
    found += [Placed("__initcall_start_of_all", "T", "inittext", 0x40)]
    found += [Placed(name, "D", "data", 0x1000 + 0x80 * at) for at, name in enumerate(_DATA)]
    found += [Placed(f"descriptor.{at}", "d", "data", 0x1800 + 0x10 * at) for at in range(24)]
    found += [Placed(f"{subject}_count", "b", "bss", 0x100 * at) for at, subject in enumerate(_SUBJECTS)]
    return tuple(found)


def _functions(count: int, step: int) -> Iterator[Placed]:
    for at in range(count):
        subject, verb = _SUBJECTS[at % len(_SUBJECTS)], _VERBS[at // len(_SUBJECTS) % len(_VERBS)]
        around = at // (len(_SUBJECTS) * len(_VERBS))
        name = f"{subject}_{verb}" + (f"_{around}" if around else "")
        yield Placed(name, "T" if at % 3 else "t", "text", step * at)
        if at % 16 == 5:
            yield Placed(f"__arm64_sys_{verb}_{at}", "W", "text", step * at)
        if at % 16 == 9:
            yield Placed("cleanup", "t", "text", step * at + step // 2)
        if at % 32 == 17:
            yield Placed(f"{name}.llvm.{at * 0x9E3779B97F4A7C15 % (1 << 64)}", "t", "text", step * at + step // 4)


def per_cpu() -> list[Symbol]:
    """The absolute symbols that stand for offsets into the per-cpu area."""
    return [Symbol(name, "A", value, absolute=True) for name, value in _PER_CPU]
