"""Records of a fleet: kernels that many devices run, builds of them, a place in memory each, and some that are damaged.

What repeats in a fleet repeats here (a release, a fingerprint, the distances in an image); what does not (where the kernel
lies, and so every address and the checksum) differs from record to record. `number` alone decides a record.
"""

from __future__ import annotations

import random
from functools import lru_cache
from typing import Any

import kinfo
from tests.synthetic import make_fields

LAYOUTS = ("A2", "A2", "A2", "A6", "A6", "C", "C", "C", "CR", "A1", "B", "D", "A0", "A6v2")
DAMAGED = 0.01
_PAGE, _STEP = 4096, 0x200000
_BLOCKS = ("V3", "V3l", "V4")


@lru_cache(4096)
def kernel(number: int) -> tuple[str, dict[str, Any]]:
    """A layout, and the fields of a kernel that writes it."""
    alias = LAYOUTS[number % len(LAYOUTS)]
    return alias, make_fields(alias, number)


def record(number: int, *, kernels: int = 200, builds: int = 2000) -> tuple[str, dict[str, Any], int]:
    """The layout and fields of one device's sound record, and the number of its build."""
    rng = random.Random(number)
    build = rng.randrange(builds)
    alias, fields = kernel(build % kernels)
    step = rng.randrange(512) * _STEP
    moved = {name: value + step for name, value in fields.items() if name.endswith("_pa") and value}
    if "module_start_va" in fields:  # moved at every boot, by CONFIG_RANDOMIZE_BASE
        away = rng.randrange(1 << 12) * _STEP
        moved |= {name: fields[name] - away for name in ("module_start_va", "module_end_va")}
    if "build_info" in fields:
        moved["build_info"] = f"google/dev{build % 40}/dev{build % 40}:15/AP4A.{build:06}.001/1{build:07}:user/release-keys"
    return alias, fields | moved, build


def region(number: int, *, damaged: float = DAMAGED, kernels: int = 200, builds: int = 2000) -> bytes:
    """A page with that record, a vendor block behind some of them, damage in so many."""
    rng = random.Random(f"region {number}")
    alias, fields, build = record(number, kernels=kernels, builds=builds)
    page = bytearray(kinfo.encode(fields, alias).ljust(_PAGE, b"\0"))
    if alias in ("A2", "A6") and build % 8 < 3:  # three products of eight have a vendor block
        kind = _BLOCKS[build % 8]
        block = kinfo.encode(_block(kind, build % kernels) | {"uts_release": fields["last_uts_release"]}, kind)
        page[_PAGE // 2 : _PAGE // 2 + len(block)] = block
    return bytes(page) if rng.random() >= damaged else _damage(page, rng)


@lru_cache(1024)
def _block(kind: str, seed: int) -> dict[str, Any]:
    return make_fields(kind, seed)


def _damage(page: bytearray, rng: random.Random) -> bytes:
    how = rng.randrange(6)
    if how == 0:  # one bit
        page[rng.randrange(520)] ^= 1 << rng.randrange(8)
    elif how == 1:  # a byte or two
        for _ in range(rng.randrange(1, 3)):
            page[rng.randrange(520)] = rng.randrange(256)
    elif how == 2:  # the dump ends too soon
        return bytes(page[: rng.randrange(80, 700)])
    elif how == 3:  # a cache line of something else
        at = rng.randrange(8) * 64
        page[at : at + 64] = rng.randbytes(64)
    elif how == 4:  # LK has read it
        page[4:8] = bytes(byte ^ 0xFF for byte in page[4:8])
    else:  # nothing written
        return bytes(_PAGE)
    return bytes(page)
