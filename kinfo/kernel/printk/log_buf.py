"""The log of 3.5 to 5.9 (kernel/printk/printk.c): records of varying size, one behind the other in a ring of bytes.

struct printk_log (struct log until 3.10): ts_nsec, len (of all), text_len, dict_len, facility, flags and level; caller_id
behind them under CONFIG_PRINTK_CALLER (5.1 on). Text and dictionary follow. A record of length 0 says that the next one is
at the start of the buffer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from struct import Struct

from kinfo.errors import KernelError
from kinfo.kernel.printk.layout import VMCOREINFO
from kinfo.kernel.printk.message import CONT, NEWLINE, PREFIX, Message
from kinfo.kernel.printk.reach import Area, Reach, area
from kinfo.kernel.printk.slots import DAMAGED, NOT_DUMPED
from kinfo.named import NamedTuple

_LARGEST = 1 << 31  # LOG_BUF_LEN_MAX
_HEADER = Struct("<HHHBB")  # len, text_len, dict_len, facility, flags and level
_ALIGN = 4  # LOG_ALIGN is 4 or 8
JOINED_BEFORE = (4, 10)  # from then on every record is a line of its own ("printk: remove games with previous record flags")


class LogLayout(NamedTuple):
    """struct printk_log: its size, the offsets in it, and who says so. `lengths` is that of len, text_len and dict_len."""

    source: str
    size: int
    ts_nsec: int
    lengths: int
    caller_id: int | None


def stated(values: Mapping[str, str]) -> LogLayout | None:
    """The layout that VMCOREINFO states; None where it does not, or states one that cannot be."""
    name = "printk_log" if "SIZE(printk_log)" in values else "log"
    try:
        size = int(values[f"SIZE({name})"])
        ts_nsec, *lengths = (int(values[f"OFFSET({name}.{one})"]) for one in ("ts_nsec", "len", "text_len", "dict_len"))
        caller = int(values[f"OFFSET({name}.caller_id)"]) if f"OFFSET({name}.caller_id)" in values else None
    except (KeyError, ValueError):
        return None
    first = lengths[0]
    if lengths != [first, first + 2, first + 4] or not 0 <= first <= size - 8 <= 64 or not 0 <= ts_nsec <= size - 8:
        return None
    overlaps = first - 8 < ts_nsec < first + 8
    if overlaps or (caller is not None and not first + 8 <= caller <= size - 4):
        return None
    return LogLayout(VMCOREINFO, size, ts_nsec, first, caller)


def known() -> list[LogLayout]:
    """The layouts that releases have had: without and with CONFIG_PRINTK_CALLER."""
    return [
        LogLayout("the layout of 3.5", 16, 0, 8, None),
        LogLayout("the layout of 5.1 with PRINTK_CALLER", 24, 0, 8, 16),
    ]


class BufferPlace(NamedTuple):
    """Where the buffer is: the VA of its first byte, its size, the indices of the oldest record and behind the newest one.

    `first_seq` is the oldest one's sequence number, None where the kernel does not say.
    """

    start: int
    size: int
    first: int
    next: int
    first_seq: int | None = None


class LogBuffer:
    """The buffer at a place. Raises KernelError for a place that can be none."""

    def __init__(self, reach: Reach, layout: LogLayout, place: BufferPlace) -> None:
        self.layout, self.place = layout, place
        self.lost: Counter[str] = Counter()
        if not layout.size <= place.size <= _LARGEST or max(place.first, place.next) > place.size:
            message = f"no log is {place.size} bytes long with records from {place.first} to {place.next}"
            raise KernelError(message, "what says where the log is was damaged, or is of another boot")
        self._bytes: Area = area(reach, place.start, place.size)

    def messages(self) -> list[Message]:
        """Every record from the oldest to the newest that can be followed; `lost` says whether the chain broke."""
        seq = self.place.first_seq or 0
        return [self._message(at, seq + number) for number, at in enumerate(self._indices())]

    def _indices(self) -> Iterator[int]:
        """Indices of the records, in order; it ends where one is missing or cannot be."""
        at, end, wrapped = self.place.first, self.place.next, self.place.next >= self.place.first
        while at != end:
            length = self._length(at)
            if length == 0 and not wrapped:
                at, wrapped = 0, True
                continue
            if not self._is_record(at, length) or (wrapped and at + length > end):
                self.lost[DAMAGED if self._bytes.holds(at, min(at + self.layout.size, self.place.size)) else NOT_DUMPED] += 1
                return
            yield at
            at += length

    def _length(self, at: int) -> int:
        """A record's length; 0 for the mark that the next one is at the start, or where no record has room."""
        if at + self.layout.size > self.place.size:
            return 0
        return int.from_bytes(self._bytes.data[at + self.layout.lengths : at + self.layout.lengths + 2], "little")

    def _is_record(self, at: int, length: int) -> bool:
        if length < self.layout.size or length % _ALIGN or not self._bytes.holds(at, at + length):
            return False
        _, text, dictionary, _, _ = _HEADER.unpack_from(self._bytes.data, at + self.layout.lengths)
        return bool(self.layout.size + text + dictionary <= length)

    def _message(self, at: int, seq: int) -> Message:
        data, layout = self._bytes.data, self.layout
        _, text, dictionary, facility, flags = _HEADER.unpack_from(data, at + layout.lengths)
        stamp = int.from_bytes(data[at + layout.ts_nsec : at + layout.ts_nsec + 8], "little")
        caller = None
        if layout.caller_id is not None:
            caller = int.from_bytes(data[at + layout.caller_id : at + layout.caller_id + 4], "little")
        begin = at + layout.size
        raw = bytes(data[begin : begin + text])
        said = _dictionary(bytes(data[begin + text : begin + text + dictionary]))
        own = said.pop("SUBSYSTEM", ""), said.pop("DEVICE", "")
        return Message(seq, stamp, flags >> 5, facility, flags & 31, raw, caller, *own, tuple(said.items()))

    def fits(self) -> bool:
        """Whether records follow one another up to the newest one."""
        for _ in self._indices():
            pass
        is_whole = not self.lost
        self.lost.clear()
        return is_whole


def _dictionary(raw: bytes) -> dict[str, str]:
    """KEY=value strings with a NUL between them."""
    words = (one.decode("utf-8", "surrogateescape").partition("=") for one in raw.split(b"\0") if b"=" in one)
    return {key: value for key, _, value in words}


def joined(messages: list[Message]) -> list[Message]:
    """The messages with pieces of one line put together, as kernels before 4.10 print them.

    A record without LOG_NEWLINE is gone on with by the next one that has LOG_CONT and no LOG_PREFIX.
    """
    found: list[Message] = []
    is_open = False
    for message in messages:
        if is_open and message.flags & CONT and not message.flags & PREFIX:
            found[-1] = found[-1]._replace(raw=found[-1].raw + message.raw)
        else:
            found.append(message)
        is_open = bool(message.flags & CONT) and not message.flags & NEWLINE
    return found
