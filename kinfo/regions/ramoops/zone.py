"""A zone's header, and its bytes in the order in which they were written.

fs/pstore/ram_core.c, struct persistent_ram_buffer: signature, start and size (u32 each, in the machine's order), then a ring
of bytes. `start` is where the next byte goes once the ring is full, and equals `size` before.
"""

from __future__ import annotations

from kinfo.named import NamedTuple

SIGNATURE = 0x43474244  # "DBGC"; a ftrace zone's is this ^ LINUX_VERSION_CODE of the kernel that made it
MAGIC = SIGNATURE.to_bytes(4, "little")
LARGEST = 64 << 20  # bytes of a zone; boards have 4 KiB to 4 MiB
_MAJORS = range(3, 16)  # of kernels that have such zones


class ZoneHeader(NamedTuple):
    """The 12 bytes: `version` is of the kernel that made a ftrace zone, None for every other zone."""

    version: tuple[int, int, int] | None
    start: int
    size: int

    @property
    def is_empty(self) -> bool:
        """Whether nothing was written since the zone was made or cleared."""
        return not self.size and not self.start

    def fault(self, capacity: int) -> str:
        """Why the driver throws the zone's bytes away ("found existing invalid buffer"); "" where it does not."""
        if self.size > capacity:
            return f"its size, {self.size}, is more than the {capacity} bytes that it has room for"
        return f"its start, {self.start}, lies behind its size, {self.size}" if self.start > self.size else ""


def header_of(raw: bytes) -> ZoneHeader | None:
    """The header; None where the signature is neither a zone's nor a ftrace zone's of a kernel that there can be."""
    if len(raw) < 12:
        return None
    mask = int.from_bytes(raw[:4], "little") ^ SIGNATURE
    start, size = int.from_bytes(raw[4:8], "little"), int.from_bytes(raw[8:12], "little")
    if not mask:
        return ZoneHeader(None, start, size)
    version = (mask >> 16, mask >> 8 & 0xFF, mask & 0xFF)
    return ZoneHeader(version, start, size) if version[0] in _MAJORS else None


def in_order(ring: bytes, header: ZoneHeader) -> bytes:
    """The ring's bytes, the oldest first (persistent_ram_save_old())."""
    return ring[header.start :] + ring[: header.start]
