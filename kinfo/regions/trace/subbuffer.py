"""A sub-buffer: its head, and the records in it (struct buffer_data_page, struct ring_buffer_event).

A record's word has its type or length in the low 5 bits and the time since the record before in the other 27, in the
clock's unit: include/linux/ring_buffer.h, enum ring_buffer_type; 2.6.28 to 7.3.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from kinfo.arch.address import MASK

_PADDING, _TIME_EXTEND, _TIME_STAMP = 29, 30, 31
_MISSED_EVENTS, _MISSED_STORED = 1 << 31, 1 << 30
_MISSED = _MISSED_EVENTS | _MISSED_STORED
_DELTA_BITS = 27
_TOP = 0xF8 << 56  # of the time: not in an absolute stamp, which has 59 bits (TS_MSB)

Record = tuple[int, int, int]  # time, index of the word at which the data begin, bytes of data


class TraceDamagedError(ValueError):
    """A sub-buffer's records make no sense; the message says which."""


class SubBuffer(NamedTuple):
    """A sub-buffer: its number, its bytes, the time of its start, the bytes of its records.

    `missed` is how many events were lost before it: 0 none, -1 not known how many.
    """

    number: int
    raw: bytes | memoryview
    time: int
    used: int
    missed: int = 0


def head(raw: bytes | memoryview, word: int, number: int = 0) -> SubBuffer:
    """A sub-buffer by its bytes; `word` is the bytes of a long. Raises TraceDamagedError."""
    start = 8 + word
    if len(raw) < start:
        raise TraceDamagedError("the dump has not all of it")
    time, commit = struct.unpack_from("<QQ" if word == 8 else "<QI", raw)
    used = commit & ~_MISSED
    if used > len(raw) - start:
        raise TraceDamagedError(f"it is said to hold {used:#x} bytes of records")
    if used & 3:
        raise TraceDamagedError(f"its records are said to have {used:#x} bytes, which is no multiple of 4")
    missed = -1 if commit & _MISSED else 0
    if commit & _MISSED_STORED and used + word <= len(raw) - start:
        missed = int.from_bytes(raw[start + used : start + used + word], "little")
    return SubBuffer(number, raw, time, used, missed)


def words(sub: SubBuffer, word: int) -> Sequence[int]:
    """The words of a sub-buffer's records."""
    return struct.unpack_from(f"<{sub.used // 4}I", sub.raw, 8 + word)


def walk(sub: SubBuffer, data: Sequence[int]) -> list[Record]:
    """The records of a sub-buffer by its words, in their order, with their time. Raises TraceDamagedError.

    Padding of a record that was thrown away moves the time on as check_buffer() has it, but where its delta is 1: that
    stands for none.
    """
    found: list[Record] = []
    add = found.append
    time, at, end = sub.time, 0, len(data)
    while at < end:
        word = data[at]
        kind = word & 31
        if 0 < kind < _PADDING:
            time += word >> 5
            add((time, at + 1, kind << 2))
            at += kind + 1
        elif kind == 0:
            size = data[at + 1] if at + 1 < end else 0
            if size < 4 or size > 4 * (end - at - 1):
                raise TraceDamagedError(f"a record of {size} bytes begins {4 * at} bytes into its records")
            time += word >> 5
            add((time, at + 2, size - 4))
            at += 1 + (size + 3 >> 2)
        else:
            time, step = _special(word, kind, time, data, at)
            at = at + step if step else end
    if at != end:
        raise TraceDamagedError("its last record is longer than what is left of it")
    return found


def _special(word: int, kind: int, time: int, data: Sequence[int], at: int) -> tuple[int, int]:
    """The time behind a record without data, and how many words it has; 0 words: nothing comes behind it."""
    delta = word >> 5
    if kind == _PADDING and not delta:
        return time, 0
    if at + 1 >= len(data):
        raise TraceDamagedError("a time stamp, or padding, is cut at its end")
    more = data[at + 1]
    if kind == _PADDING:
        step = 1 + (more + 3 >> 2)
        if more < 4 or at + step > len(data):
            raise TraceDamagedError(f"padding of {more} bytes begins {4 * at} bytes into its records")
        return (time if delta == 1 else time + delta), step
    stamp = more << _DELTA_BITS | delta
    if kind == _TIME_EXTEND:
        return time + stamp & MASK, 2
    if time & _TOP:
        stamp |= time & _TOP
        stamp += (1 << 59) * (stamp < time)
    if stamp < time:
        raise TraceDamagedError(f"an absolute time stamp {4 * at} bytes into its records goes back")
    return stamp & MASK, 2
