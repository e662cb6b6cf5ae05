"""Whether the regions of a core are of one boot, and whether its log is the live one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from kinfo.elf.structs import Program
from kinfo.findings import Finding
from kinfo.meminspect import core_rules as rules
from kinfo.memory.vmcoreinfo import value

ReadAt = Callable[
    [int, int, int], bytes
]  # which of the program headers, offset in it, size: the bytes as far as they are there
_POINTER = 8


def of_boot(loads: Sequence[Program], values: Mapping[str, str], read: ReadAt) -> Iterator[Finding]:
    """SYMBOL(prb) of VMCOREINFO lies in a region, and what is there points into one; and which ring is the live one."""
    prb = value(values, "SYMBOL(prb)")
    if prb is None:
        return
    place = _holding(loads, prb)
    if place is None:
        yield rules.OTHER_BOOT.at("VMCOREINFO", f"SYMBOL(prb) is {prb:#x}, which is in no region of the header")
        return
    live = _pointer(loads, read, prb)
    if not live:  # the region is missing, which is said of it
        return
    ring = _holding(loads, live)
    if ring is None:
        yield rules.OTHER_BOOT.at("prb", f"prb, at VA {prb:#x}, points at {live:#x}, which is in no region of the header")
        return
    yield from _of_log(loads, values, read, live)


def _of_log(loads: Sequence[Program], values: Mapping[str, str], read: ReadAt, live: int) -> Iterator[Finding]:
    static = value(values, "SYMBOL(printk_rb_static)")
    text_ring = value(values, "OFFSET(printk_ringbuffer.text_data_ring)", 10)
    data_at = value(values, "OFFSET(prb_data_ring.data)", 10)
    if static is None or static == live or text_ring is None or data_at is None:
        return
    text = _pointer(loads, read, live + text_ring + data_at)
    if text and _holding(loads, text) is None:
        message = f"the live log's text, at VA {text:#x}, is in no region: only the first messages of the boot are here"
        yield rules.LOG_STALE.at("log", message)
    else:
        message = (
            f"prb points at {live:#x}, not at printk_rb_static: prb_descs, prb_infos and prb_data are not the live log's"
        )
        yield rules.LOG_STALE.at("log", message)


def _holding(loads: Sequence[Program], va: int) -> int | None:
    """Which region holds a VA."""
    return next((place for place, one in enumerate(loads) if one.va <= va < one.va + one.in_file), None)


def _pointer(loads: Sequence[Program], read: ReadAt, va: int) -> int:
    """The pointer at a VA; 0 where it is not there."""
    place = _holding(loads, va)
    raw = read(place, va - loads[place].va, _POINTER) if place is not None else b""
    return int.from_bytes(raw, "little") if len(raw) == _POINTER else 0
