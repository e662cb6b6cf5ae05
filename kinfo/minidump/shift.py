"""Regions of a core that are not where its headers say: one was skipped when it was put together, and no zeros written.

What a region holds tells where it really is: pointers of the log's rings to other regions, and empty lists, which point at
themselves. Between two such regions the one that is missing is known by its size.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise

from kinfo.elf.structs import Program
from kinfo.findings import Finding
from kinfo.meminspect import core_rules as rules
from kinfo.memory import Dump
from kinfo.memory.vmcoreinfo import value

_MOST_READ = 1 << 17
Mark = Callable[[bytes], bool]


def shifts(dump: Dump, loads: Sequence[Program], end: int, values: Mapping[str, str]) -> list[int | None]:
    """By how many bytes each region lies before its header's offset; None where that is not known."""
    total = end - dump.size
    if total <= 0:
        return [0] * len(loads)
    seen = list(_seen(dump, loads, total, values))
    if not any(by for _, by in seen):
        return [0] * len(loads)
    found: list[int | None] = [None] * len(loads)
    for place, by in seen:
        found[place] = by
    first, first_by = seen[0]
    found[: first + 1] = _between(loads, 0, first + 1, 0, first_by)
    for (before, by), (after, next_by) in pairwise(seen):
        found[before + 1 : after + 1] = _between(loads, before + 1, after + 1, by, next_by)
    last, last_by = seen[-1]
    if last_by == total:  # nothing is missing behind it
        found[last + 1 :] = [total] * (len(loads) - last - 1)
    return found


def _between(loads: Sequence[Program], start: int, end: int, by: int, then: int) -> list[int | None]:
    """The shifts from one region on to another whose own is `then`: one of those between was skipped, or several."""
    if by == then:
        return [by] * (end - start)
    fits = [place for place in range(start, end - 1) if loads[place].in_file == then - by]
    if len(fits) != 1:
        return [*[None] * (end - start - 1), then]
    skipped = fits[0]
    return [*[by] * (skipped - start), None, *[then] * (end - skipped - 1)]


def _seen(dump: Dump, loads: Sequence[Program], total: int, values: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """Places and shifts of regions that can be told by what they hold, as far as they are in one order."""
    sizes = {one.in_file for one in loads if 0 < one.in_file <= total}
    tries = sorted({0, total, *sizes, *accumulate(sorted(sizes))})
    least = 0
    for place, load in enumerate(loads):
        for by in (one for one in tries if least <= one <= min(total, load.offset - loads[0].offset)):
            raw = dump.read(load.offset - by, min(load.in_file, _MOST_READ))
            if any(mark(raw) for mark in _marks(load, loads, values)):
                yield place, by
                least = by
                break


def _marks(load: Program, loads: Sequence[Program], values: Mapping[str, str]) -> Iterator[Mark]:
    """What a region must look like where it is one of which that is known."""
    starts = {one.va for one in loads}
    if load.va == value(values, "SYMBOL(prb)"):
        yield lambda raw: int.from_bytes(raw[:8], "little") in starts
    if load.va == value(values, "SYMBOL(printk_rb_static)"):
        at = value(values, "OFFSET(prb_desc_ring.descs)", 10) or 8  # infos follow
        yield lambda raw: all(int.from_bytes(raw[place : place + 8], "little") in starts for place in (at, at + 8))
    yield lambda raw: points_at_itself(raw, load.va)


def points_at_itself(raw: bytes, va: int) -> bool:
    """Whether an empty list is in a region at this VA: its head's two pointers are its own address (INIT_LIST_HEAD)."""
    words = struct.unpack_from(f"<{len(raw) // 8}Q", raw)
    return any(first == second == va + 8 * at for at, (first, second) in enumerate(pairwise(words)))


def told(loads: Sequence[Program], found: Sequence[int | None], total: int) -> Iterator[Finding]:
    """What was put right, and what cannot be."""
    moved = [place for place, by in enumerate(found) if by]
    if not moved:
        return
    load = loads[moved[0]]
    message = f"{total} bytes are missing before the region at PA {load.pa:#x}: it and what follows is shifted; put back"
    yield rules.SHIFTED.at(f"PA {load.pa:#x}", message)
    lost = [loads[place] for place, by in enumerate(found) if by is None]
    sizes = ", ".join(f"PA {one.pa:#x} ({one.in_file} bytes)" for one in lost[:8])
    if len(lost) == 1:
        yield rules.REGION_MISSING.at(f"PA {lost[0].pa:#x}", f"the region at {sizes} was skipped; it reads as zeros")
    elif lost:
        yield rules.REGION_UNSURE.at("core", f"which of {len(lost)} regions was skipped cannot be told: {sizes}; left out")
