"""The slots of a ring buffer, one descriptor, info and block of text each, made into messages.

Every message is proved before it is shown: its descriptor's id belongs to its slot, its sequence number to its id, and the
block of text begins with the id. So a damaged pointer costs the messages that it is about, and no more.
"""

from __future__ import annotations

from collections import Counter

from kinfo.kernel.printk import columns
from kinfo.kernel.printk.columns import Run
from kinfo.kernel.printk.layout import RingLayout
from kinfo.kernel.printk.message import Message, caller
from kinfo.kernel.printk.reach import Area
from kinfo.named import NamedTuple
from kinfo.typed import Any

COMMITTED, FINALIZED, REUSABLE = 1, 2, 3  # enum desc_state; 0 is reserved
_FAILED, _EMPTY = 1, 3  # FAILED_LPOS, EMPTY_LINE_LPOS: text that was lost, a line without text
_ASKED = 16  # slots whose ids say of which kind they are
_NEWEST = 64  # so many CPUs may be about to take a slot

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


class Slots:
    """The tables of a ring, as far as they are in the dump; `lost` counts the messages that cannot be shown, by reason."""

    def __init__(self, layout: RingLayout, head: Head, descs: Area, infos: Area, text: Area) -> None:
        self.layout, self.head = layout, head
        self.descs, self.infos = descs, infos
        self.text = text if text.holes else text._replace(data=bytes(text.data))  # every message is cut out of it
        self.lost: Counter[str] = Counter()
        self.state_shift = 8 * layout.word - 2
        self.id_mask = (1 << self.state_shift) - 1
        self.seq_mask = (1 << (64 if layout.word == 8 else self.state_shift)) - 1
        self._is_narrow = layout.word == 8 and self._begins_narrow()

    def desc(self, slot: int) -> tuple[int, ...]:
        """State and id, begin and next of a slot."""
        return self.layout.desc.unpack_from(self.descs.data, slot * self.layout.desc.size)

    def info(self, slot: int) -> tuple[Any, ...]:
        """The members of a slot's info; see RingLayout."""
        return self.layout.info.unpack_from(self.infos.data, slot * self.layout.info.size)

    def is_seq(self, seq: int, id_: int) -> bool:
        """Whether a sequence number belongs to an id: message 0 has the id -count (DESC0_ID + 1).

        On 64-bit kernels that was a number of 32 bits, which those after it go on from (_DESCS_COUNT is an unsigned int); it
        has all 62 in Debian's 7.3.4. The ids of 32-bit kernels tell a number's lower 30 bits.
        """
        if self._is_narrow:
            return not (seq - id_ - self.head.slots + (1 << 32)) & self.seq_mask
        return not (seq ^ (id_ + self.head.slots & self.id_mask)) & self.seq_mask

    def _begins_narrow(self) -> bool:
        """Whether message 0 had an id of 32 bits in words of 64: by most of some ids, of which any may be damaged."""
        slots = self.head.slots
        states = (self.desc(slot)[0] for slot in range(0, slots, max(slots // _ASKED, 1)))
        ids = [self.head.newest, self.head.oldest, *(state & self.id_mask for state in states if state)]
        return 2 * sum((1 << 32) - slots - 1 <= id_ < 1 << 61 for id_ in ids) >= len(ids)

    def is_stored(self, id_: int) -> bool:
        """Whether the slot of an id has a message of that id."""
        state = self.desc(id_ & self.head.slots - 1)[0]
        return state & self.id_mask == id_ & self.id_mask and state >> self.state_shift in (COMMITTED, FINALIZED)

    def run(self, start: int, number: int, first_id: int | None) -> list[Message]:
        """The messages of consecutive slots; `first_id` is the id that belongs to the first, None for any that fits."""
        desc, info = self.layout.desc, self.layout.info
        descs = memoryview(self.descs.data)[start * desc.size : (start + number) * desc.size]
        infos = memoryview(self.infos.data)[start * info.size : (start + number) * info.size]
        if first_id is not None and not (self.descs.holes or self.infos.holes or self.text.holes):
            run = Run(descs, infos, first_id & self.id_mask, bytes(self.text.data), self.head.size_bits)
            if run.is_plain(self.layout) and (found := columns.found(run, self.layout, self._text_of, _said, self.is_seq)):
                self.lost[OVERWRITTEN] += found.reusable
                return found.messages
        pairs = zip(desc.iter_unpack(descs), info.iter_unpack(infos), strict=True)
        wanted = None if first_id is None else first_id - start
        messages = (self._message(slot, wanted, *pair) for slot, pair in enumerate(pairs, start))
        return [message for message in messages if message]

    def _message(self, slot: int, ahead: int | None, desc: tuple[int, ...], info: tuple[Any, ...]) -> Message | None:
        """The message of any slot; its id is to be `ahead` of the slot's number. None where it has none, which is counted."""
        seq, ns, length, facility, flags, caller_id, *beside = info
        state, id_ = desc[0] >> self.state_shift, desc[0] & self.id_mask
        wanted = id_ if ahead is None else slot + ahead & self.id_mask
        if not self._holds(slot):
            self.lost[NOT_DUMPED] += 1
        elif id_ != wanted or id_ & self.head.slots - 1 != slot:
            self.lost[UNFINISHED if self._is_next(id_, wanted) else DAMAGED] += 1
        elif state not in (COMMITTED, FINALIZED):
            self.lost[OVERWRITTEN if state == REUSABLE else UNFINISHED] += 1
        elif not self.is_seq(seq, id_):
            self.lost[DAMAGED] += 1
        elif (raw := self._text_of(id_, desc[1], desc[2], length)) is not None:
            return Message(seq, ns, flags >> 5, facility, flags & 31, raw, caller_id, *_said(*beside))
        return None

    def _holds(self, slot: int) -> bool:
        desc, info = self.layout.desc.size, self.layout.info.size
        return self.descs.holds(slot * desc, (slot + 1) * desc) and self.infos.holds(slot * info, (slot + 1) * info)

    def _is_next(self, id_: int, wanted: int) -> bool:
        """Whether a slot with another id than its own is about to be taken: it is of the round before, or was never used."""
        is_before = wanted - id_ & self.id_mask == self.head.slots or id_ == 0
        return is_before and self.head.newest - wanted & self.id_mask < _NEWEST

    def _text_of(self, id_: int, begin: int, behind: int, length: int) -> bytes | None:
        """The text of a block; None where it cannot be had, which is counted."""
        if begin & behind & 1:  # BLK_DATALESS
            if begin == behind == _EMPTY:
                return b""
            self.lost[DROPPED if begin == behind == _FAILED else DAMAGED] += 1
            return None
        word, data = self.layout.word, self.text.data
        start, end = self._block(begin, behind)
        if (begin | behind) & word - 1 or end - start < word:
            self.lost[DAMAGED] += 1
        elif not self.text.holds(start, min(start + word + length, end)):
            self.lost[NOT_DUMPED] += 1
        elif int.from_bytes(data[start : start + word], "little") != id_ or length > end - start - word:
            self.lost[DAMAGED] += 1
        else:
            return bytes(data[start + word : start + word + length])
        return None

    def _block(self, begin: int, behind: int) -> tuple[int, int]:
        """Where a block is in the ring, with its id: one that does not fit in before the ring's end is at its start.

        Until 6.18 a block that would end just where the ring does is put at its start as well; from 6.19 on it is not
        ("printk_ringbuffer: don't needlessly wrap data blocks around"). So its last byte tells which round it is of.
        (0, 0) where it can be neither.
        """
        bits = self.head.size_bits
        last = behind - 1 & (1 << 8 * self.layout.word) - 1
        end = (last & (1 << bits) - 1) + 1
        if begin >> bits == last >> bits and begin <= last:
            return begin & (1 << bits) - 1, end
        ahead = begin + (1 << bits) & (1 << 8 * self.layout.word) - 1
        return 0, end if ahead >> bits == last >> bits else 0


def _said(context: bytes, subsystem: bytes, device: bytes) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """What is kept beside the text: subsystem, device, and the execution context (CONFIG_PRINTK_EXECUTION_CTX, 7.0 on).

    That is caller_id2 and comm[16]: the CPU of a task's message, the task of a CPU's.
    """
    extra: tuple[tuple[str, str], ...] = ()
    if len(context) == 20:
        extra = (("CALLER2", caller(int.from_bytes(context[:4], "little"))), ("COMM", _word(context[4:])))
    return _word(subsystem), _word(device), extra


def _word(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "surrogateescape")
