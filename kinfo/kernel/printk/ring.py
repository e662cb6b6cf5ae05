"""The printk ring buffer of 5.10 on (kernel/printk/printk_ringbuffer.c): where it is, and which of its slots are the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kinfo.errors import KernelError
from kinfo.kernel.printk.layout import RingLayout
from kinfo.kernel.printk.message import Message
from kinfo.kernel.printk.reach import Reach, area, exactly
from kinfo.kernel.printk.slots import Head, Slots

_MOST_COUNT_BITS, _MOST_SIZE_BITS = 26, 31  # LOG_BUF_LEN_MAX is 2 GiB, PRB_AVGBITS 5
_PROBED = 64  # of the newest descriptors, to see whether a layout holds


def head(reach: Reach, layout: RingLayout, va: int) -> Head:
    """The ring buffer at a VA. Raises KernelError where it is not in the dump, or can be none."""
    raw = exactly(reach, va, layout.size, "the ring buffer's head")

    def number(at: int, size: int = layout.word) -> int:
        return int.from_bytes(raw[at : at + size], "little")

    found = Head(
        va=va,
        count_bits=number(layout.count_bits, 4),
        descs=number(layout.descs),
        infos=number(layout.infos),
        newest=number(layout.head),
        oldest=number(layout.tail),
        size_bits=number(layout.size_bits, 4),
        text=number(layout.text),
    )
    bits = f"2^{found.count_bits} messages and 2^{found.size_bits} bytes of text"
    if not (0 < found.count_bits <= _MOST_COUNT_BITS and 0 < found.size_bits <= _MOST_SIZE_BITS):
        raise KernelError(f"what is at VA {va:#x} is no ring buffer: it would have {bits}", "the pointer to it is damaged")
    if not (found.descs and found.infos and found.text):
        raise KernelError(f"the ring buffer at VA {va:#x} was never set up", "the dump was taken before the kernel had a log")
    return found


class Ring:
    """A ring buffer by a layout: its tables, read as far as they are in the dump. Raises KernelError as `head` does."""

    def __init__(self, reach: Reach, layout: RingLayout, va: int) -> None:
        self.layout, self.head = layout, head(reach, layout, va)
        descs = area(reach, self.head.descs, self.head.slots * layout.desc.size)
        infos = area(reach, self.head.infos, self.head.slots * layout.info.size)
        self.slots = Slots(layout, self.head, descs, infos, area(reach, self.head.text, 1 << self.head.size_bits))
        self.lost = self.slots.lost

    @property
    def has_whole_window(self) -> bool:
        """Whether the first and the last id can be those: no further apart than the ring is long, and no message beyond."""
        beyond = (self.head.newest + 1, self.head.oldest - 1)
        return self._window <= self.head.slots and (
            self._window == self.head.slots or not any(map(self.slots.is_stored, beyond))
        )

    @property
    def _window(self) -> int:
        return (self.head.newest - self.head.oldest & self.slots.id_mask) + 1

    def fits(self) -> bool:
        """Whether the layout holds: most of the newest descriptors and infos are where their ids put them."""
        right = wrong = 0
        for back in range(min(_PROBED, self.head.slots, self._window)):
            id_ = self.head.newest - back & self.slots.id_mask
            slot = id_ & self.head.slots - 1
            if state := self.slots.desc(slot)[0]:
                is_right = state & self.slots.id_mask == id_ and self.slots.is_seq(self.slots.info(slot)[0], id_)
                right, wrong = right + is_right, wrong + (not is_right)
        return right > wrong

    def messages(self) -> list[Message]:
        """Every message whose text is here, oldest first; the others are counted in `lost`."""
        if not self.has_whole_window:
            return self._any_messages()
        first, window = self.head.oldest & self.head.slots - 1, self._window
        to_end = self.head.slots - first
        found = self.slots.run(first, min(window, to_end), self.head.oldest)
        return found + self.slots.run(0, window - to_end, self.head.oldest + to_end) if window > to_end else found

    def _any_messages(self) -> list[Message]:
        """Every message that is sound, where the first or last id is not: no more than one round of the ring."""
        found = sorted(self.slots.run(0, self.head.slots, None), key=lambda message: message.seq)
        newest = found[-1].seq if found else 0
        self.lost.clear()  # empty slots are no messages
        return [message for message in found if newest - message.seq < self.head.slots]

    def stamps(self) -> Iterator[tuple[int, int]]:
        """Sequence number and time of every message whose info is sound, newest first, whether its text is here or not."""
        for back in range(min(self._window, self.head.slots)):
            id_ = self.head.newest - back & self.slots.id_mask
            seq, ns = self.slots.info(id_ & self.head.slots - 1)[:2]
            if self.slots.is_seq(seq, id_):
                yield seq, ns


def found_ring(reach: Reach, layouts: Iterable[RingLayout], va: int) -> Ring:
    """The ring at a VA by the first layout that holds; by the first that makes a ring of it where none does.

    Raises KernelError where none makes one.
    """
    rings: list[Ring] = []
    errors: list[KernelError] = []
    for layout in layouts:
        try:
            ring = Ring(reach, layout, va)
        except KernelError as error:
            errors.append(error)
            continue
        if ring.fits():
            return ring
        rings.append(ring)
    if rings:
        return rings[0]
    raise errors[0]
