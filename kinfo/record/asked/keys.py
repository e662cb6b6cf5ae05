"""Regions told apart by a key, so that one of a kernel seen before takes the way that was found then, without a question.

Devices of one kernel differ in where it lies: all addresses by the same distance, and the checksum with them. In the key
addresses stand as distances from a base, and a checksum as what it says over each layout's length. What a question's answer
depends on is either in the key whole, or the question is asked again; so a wrong guess of which words are addresses makes
keys that no other region has, never a wrong answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np

from kinfo.named import NamedTuple
from kinfo.record.asked.blobs import PART, Array, Blobs
from kinfo.record.asked.follow import Rows
from kinfo.record.asked.questions import (
    Word,
)
from kinfo.record.checksum import ALL_ONES
from kinfo.record.layouts import LAYOUTS
from kinfo.record.model import Layout

LOW_BITS = 21  # bits of a base that a key has: kernels are moved by 2 MiB, or by less
_PHYSICAL, _VIRTUAL = "pa", "va"
_OF_BLOCK = " of the vendor block"  # which lies where the kernel does not
_BY_SIZE = sorted(LAYOUTS, key=lambda layout: layout.size)
WORDS = tuple(dict.fromkeys(layout.words for layout in _BY_SIZE))
_IMAGE, _MODULES = np.uint64(1 << 29), np.uint64(1 << 41)  # how far addresses of an image lie apart, and of modules
_HOLDS = 4  # what `_sum_code` says at the least where the sum is right, inverted or not
_TEXT = np.array([0x31 <= code <= 0x39 for code in range(256)])  # how a release begins


class AddressPlaces(NamedTuple):
    """Where the addresses of a region lie, each with its group, and where its records begin and end.

    Addresses of a group are moved together; the first of a group is its base.
    """

    words: tuple[tuple[int, str], ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]


@cache
def _frame(layouts: tuple[Layout, ...], starts: tuple[int, ...]) -> AddressPlaces:
    words: dict[str, list[int]] = {}
    for layout, start in zip(layouts, starts, strict=True):
        for field in layout.fields:
            if field.item == "Q" and not field.elements and (group := _group(field.name)):
                at = start + field.offset
                group += _OF_BLOCK if start else ""
                words.setdefault(group, []).insert(0 if "_stext_" in field.name else len(words.get(group, ())), at)
    ends = tuple(start + layout.size for layout, start in zip(layouts, starts, strict=True))
    return AddressPlaces(tuple((at, group) for group, places in words.items() for at in places), starts, ends)


def _group(name: str) -> str:
    """Which addresses move together; those that move alone are a group each."""
    if name.endswith("_pa"):
        return _PHYSICAL
    if name in ("suspend_diag_va", "kimage_voffset"):
        return name
    return _VIRTUAL if name.endswith("_va") else ""


class Keyed(NamedTuple):
    """Some rows of one frame, each with its key, and the base of each group of addresses by its name."""

    frame: AddressPlaces
    rows: Rows
    keys: list[bytes]
    bases: dict[str, Array]


def keyed(blobs: Blobs, rows: Rows, half: int) -> list[Keyed]:
    """The keys of those rows for which one can be made: `half` is where their vendor block begins (0: they have none)."""
    starts = (0, half) if half else (0,)
    if half and half < PART:
        return []
    codes = {(start, words): _sum_code(blobs, start, words) for start in starts for words in _there(blobs, start)}
    chosen = np.zeros(len(rows), np.int64)
    for start in starts:
        chosen = chosen * (len(_BY_SIZE) + 1) + _likely(blobs, rows, start, codes)
    found = []
    for number in np.unique(chosen).tolist():
        parts = [number] if len(starts) == 1 else list(divmod(number, len(_BY_SIZE) + 1))
        if all(part < len(_BY_SIZE) for part in parts):
            frame = _frame(tuple(_BY_SIZE[part] for part in parts), starts)
            found.append(_of_frame(blobs, rows[chosen == number], frame, list(codes.values())))
    return found


def _there(blobs: Blobs, start: int) -> list[int]:
    return [words for words in WORDS if start + 8 + 4 * words <= blobs.size]


def _sum_code(blobs: Blobs, start: int, words: int) -> Array:
    """All that a question about a checksum depends on beside the magic."""
    stored = blobs.word(Word(start + 4, 4))
    differ = stored ^ blobs.sums(start, words)
    code: Array = (differ == 0).astype(np.uint8)
    relations = (differ == ALL_ONES, stored == 0, (differ & (differ - np.uint32(1))) == 0)
    for relation in relations:
        code += code
        code += relation
    return code


def _likely(blobs: Blobs, rows: Rows, start: int, codes: dict[tuple[int, int], Array]) -> Array:
    """The number of the layout under which most words are addresses, of those whose sum and release are right."""
    found, right = np.full(len(rows), len(_BY_SIZE), np.int64), np.zeros(len(rows), np.int64)
    fitting = []
    for number, layout in enumerate(_BY_SIZE):
        field = layout.by_name["uts_release" if layout.vendor else "last_uts_release"]
        if layout.vendor == bool(start) and start + layout.size <= blobs.size:
            is_right = codes[start, layout.words][rows] >= _HOLDS
            is_right &= _TEXT[blobs.word(Word(start + field.offset, 1))[rows]]
            found[is_right] = number
            right += is_right
            fitting.append((number, _frame((layout,), (start,)), is_right))
    is_open, best = right > 1, np.full(len(rows), -1)
    rivals = [(number, _with_bases(frame), np.flatnonzero(is_right & is_open)) for number, frame, is_right in fitting]
    rivals = [one for one in rivals if len(one[2])]
    alike = set.intersection(*({*words} for _, words, _ in rivals)) if rivals else set()  # it counts for each of them
    for number, words, places in rivals:
        count = _addresses(blobs, rows[places], [one for one in words if one not in alike])
        better = count > best[places]
        found[places[better]] = number
        best[places[better]] = count[better]
    return found


@cache
def _with_bases(frame: AddressPlaces) -> tuple[tuple[int, int, bool], ...]:
    """Where each address lies, where its base does, and whether it is a PA."""
    bases: dict[str, int] = {}
    return tuple((at, bases.setdefault(group, at), group.startswith(_PHYSICAL)) for at, group in frame.words)


def _addresses(blobs: Blobs, rows: Rows, places: Iterable[tuple[int, int, bool]]) -> Array:
    """How many of these words are addresses near their base."""
    count = np.zeros(len(rows), np.int64)
    for at, base, is_physical in places:
        words = blobs.word(Word(at, 8))[rows]
        distance = words - blobs.word(Word(base, 8))[rows]
        near = _IMAGE if is_physical else _MODULES
        is_near = distance + near < near * np.uint64(2)
        count += (words != 0) & ((words >> np.uint64(63) == 0) == is_physical) & is_near
    return count


def _of_frame(blobs: Blobs, rows: Rows, frame: AddressPlaces, codes: list[Array]) -> Keyed:
    """Their keys: the bytes of each record, then which addresses are 0, the low bits of each base, and what the sums say."""
    spans = [(start, min(end, blobs.size)) for start, end in zip(frame.starts, frame.ends, strict=True)]
    for (_, end), border in zip(spans, (*frame.starts[1:], blobs.size), strict=True):
        rows = rows[blobs.blank(end, border)[rows]]
    width = sum(end - start for start, end in spans)
    groups = [group for _, group in frame.words]
    firsts = [groups.index(group) for group in groups]  # the number of the base of each word
    bases = dict.fromkeys(groups)
    keys = np.empty((len(rows), width + 8 + 4 * len(bases) + len(codes)), np.uint8)
    places, at = {}, 0
    for start, end in spans:
        keys[:, at : at + end - start] = blobs.part(start, end)[rows]
        keys[:, at + 4 : at + 8] = 0
        places[start] = at - start
        at += end - start
    of_words = [offset + places[max(one for one in frame.starts if one <= offset)] for offset, _ in frame.words]
    in_key = (np.array(of_words)[:, None] + np.arange(8)).ravel()
    words = np.take(keys, in_key, axis=1).view("<u8")
    based, nothing = np.take(words, firsts, axis=1), words == 0
    is_physical = np.array([group.startswith(_PHYSICAL) for group in groups])
    is_sound = (nothing | (((words >> np.uint64(63) == 0) == is_physical) & (based != 0))).all(axis=1)
    keys[:, in_key] = np.where(nothing, np.uint64(0), words - based).view(np.uint8)
    zeros = nothing @ (np.uint64(1) << np.arange(len(groups), dtype=np.uint64))
    keys[:, width : width + 8] = _bytes_of(zeros)
    low = np.take(words, sorted(set(firsts)), axis=1) & np.uint64((1 << LOW_BITS) - 1)
    keys[:, width + 8 : width + 8 + 4 * len(bases)] = low.astype("<u4").view(np.uint8)
    for number, code in enumerate(codes, 1):
        keys[:, -number] = code[rows]
    if not is_sound.all():
        rows, keys, words = rows[is_sound], keys[is_sound], words[is_sound]
    found = {group: words[:, first] for group, first in zip(groups, firsts, strict=True)}
    return Keyed(frame, rows, keys.view(f"S{keys.shape[1]}").ravel().tolist(), found)


def _bytes_of(column: Array) -> Array:
    """A number a row as its bytes, the lowest first."""
    return column.astype(f"<u{column.dtype.itemsize}", copy=False)[:, None].view(np.uint8)
