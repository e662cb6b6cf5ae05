"""A run of sound slots, all at once: column by column, as long logs have thousands of them and Python is slow for each.

What is proved is the same as slot by slot: ids and sequence numbers are compared as whole lists.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from itertools import count, repeat

from kinfo.kernel.printk.layout import RingLayout
from kinfo.kernel.printk.message import Message
from kinfo.named import NamedTuple
from kinfo.typed import Any

_WORD = 8
_FINALIZED, _REUSABLE = 2 << 62, 3 << 62
_LEVELS, _FLAGS = bytes(flags >> 5 for flags in range(256)), bytes(flags & 31 for flags in range(256))


class Run(NamedTuple):
    """Consecutive slots: their descriptors and infos, the id of the first, and all of the ring's text."""

    descs: memoryview
    infos: memoryview
    first_id: int
    text: bytes
    size_bits: int

    def is_plain(self, layout: RingLayout) -> bool:
        """Whether columns can be had of it: 64-bit words at places that are multiples of them."""
        whole = (layout.desc.size, layout.info.size, *layout.desc_at, *layout.info_at[:2])
        is_aligned = not any(number % _WORD for number in whole) and not layout.info_at[2] % 2 and not layout.info_at[3] % 4
        return layout.word == _WORD and is_aligned and sys.byteorder == "little" and self.size_bits > 3


class FoundColumns(NamedTuple):
    """The messages, and how many slots before them are free to be used again."""

    messages: list[Message]
    reusable: int


Other = Callable[[int, int, int, int], "bytes | None"]  # id, begin, next and length to the text, where it is not plain
Said = Callable[[bytes, bytes, bytes], tuple[Any, ...]]


def found(run: Run, layout: RingLayout, other: Other, said: Said, is_seq: Callable[[int, int], bool]) -> FoundColumns | None:
    """The messages of a run in which slots that are free are followed by finished ones only; None for any other run."""
    states = _places(run.descs, "Q", layout.desc_at[0], layout.desc.size)
    free = bisect_left(states, True, key=_REUSABLE.__gt__)  # of states in order; that they are is seen next
    first, between, behind = run.first_id, run.first_id + free, run.first_id + len(states)
    if bytes(states) != _ascending(_REUSABLE | first, free) + _ascending(_FINALIZED | between, behind - between):
        return None
    infos = run.infos[free * layout.info.size :]
    if not infos:
        return FoundColumns([], free)
    seqs = _places(infos, "Q", layout.info_at[0], layout.info.size)
    if not is_seq(seqs[0], between) or bytes(seqs) != _ascending(seqs[0], len(seqs)):
        return None
    texts = _texts(run, layout, free, _column(infos, "H", layout.info_at[2], layout.info.size), other)
    flags, caller_at = bytes(infos[layout.info_at[3] - 1 :: layout.info.size]), layout.info_at[3]
    columns = (
        range(seqs[0], seqs[0] + len(seqs)),
        _column(infos, "Q", layout.info_at[1], layout.info.size),
        flags.translate(_LEVELS),
        bytes(infos[caller_at - 2 :: layout.info.size]),
        flags.translate(_FLAGS),
        texts,
        _column(infos, "I", caller_at, layout.info.size),
        *_words(infos, layout, said),
    )
    make = partial(tuple.__new__, Message)  # half the time of _make, which counts the members of each
    messages = list(map(make, zip(*columns, strict=False)))  # what nobody said anything beside of is repeated for ever
    return FoundColumns([one for one in messages if one.raw is not None] if None in texts else messages, free)


def _places(raw: memoryview, code: str, at: int, stride: int) -> memoryview:
    """Where a number is in each of the structs."""
    size = {"Q": 8, "I": 4, "H": 2}[code]
    return raw.cast(code)[at // size :: stride // size]  # type: ignore[call-overload, no-any-return]


def _column(raw: memoryview, code: str, at: int, stride: int) -> list[int]:
    """These numbers."""
    return _places(raw, code, at, stride).tolist()


def _ascending(first: int, count: int) -> bytes:
    """A number and those that follow it, each a word: twice as many at a time, for that is one addition of long integers."""
    words, size = first.to_bytes(_WORD, "little"), 1
    while size < count:
        steps = int.from_bytes((b"\1" + bytes(_WORD - 1)) * size, "little") * size
        words += (int.from_bytes(words, "little") + steps).to_bytes(_WORD * size + 1, "little")[:-1]  # a carry goes nowhere
        size *= 2
    return words[: _WORD * count]


def _texts(run: Run, layout: RingLayout, free: int, lengths: list[int], other: Other) -> list[bytes | None]:
    """The texts; a block that wraps, or that is none, is `other`'s."""
    descs, data, mask = run.descs[free * layout.desc.size :], run.text, (1 << run.size_bits) - 1
    ids = memoryview(data).cast("Q")
    begins, ends = (_column(descs, "Q", at, layout.desc.size) for at in layout.desc_at[1:])
    return [
        data[at + _WORD : at + _WORD + length]
        if not (begin | behind) & _WORD - 1  # a block's ends, both in one round of the ring, and room in it for the text
        and begin ^ behind <= mask
        and begin + _WORD + length <= behind
        and ids[(at := begin & mask) >> 3] == id_
        else other(id_, begin, behind, length)
        for id_, begin, behind, length in zip(count(run.first_id + free), begins, ends, lengths, strict=False)
    ]


def _words(infos: memoryview, layout: RingLayout, said: Said) -> tuple[Any, ...]:
    """Columns of subsystem, device and context."""
    context, subsystem, device = layout.info_at[4:]
    if context == subsystem and not any(any(bytes(infos[at :: layout.info.size])) for at in (subsystem, device)):
        return repeat(""), repeat(""), repeat(())
    return tuple(zip(*(said(*info[6:]) for info in layout.info.iter_unpack(infos)), strict=True))
