"""Every magic of what lies in reserved memory, found in one pass over a dump."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kinfo.memory import Dump
from kinfo.record.layouts import MAGICS as RECORD_MAGICS
from kinfo.regions.ramoops.zone import MAGIC as ZONE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_AT_ONCE = 1 << 18  # words: 1 MiB, so that what was read for one magic is in the cache for the next
_MOST = 4096  # places of a magic that are kept: a dump with more is made of them


class Magic(NamedTuple):
    """What begins with these bytes, at a multiple of `step` bytes."""

    name: str
    raw: bytes
    step: int


RECORD, RAMOOPS, TREE, TRACE = "record", "ramoops", "devicetree", "trace"
MAGICS = (
    *(Magic(RECORD, magic.to_bytes(4, "little"), 4) for magic in RECORD_MAGICS),
    Magic(RAMOOPS, ZONE, 2),
    Magic(TREE, b"\xd0\x0d\xfe\xed", 8),  # FDT_MAGIC, big-endian; the kernel wants blobs at 8 bytes
    Magic(
        TRACE, (0xBADFEED).to_bytes(4, "little"), 4096
    ),  # RING_BUFFER_META_MAGIC, kernel/trace/ring_buffer.c, 6.12 and later
)


def search(source: Dump) -> dict[str, list[int]]:
    """The places of each name's magics, in order."""
    import numpy as np

    found: dict[str, list[int]] = {magic.name: [] for magic in MAGICS}
    for offset, window in source.windows():
        whole = np.frombuffer(window[: len(window) // 4 * 4], dtype="<u4")  # windows begin at a multiple of 4
        for start in range(0, len(whole), _AT_ONCE):
            part = whole[start : start + _AT_ONCE + 1]  # with the word in which a zone's signature may end
            at = offset + 4 * start
            for magic in MAGICS:
                places = found[magic.name]
                skip = -at % max(magic.step, 4)
                places += [at + skip + place for place in _in(part[skip // 4 :], magic) if len(places) < _MOST]
        seam = max(offset + 4 * len(whole) - 2, offset)
        del whole
        behind = source.read(seam, 8)  # a zone may begin there, and go on in the next window
        found[RAMOOPS] += [seam + at for at in range(0, 5, 2) if behind[at : at + 4] == ZONE]
    return {name: sorted(set(places)) for name, places in found.items()}


def _in(words: NDArray[np.uint32], magic: Magic) -> list[int]:
    """Offsets of a magic among words, in bytes."""
    import numpy as np

    found: list[int] = []
    stride = max(magic.step // 4, 1)
    same = words[::stride] == np.uint32(int.from_bytes(magic.raw, "little"))
    if same.any():
        found = (np.flatnonzero(same) * (4 * stride)).tolist()
    if magic.step == 2:  # and where it lies across two words: its halves in one after the other
        low, high = (np.uint16(int.from_bytes(magic.raw[at : at + 2], "little")) for at in (0, 2))
        halves = words.view("<u2")
        first = halves[1:-2:2] == low
        if first.any():
            found += [4 * at + 2 for at in np.flatnonzero(first).tolist() if halves[2 * at + 2] == high]
    return found
