"""Where the zones of a ramoops region lie, from the zones alone.

Zones follow one another without a gap, so each one's size is the way to the next. They need not begin at a page: the driver
divides what is left of the region by the number of records, and rounds down to 2 bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import pairwise
from operator import xor

from kinfo.memory import Dump
from kinfo.named import NamedTuple
from kinfo.regions.ramoops import dmesg, ecc
from kinfo.regions.ramoops.zone import LARGEST, MAGIC, ZoneHeader, header_of

_GAP = 8 << 20  # zones of one region are not further apart; boards have up to 2 MiB
_FTRACE = re.compile(rb"(?s)(?=..[@-O]C)")  # the signature ^ a version: the top byte of that is 0, the next below 16
_MOST = 1 << 14  # zones of a region, and places that are looked at
_SIZES = tuple(1 << power for power in range(8, 27))
_USUAL = 16
_MOST_WRONG = 8  # bytes of a header: more, and any bytes hold by the parity of some other zone
_PARITIES = (_USUAL, *(size for size in range(ecc.LARGEST, 3, -1) if size != _USUAL))
_LOOKED_AT = 8  # zones in which the parity is looked for


class ZonePlace(NamedTuple):
    """Where a zone begins, and its size; None where that is not known."""

    at: int
    size: int | None


class RamoopsRegion(NamedTuple):
    """The zones of one region, and how many bytes of parity each block has (0: no ECC)."""

    places: tuple[ZonePlace, ...]
    parity: int

    @property
    def at(self) -> int:
        """Where it begins."""
        return self.places[0].at


def signatures(source: Dump) -> Iterator[int]:
    """Every place of the signature at a multiple of 2 bytes, in order."""
    behind, tail = -1, b""
    for offset, window in source.windows():
        carried = tail if offset == behind else b""
        data = carried + bytes(window)
        at = data.find(MAGIC)
        while at >= 0:
            place = offset - len(carried) + at
            if place % 2 == 0:
                yield place
            at = data.find(MAGIC, at + 1)
        behind, tail = offset + len(window), data[-3:]


def regions(source: Dump, found: Sequence[int] | None = None) -> list[RamoopsRegion]:
    """Every region whose zones bear themselves out: by a record, by parity, or by one another."""
    groups: list[list[int]] = []
    for at in signatures(source) if found is None else found:
        if groups and at - groups[-1][-1] <= _GAP and len(groups[-1]) < _MOST:
            groups[-1].append(at)
        else:
            groups.append([at])
    return [region for group in groups if (region := _region(source, group))]


def _region(source: Dump, group: list[int]) -> RamoopsRegion | None:
    zones = _outermost(source, group)
    parity = _parity(source, zones)
    if parity:
        zones = _mended(source, zones, parity)
    elif not _is_sure(source, zones):
        zones = [at for at in zones if _is_plausible(source, at)]
        if not _is_sure(source, zones):
            return None
    else:
        zones = _without_strays(source, zones)
    zones = sorted({*zones, *_ftrace(source, zones)})
    places = [ZonePlace(at, after - at) for at, after in pairwise(zones)]
    return RamoopsRegion((*places, ZonePlace(zones[-1], _last_size(source, places, zones[-1], parity))), parity)


def _header(source: Dump, at: int) -> ZoneHeader | None:
    return header_of(source.read(at, ecc.HEADER))


def _is_plausible(source: Dump, at: int) -> bool:
    header = _header(source, at)
    return header is not None and header.start <= header.size <= LARGEST


def _outermost(source: Dump, group: list[int]) -> list[int]:
    """Without the signatures that lie in the data of a zone."""
    kept: list[int] = []
    end = 0
    for at in group:
        if at < end:
            continue
        kept.append(at)
        header = _header(source, at)
        if header and header.start <= header.size <= LARGEST:
            end = at + ecc.HEADER + header.size
    return kept


def _is_sure(source: Dump, zones: Sequence[int]) -> bool:
    """Whether a zone holds a record; or zones of a driver's sizes follow one another, and some were written."""
    plausible = [at for at in zones if _is_plausible(source, at)]
    if any(dmesg.is_record(source.read(at + ecc.HEADER, 64)) for at in plausible):
        return True
    gaps = [after - at for at, after in pairwise(zones)]
    return len(plausible) == len(zones) > 1 and all(gap in _SIZES or gaps.count(gap) > 1 for gap in gaps)


def _without_strays(source: Dump, zones: list[int]) -> list[int]:
    """Without what is no header, at both ends: the constant in the driver's code, say."""
    good = [index for index, at in enumerate(zones) if _is_plausible(source, at)]
    inner = zones[good[0] : good[-1] + 1]
    return [at for index, at in enumerate(inner) if _is_plausible(source, at) or _in_step(inner, index)]


def _in_step(zones: Sequence[int], index: int) -> bool:
    """Whether a zone is as far from both its neighbours: a zone with a damaged header, not a stray signature."""
    return 0 < index < len(zones) - 1 and zones[index] * 2 == zones[index - 1] + zones[index + 1]


def _parity(source: Dump, zones: Sequence[int]) -> int:
    """By which parity the headers hold; 0 where by none."""
    sized = [ZonePlace(at, after - at) for at, after in pairwise(zones)]
    shown = [place for place in sized if (place.size or 0) <= LARGEST][:_LOOKED_AT]
    last = [ZonePlace(zones[-1], size) for size in _last_sizes(source, sized, zones[-1])]
    for parity in _PARITIES:
        if parity != _USUAL and not any(_is_even(source, place, parity) for place in shown or last):
            continue
        held = sum(_holds(source, place, parity) for place in shown)
        if 2 * held > len(shown):
            return parity
        if not shown and parity >= 8 and any(_holds(source, place, parity) for place in last):
            return parity
    return 0


def _is_even(source: Dump, place: ZonePlace, parity: int) -> bool:
    """Whether a header can hold by that parity, without a wrong byte: the sum of its codeword is 0 (the root 1)."""
    behind = source.read(place.at + (place.size or 0) - parity, parity)
    return not reduce(xor, source.read(place.at, ecc.HEADER) + behind, 0)


def _holds(source: Dump, place: ZonePlace, parity: int) -> bool:
    """Whether the parity puts a zone's header right, if it is of that size, and the signature is then one."""
    return _wrong(source, place, parity) <= _MOST_WRONG


def _wrong(source: Dump, place: ZonePlace, parity: int) -> int:
    """How many bytes of a header and its parity are wrong, if the zone is of that size; too many where it does not hold."""
    shape = ecc.geometry(place.size or 0, parity)
    if shape is None or shape.size > LARGEST:
        return _MOST_WRONG + 1
    raw = source.read(place.at, ecc.HEADER)
    behind = source.read(place.at + shape.header_parity, parity)
    fixed = ecc.header_of_parts(raw, behind, parity)
    return _MOST_WRONG + 1 if fixed.lost or header_of(fixed.data) is None else fixed.corrected


def _last_sizes(source: Dump, before: Sequence[ZonePlace], at: int) -> Iterator[int]:
    """Sizes that the last zone may have: another's, up to the end of the dump, a power of two."""
    seen: set[int] = set()
    for size in (*(place.size or 0 for place in reversed(before)), source.size - at, *_SIZES):
        if ecc.HEADER < size <= LARGEST and size not in seen:
            seen.add(size)
            yield size


def _last_size(source: Dump, before: Sequence[ZonePlace], at: int, parity: int) -> int | None:
    """The last zone's size: as its parity says, or its header where the ring is full."""
    if parity:
        return next((size for size in _last_sizes(source, before, at) if _holds(source, ZonePlace(at, size), parity)), None)
    header = _header(source, at)
    if header and header.start < header.size <= LARGEST:
        return header.size + ecc.HEADER  # it was written around, so it is full
    return None


def _mended(source: Dump, zones: list[int], parity: int) -> list[int]:
    """With the zones between, before and behind whose signature is damaged and whose parity puts it right."""
    gaps = [after - at for at, after in pairwise(zones)]
    if not gaps:
        return zones
    step = min(gaps, key=lambda gap: (-gaps.count(gap), gap))
    found = {at for at, after in zip(zones, [*zones[1:], None], strict=True) if _keeps(source, at, after, parity, step)}
    wanted: list[int] = []
    for first, gap in zip(zones, gaps, strict=False):
        by_step = _wrong(
            source, ZonePlace(first, step), parity
        )  # no worse than by the gap: records of one length have one header
        if by_step <= min(_MOST_WRONG, _wrong(source, ZonePlace(first, gap), parity)):
            wanted += range(first + step, first + gap, step)
    wanted += range(zones[0] - step, max(zones[0] - 64 * step, -1), -step)
    return sorted(found | {at for at in wanted[:_MOST] if _holds(source, ZonePlace(at, step), parity)}) or zones


def _keeps(source: Dump, at: int, after: int | None, parity: int, step: int) -> bool:
    """Whether a signature is a zone's: its header holds, or makes sense."""
    return _is_plausible(source, at) or _holds(source, ZonePlace(at, (after or at + step) - at), parity)


def _ftrace(source: Dump, zones: Sequence[int]) -> list[int]:
    """Ftrace zones between the others and behind them: their signature has the kernel's version in it."""
    found: dict[int, ZoneHeader] = {}
    near: set[int] = set()
    for at, after in zip(zones, [*zones[1:], zones[-1] + _GAP], strict=True):
        header = _header(source, at)
        held = header.size if header and header.size <= LARGEST else 0
        first = at + ecc.HEADER + held
        for place, one in _traces(source, first + first % 2, after):
            found[place] = one
            if place - at in _SIZES or after - place in _SIZES:
                near.add(place)
    versions = {one.version for at, one in found.items() if one.size or at in near}
    return [at for at, one in found.items() if one.version in versions][:_MOST]


def _traces(source: Dump, first: int, end: int) -> Iterator[tuple[int, ZoneHeader]]:
    raw = source.read(first, min(end - first, _GAP)) if end > first else b""
    behind = 0
    for match in _FTRACE.finditer(raw):
        at = match.start()
        header = None if at % 2 or at < behind else header_of(raw[at : at + ecc.HEADER])
        if header is None or header.version is None or not _is_trace(header, len(raw) - at - ecc.HEADER):
            continue
        yield first + at, header
        behind = at + ecc.HEADER + header.size


def _is_trace(header: ZoneHeader, room: int) -> bool:
    """Whether a ftrace zone's bytes can be its records: whole ones, or a ring that was written around."""
    return header.start <= header.size <= room and (header.size % 8 == 0 or header.start < header.size)
