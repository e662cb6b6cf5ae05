"""In which order a CPU's sub-buffers were written: rb_meta_validate_events() and rb_range_meta_init() of ring_buffer.c.

`buffers` has the reader's sub-buffer first, which is apart from the ring and older than all of it; then the ring. Written
are those from head's to commit's, round the ring. Those before head were read by a consuming reader, or are empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kinfo.regions.trace.meta import TraceCpu


class Order(NamedTuple):
    """Numbers of sub-buffers, oldest first: `written`, and `before` those that come before them in the ring.

    `fault` says why the metadata give no order: the time stamps have to, then.
    """

    written: tuple[int, ...]
    before: tuple[int, ...] = ()
    fault: str = ""


def _twice(numbers: Iterable[int]) -> int | None:
    """The first number that stands in a list a second time."""
    seen: set[int] = set()
    for number in numbers:
        if number in seen:
            return number
        seen.add(number)
    return None


def order(cpu: TraceCpu, shift: int) -> Order:
    """The order by the metadata; `shift` is what makes a VA of a place in the dump."""
    outside = next((number for number in cpu.buffers if not 0 <= number < cpu.length), None)
    if outside is not None:
        return Order((), (), f"its list of sub-buffers names number {outside} of {cpu.length}")
    twice = _twice(cpu.buffers)
    if twice is not None:
        return Order((), (), f"its list of sub-buffers names number {twice} twice")
    places = []
    for name, address in (("head", cpu.head), ("commit", cpu.commit)):
        number, rest = divmod(address - shift - cpu.start, cpu.size)
        if rest or not 0 <= number < cpu.length:
            return Order((), (), f"its {name}_buffer {address:#x} is none of its sub-buffers")
        places.append(cpu.buffers.index(number))
    head, commit = places
    reader, ring = cpu.buffers[0], cpu.buffers[1:]
    if not head:
        return Order((), (), "its head_buffer is the reader's")
    turned = (*ring[head - 1 :], *ring[: head - 1])
    if not commit:  # the reader has caught up with the writer
        return Order((reader,), turned)
    count = turned.index(cpu.buffers[commit]) + 1
    return Order((reader, *turned[:count]), turned[count:])
