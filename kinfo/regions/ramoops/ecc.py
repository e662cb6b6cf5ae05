"""Where a zone keeps its parity, and its bytes put right by it.

fs/pstore/ram_core.c, persistent_ram_init_ecc() (the same from 3.6 to 7.3): blocks of 128 bytes, the parity of all of them
behind the data, the header's parity last. A block's parity is written when the block is: behind what a zone holds it is
noise.
"""

from __future__ import annotations

from kinfo.named import NamedTuple
from kinfo.regions.ramoops import reed_solomon

HEADER = 12
BLOCK = 128
LARGEST = 127  # bytes of parity: a block with it is at most a codeword of 255
_AT_ONCE = 1 << 14  # blocks whose syndromes are computed together


class Geometry(NamedTuple):
    """A zone of `size` bytes with `parity` bytes to a block (0: no ECC); `capacity` is how many it can hold."""

    size: int
    parity: int
    capacity: int

    @property
    def blocks(self) -> int:
        """How many blocks have a parity of their own."""
        return 0 if not self.parity else (self.size - HEADER - self.capacity) // self.parity - 1

    @property
    def header_parity(self) -> int:
        """Where the header's parity begins."""
        return HEADER + self.capacity + self.blocks * self.parity


class Repaired(NamedTuple):
    """Bytes put right: how many were wrong (in the parity too), and how many blocks cannot be put right."""

    data: bytes
    corrected: int
    lost: int


def geometry(size: int, parity: int) -> Geometry | None:
    """The zone's; None where the driver refuses it ("invalid ecc_size"): no room for a byte beside the parity."""
    room = size - HEADER
    if not parity:
        return Geometry(size, 0, room) if room > 0 else None
    if not 0 < parity <= LARGEST or room < parity:
        return None
    total = (-(-(room - parity) // (BLOCK + parity)) + 1) * parity
    return Geometry(size, parity, room - total) if total < room else None


def header(zone: bytes, shape: Geometry) -> Repaired:
    """The 12 bytes of the header; as they are, with `lost` 1, where its parity cannot put them right."""
    return header_of_parts(zone[:HEADER], zone[shape.header_parity :][: shape.parity], shape.parity)


def header_of_parts(raw: bytes, behind: bytes, parity: int | None = None) -> Repaired:
    """The header from its bytes and its parity's."""
    if len(raw) != HEADER or not behind or len(behind) != (parity or len(behind)):
        return Repaired(raw, 0, 1)
    return _repaired(raw + behind, HEADER, len(behind))


def data(zone: bytes, shape: Geometry, size: int) -> Repaired:
    """The first `size` bytes of the zone's data, a block at a time as the kernel does it."""
    if not shape.parity:
        return Repaired(zone[HEADER : HEADER + size], 0, 0)
    parity_at = HEADER + shape.capacity
    full = min(size, shape.capacity) // BLOCK + (1 if min(size, shape.capacity) % BLOCK else 0)
    parts: list[Repaired] = []
    whole = min(full, shape.capacity // BLOCK)
    for first in range(0, whole, _AT_ONCE):
        count = min(_AT_ONCE, whole - first)
        parts.append(
            _blocks(zone[HEADER + first * BLOCK :][: count * BLOCK], zone[parity_at + first * shape.parity :], shape)
        )
    if full > whole:  # the last one is cut by the parity
        block = zone[HEADER + whole * BLOCK : parity_at]
        parity = zone[parity_at + whole * shape.parity :][: shape.parity]
        parts.append(_repaired(block + parity, len(block), shape.parity))
    joined = b"".join(part.data for part in parts)
    return Repaired(joined[:size], sum(part.corrected for part in parts), sum(part.lost for part in parts))


def _blocks(blocks: bytes, parity: bytes, shape: Geometry) -> Repaired:
    import numpy as np

    count = len(blocks) // BLOCK
    rows = np.frombuffer(blocks, dtype=np.uint8).reshape(count, BLOCK)
    behind = np.frombuffer(parity[: count * shape.parity], dtype=np.uint8).reshape(count, shape.parity)
    codewords = np.hstack([rows, behind])
    found = reed_solomon.syndromes(codewords, shape.parity)
    fixed, corrected, lost = bytearray(blocks), 0, 0
    for index in np.flatnonzero(found.any(axis=1)).tolist():
        right = reed_solomon.correct(codewords[index].tobytes(), found[index].tolist())
        if right is None:
            lost += 1
        else:
            corrected += right.wrong
            fixed[index * BLOCK : (index + 1) * BLOCK] = right.codeword[:BLOCK]
    return Repaired(bytes(fixed), corrected, lost)


def _repaired(codeword: bytes, size: int, parity: int) -> Repaired:
    import numpy as np

    found = reed_solomon.syndromes(np.frombuffer(codeword, dtype=np.uint8).reshape(1, -1), parity)[0].tolist()
    right = reed_solomon.correct(codeword, found)
    return Repaired(codeword[:size], 0, 1) if right is None else Repaired(right.codeword[:size], right.wrong, 0)
