"""The printk ring buffer of 5.10 on (kernel/printk/printk_ringbuffer.c): descriptors, infos and text, taken apart.

Every message is proved before it is shown: its descriptor's id belongs to its slot, its sequence number to its id, and the
block of text begins with the id. So a damaged pointer costs the messages that it is about, and no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from kinfo.errors import KernelError
from kinfo.kernel.printk.layout import RingLayout
from kinfo.kernel.printk.message import Message, caller
from kinfo.kernel.printk.reach import Reach, area, exactly

COMMITTED, FINALIZED, REUSABLE = 1, 2, 3  # enum desc_state; 0 is reserved
_FAILED, _EMPTY = 1, 3  # FAILED_LPOS, EMPTY_LINE_LPOS: text that was lost, a line without text
_MOST_COUNT_BITS, _MOST_SIZE_BITS = 26, 31  # LOG_BUF_LEN_MAX is 2 GiB, PRB_AVGBITS 5
_PROBED = 64  # of the newest descriptors, to see whether a layout holds

# Why a message cannot be shown
DROPPED = "the kernel had no room for its text"
OVERWRITTEN = "overwritten by newer ones"
UNFINISHED = "a CPU was still writing it"
NOT_DUMPED = "not in the dump"
DAMAGED = "damaged"


class Head(NamedTuple):
    """A ring's struct printk_ringbuffer: sizes as powers of two, pointers, and the first and last id."""

    va: int
    count_bits: int
    descs: int
    infos: int
    newest: int
    oldest: int
    size_bits: int
    text: int

    @property
    def slots(self) -> int:
        """How many messages there is room for."""
        return 1 << self.count_bits


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
        self.lost: Counter[str] = Counter()
        self._state_shift = 8 * layout.word - 2
        self._id_mask = (1 << self._state_shift) - 1
        self._seq_mask = (1 << min(self._state_shift, 32)) - 1
        self._lpos_mask = (1 << 8 * layout.word) - 1
        count = self.head.slots
        self._descs = area(reach, self.head.descs, count * layout.desc.size)
        self._infos = area(reach, self.head.infos, count * layout.info.size)
        self._text = area(reach, self.head.text, 1 << self.head.size_bits)

    @property
    def has_whole_window(self) -> bool:
        """Whether the first and the last id are a distance apart that they can be."""
        return self._window <= self.head.slots

    @property
    def _window(self) -> int:
        return (self.head.newest - self.head.oldest & self._id_mask) + 1

    @property
    def is_text_missing(self) -> bool:
        """Whether some of the text is not in the dump."""
        return bool(self._text.holes)

    def fits(self) -> bool:
        """Whether the layout holds: most of the newest descriptors and infos are where their ids put them."""
        right = wrong = 0
        for back in range(min(_PROBED, self.head.slots, self._window)):
            id_ = self.head.newest - back & self._id_mask
            slot = id_ & self.head.slots - 1
            state = self._desc(slot)[0]
            if not state:
                continue
            is_right = state & self._id_mask == id_ and self._is_seq(self._info(slot)[0], id_)
            right, wrong = right + is_right, wrong + (not is_right)
        return right > wrong

    def _desc(self, slot: int) -> tuple[int, ...]:
        return self.layout.desc.unpack_from(self._descs.data, slot * self.layout.desc.size)

    def _info(self, slot: int) -> tuple[int, ...]:
        return self.layout.info.unpack_from(self._infos.data, slot * self.layout.info.size)

    def _is_seq(self, seq: int, id_: int) -> bool:
        """Whether a sequence number belongs to an id: message 0 has the id -count, in 32 bits (DESC0_ID + 1)."""
        return not (seq - id_ - self.head.slots) & self._seq_mask

    def messages(self) -> list[Message]:
        """Every message whose text is here, oldest first; the others are counted in `lost`."""
        found, seen = [], set()
        for message in self._window_messages() if self.has_whole_window else self._any_messages():
            if message.seq in seen:
                self.lost[DAMAGED] += 1
                continue
            seen.add(message.seq)
            found.append(message)
        return found

    def unreadable(self) -> Iterator[tuple[int, int]]:
        """Sequence number and time of every message of the window whose info is sound, whether its text is here or not."""
        for slot, id_ in self._slots():
            seq, stamp = self._info(slot)[:2]
            if self._is_seq(seq, id_):
                yield seq, stamp

    def _slots(self) -> Iterator[tuple[int, int]]:
        """Slot and id of the window, oldest first."""
        for number in range(self._window):
            id_ = self.head.oldest + number & self._id_mask
            yield id_ & self.head.slots - 1, id_

    def _window_messages(self) -> Iterator[Message]:
        """Those between the oldest and the newest id, in order."""
        first, count = self.head.oldest & self.head.slots - 1, self.head.slots
        for start, number, ahead in (
            (first, min(self._window, count - first), 0),
            (0, self._window - count + first, count - first),
        ):
            if number > 0:
                yield from self._run(start, number, self.head.oldest + ahead)

    def _any_messages(self) -> list[Message]:
        """Every message that is sound, where the first or last id is not: no more than one round of the ring."""
        found = sorted(self._run(0, self.head.slots, None), key=lambda message: message.seq)
        newest = found[-1].seq if found else 0
        self.lost.clear()  # empty slots are no messages
        self.lost[DAMAGED] = 0
        return [message for message in found if newest - message.seq < self.head.slots]

    def _run(self, start: int, number: int, first_id: int | None) -> Iterator[Message]:
        """The messages of consecutive slots; `first_id` is the id that belongs to the first, None for any that fits."""
        layout, end = self.layout, start + number
        descs = memoryview(self._descs.data)[start * layout.desc.size : end * layout.desc.size]
        infos = memoryview(self._infos.data)[start * layout.info.size : end * layout.info.size]
        shift, id_mask, seq_mask = self._state_shift, self._id_mask, self._seq_mask
        count, slot_mask = self.head.slots, self.head.slots - 1
        is_cut = bool(self._descs.holes or self._infos.holes)
        pairs = zip(layout.desc.iter_unpack(descs), layout.info.iter_unpack(infos), strict=True)
        for slot, ((state, begin, next_), info) in enumerate(pairs, start):
            id_ = state & id_mask
            wanted = id_ if first_id is None else first_id + slot - start & id_mask
            if is_cut and not self._holds(slot):
                self.lost[NOT_DUMPED] += 1
            elif id_ != wanted or id_ & slot_mask != slot:
                self._count_stranger(id_, wanted)
            elif state >> shift not in (COMMITTED, FINALIZED):
                self.lost[OVERWRITTEN if state >> shift == REUSABLE else UNFINISHED] += 1
            elif (info[0] - id_ - count) & seq_mask:
                self.lost[DAMAGED] += 1
            elif (text := self._text_of(id_, begin, next_, info[2])) is not None:
                yield _message(info, text)

    def _holds(self, slot: int) -> bool:
        desc, info = self.layout.desc.size, self.layout.info.size
        return self._descs.holds(slot * desc, (slot + 1) * desc) and self._infos.holds(slot * info, (slot + 1) * info)

    def _count_stranger(self, id_: int, wanted: int) -> None:
        """A slot with another id than its own: of the round before, it is about to be taken by the newest."""
        is_before = wanted - id_ & self._id_mask == self.head.slots or id_ == 0
        is_newest = self.head.newest - wanted & self._id_mask < _PROBED
        self.lost[UNFINISHED if is_before and is_newest else DAMAGED] += 1

    def _text_of(self, id_: int, begin: int, next_: int, length: int) -> bytes | None:
        """The text of a block; None where it cannot be had, which is counted."""
        if begin & next_ & 1:  # BLK_DATALESS
            if begin == next_ == _EMPTY:
                return b""
            self.lost[DROPPED if begin == next_ == _FAILED else DAMAGED] += 1
            return None
        word, bits = self.layout.word, self.head.size_bits
        ring = 1 << bits
        last = (
            next_ - 1 & self._lpos_mask
        )  # the block's last byte: one that ends where the ring does is not wrapped (6.19 on)
        if begin >> bits == last >> bits and begin <= last:
            start = begin & ring - 1
        elif (begin + ring & self._lpos_mask) >> bits == last >> bits:
            start = 0
        else:
            self.lost[DAMAGED] += 1
            return None
        end = (last & ring - 1) + 1
        if (begin | next_) & word - 1 or end - start < word:
            self.lost[DAMAGED] += 1
            return None
        if self._text.holes and not self._text.holds(start, min(start + word + length, end)):
            self.lost[NOT_DUMPED] += 1
            return None
        data = self._text.data
        if int.from_bytes(data[start : start + word], "little") != id_ or length > end - start - word:
            self.lost[DAMAGED] += 1
            return None
        return bytes(data[start + word : start + word + length])


def _message(info: tuple[Any, ...], text: bytes) -> Message:
    seq, stamp, _, facility, flags, caller_id, context, subsystem, device = info
    if not (subsystem[:1].strip(b"\0") or context):
        return Message(seq, stamp, flags >> 5, facility, flags & 31, text, caller_id)
    own = _word(subsystem), _word(device)
    return Message(seq, stamp, flags >> 5, facility, flags & 31, text, caller_id, *own, _context(context))


def _context(raw: bytes) -> tuple[tuple[str, str], ...]:
    """caller_id2 and comm (CONFIG_PRINTK_EXECUTION_CTX, 7.0 on): the CPU of a task's message, the task of a CPU's."""
    if len(raw) != 20:
        return ()
    return (("CALLER2", caller(int.from_bytes(raw[:4], "little"))), ("COMM", _word(raw[4:])))


def _word(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def found_ring(reach: Reach, layouts: list[RingLayout], va: int) -> Ring:
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
    raise errors[0] if errors else KernelError("the ring buffer's layout is not known", "see `kinfo explain log-no-layout`")
