"""Random damaged regions read together, as `survey` reads many, against each of them read alone: every cell must agree.

`python -m tools.likeness --cases 100000 --seed 1` goes through so many regions of every layout: bits flipped, bytes and
fields changed or swapped, cut, moved, text of any bytes, sums inverted or made right again, tails of noise, vendor blocks
beside or over them. It prints how many were read together, and each difference with the region in hex; 1 where there is one.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import kinfo
from kinfo.examine import columns
from kinfo.memory import BytesDump
from kinfo.record.asked import follow
from kinfo.record.checksum import prefix_sums
from kinfo.survey import blobs as blobs_room
from kinfo.survey.look import rows_of
from tests.synthetic import MAIN, VENDOR, make_fields

PAGE = 4096
AT_ONCE = 2048  # regions in one call
_KERNELS = 40  # of each layout: they come again, moved, as in a fleet
_ALIKE = 8
_HOSTILE = (b"6.12.0-\x1b[31m", b"\xff" * 40, b"5.10.", b"Linux\0", bytes(64), b"9" * 63 + b"\0", b"a/b/c:1/2/3:user/x\n")
_SIZES = (0, 512, 1024, 2048, 4096, 4096, 4096, 4096, 8192)


class Difference(NamedTuple):
    """A region whose rows are not alike, and the first column in which they are not."""

    region: bytes
    column: str
    together: object
    alone: object


def region(rng: random.Random, step: int) -> bytes:
    """One region: of a known kernel, so far from where it was linked, and mostly damaged."""
    alias = rng.choice((*MAIN, *MAIN, *VENDOR))
    record = bytearray(_record(alias, rng, step))
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        rng.choice(_DAMAGE)(record, rng)
    size = rng.choice(_SIZES)
    data = bytearray(record if not size else record[:size].ljust(size, b"\0"))
    if size >= PAGE and alias in MAIN and rng.random() < 1 / 3:
        block = bytearray(_record(rng.choice(VENDOR), rng, step))
        if rng.random() < 1 / 2:
            rng.choice(_DAMAGE)(block, rng)
        at = rng.choice((size // 2, size // 2, size // 2, 512, 1024, 2048))
        data[at : at + len(block)] = block
    if rng.random() < 1 / 10:
        start = rng.randrange(len(data))
        data[start:] = rng.randbytes(len(data) - start)
    return bytes(data[: rng.randrange(len(data) + 1)] if rng.random() < 1 / 20 else data)


def _record(alias: str, rng: random.Random, step: int) -> bytes:
    fields: dict[str, Any] = make_fields(alias, rng.randrange(_KERNELS))
    moved = {name: (one + step) % (1 << 64) for name, one in fields.items() if name.endswith("_pa") and one}
    return kinfo.encode(fields | moved, alias)


def _flip(record: bytearray, rng: random.Random) -> None:
    record[rng.randrange(len(record))] ^= 1 << rng.randrange(8)


def _byte(record: bytearray, rng: random.Random) -> None:
    record[rng.randrange(len(record))] = rng.randrange(256)


def _line(record: bytearray, rng: random.Random) -> None:
    at = rng.randrange(0, len(record), 64)
    record[at : at + 64] = rng.choice((bytes(64), b"\xff" * 64, rng.randbytes(64)))[: len(record) - at]


def _swap(record: bytearray, rng: random.Random) -> None:
    one, other = (8 * rng.randrange(3, len(record) // 8) for _ in range(2))
    record[one : one + 8], record[other : other + 8] = record[other : other + 8], record[one : one + 8]


def _text(record: bytearray, rng: random.Random) -> None:
    place = rng.choice((8, 128, 132, 140, 152, 196, 204))
    text = rng.choice(_HOSTILE).ljust(64, rng.choice((b"\0", b"x")))
    record[place : place + 64] = text[: max(len(record) - place, 0)]


def _number(record: bytearray, rng: random.Random) -> None:
    at, size = 4 * rng.randrange(2, len(record) // 4), rng.choice((1, 2, 4, 8))
    value = rng.choice((0, 1, 2, (1 << 8 * size) - 1, 1 << (8 * size - 1), rng.getrandbits(8 * size)))
    record[at : at + size] = value.to_bytes(size, "little")[: len(record) - at]


def _invert(record: bytearray, rng: random.Random) -> None:
    del rng
    record[4:8] = bytes(byte ^ 0xFF for byte in record[4:8])


def _sum(record: bytearray, rng: random.Random) -> None:
    """The sum made right again, over all of it or over less."""
    sums = prefix_sums(bytes(record))
    record[4:8] = rng.choice((sums[-1], sums[-1], sums[rng.randrange(len(sums))], 0)).to_bytes(4, "little")


def _resummed(change: Callable[[bytearray, random.Random], None]) -> Callable[[bytearray, random.Random], None]:
    def both(record: bytearray, rng: random.Random) -> None:
        change(record, rng)
        _sum(record, rng)

    return both


_CHANGES = (_flip, _byte, _line, _swap, _text, _number)
_DAMAGE = (*_CHANGES, _invert, _sum, *map(_resummed, _CHANGES))


def regions(count: int, seed: int) -> Iterator[bytes]:
    """So many of them; some in a row have the same damage, as one that was looked at before may have it."""
    rng = random.Random(seed)
    for _ in range(-(-count // _ALIKE)):
        family = rng.getrandbits(64)
        for _ in range(min(_ALIKE, count)):
            step = rng.choice((0x200000, 0x200000, 0x1000, 1 << 30)) * rng.randrange(512)
            yield region(random.Random(family), step)
        count -= _ALIKE


def differences(data: list[bytes]) -> tuple[list[Difference], int]:
    """Where these differ when they are read together, and how many are so read."""
    together = sum(len(part.origins) for part in blobs_room.parts_of_blobs(data) if not part.turn)
    found = []
    for one, rows in zip(data, blobs_room.rows_of_blobs(["x"] * len(data), data), strict=True):
        alone = list(rows_of(BytesDump(one, "x")))
        if rows != alone:
            found.append(_difference(one, rows, alone))
    return found, together


def _difference(data: bytes, rows: list[Any], alone: list[Any]) -> Difference:
    if len(rows) != len(alone):
        return Difference(data, "rows", len(rows), len(alone))
    for one, other in zip(rows, alone, strict=True):
        for name in other:
            if one.get(name) != other[name]:
                return Difference(data, name, one.get(name), other[name])
    return Difference(data, "order of columns", list(rows[0]), list(alone[0]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000, help="regions")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers")
    parser.add_argument("--keep", action="store_true", help="keep every way that is gone once, so that nothing is left alone")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so many")
    wanted = parser.parse_args()
    if wanted.keep:
        follow.WORTH_KEEPING, follow.ALONE, columns.TOGETHER = 1, 0, 1
    until, done, together, bad = time.monotonic() + wanted.seconds, 0, 0, 0
    for number in range(-(-wanted.cases // AT_ONCE)):
        if time.monotonic() > until:
            break
        some = list(regions(min(AT_ONCE, wanted.cases - done), wanted.seed * 1_000_003 + number))
        found, count = differences(some)
        done, together, bad = done + len(some), together + count, bad + len(found)
        for one in found:
            print(f"{one.column}: {one.together!r} together, {one.alone!r} alone\n{one.region.hex()}")
    print(f"{done:,} regions, {together:,} of them read together: {bad} differ (seed {wanted.seed})")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
