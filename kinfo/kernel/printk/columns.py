"""A run of sound slots, all at once: column by column, as long logs have thousands of them and Python is slow for each.

What is proved is the same as slot by slot: ids and sequence numbers are compared as whole lists.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from typing import Any

from kinfo.kernel.printk.layout import RingLayout
from kinfo.kernel.printk.message import Message
from kinfo.named import NamedTuple

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
    states = _column(run.descs, "Q", layout.desc_at[0], layout.desc.size)
    free = next((index for index, state in enumerate(states) if state < _REUSABLE), len(states))
    first, between, behind = run.first_id, run.first_id + free, run.first_id + len(states)
    if states != [*range(_REUSABLE | first, _REUSABLE | between), *range(_FINALIZED | between, _FINALIZED | behind)]:
        return None
    infos = run.infos[free * layout.info.size :]
    seqs = _column(infos, "Q", layout.info_at[0], layout.info.size)
    if not seqs:
        return FoundColumns([], free)
    if seqs != list(range(seqs[0], seqs[0] + len(seqs))) or not is_seq(seqs[0], between):
        return None
    texts = list(_texts(run, layout, free, _column(infos, "H", layout.info_at[2], layout.info.size), other))
    flags, caller_at = bytes(infos[layout.info_at[3] - 1 :: layout.info.size]), layout.info_at[3]
    columns = (
        seqs,
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


def _column(raw: memoryview, code: str, at: int, stride: int) -> list[int]:
    """The number at a place in each of the structs."""
    size = {"Q": 8, "I": 4, "H": 2}[code]
    return raw.cast(code)[at // size :: stride // size].tolist()  # type: ignore[call-overload, no-any-return]


def _texts(run: Run, layout: RingLayout, free: int, lengths: list[int], other: Other) -> Iterator[bytes | None]:
    """The texts; a block that wraps, or that is none, is `other`'s."""
    descs, data, bits, mask = run.descs[free * layout.desc.size :], run.text, run.size_bits, (1 << run.size_bits) - 1
    ids = memoryview(data).cast("Q")
    begins, ends = (_column(descs, "Q", at, layout.desc.size) for at in layout.desc_at[1:])
    for id_, begin, behind, length in zip(range(run.first_id + free, 1 << 62), begins, ends, lengths, strict=False):
        at = (begin & mask) + _WORD
        is_one = begin >> bits == behind >> bits and begin + _WORD + length <= behind and not (begin | behind) & _WORD - 1
        if is_one and ids[(at >> 3) - 1] == id_:
            yield data[at : at + length]
        else:
            yield other(id_, begin, behind, length)


def _words(infos: memoryview, layout: RingLayout, said: Said) -> tuple[Any, ...]:
    """Columns of subsystem, device and context."""
    context, subsystem = layout.info_at[4], layout.info_at[5]
    if context == subsystem and not any(bytes(infos[subsystem :: layout.info.size])):
        return repeat(""), repeat(""), repeat(())
    return tuple(zip(*(said(*info[6:]) for info in layout.info.iter_unpack(infos)), strict=True))
