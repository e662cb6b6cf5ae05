"""QEMU's dump as physical memory: only what it takes to look at a few words of it."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.guests.machines import GuestError

_PT_LOAD = 1


class Core:
    """The memory of an ELF core with physical addresses."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        headers, size, count = struct.unpack_from("<Q14xHH", self._map, 32)
        programs = [struct.unpack_from("<IIQQQQ", self._map, headers + size * index) for index in range(count)]
        self.segments = [(paddr, filesz, offset) for kind, _, offset, _, paddr, filesz in programs if kind == _PT_LOAD]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._map.close()

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes at a physical address. Raises GuestError where the dump has none."""
        for start, length, offset in self.segments:
            if start <= address and address + size <= start + length:
                return self._map[offset + address - start : offset + address - start + size]
        raise GuestError(f"the dump has no memory at {address:#x}")

    def number(self, address: int, size: int) -> int:
        """The unsigned number of `size` bytes at a physical address."""
        return int.from_bytes(self.read(address, size), "little")
