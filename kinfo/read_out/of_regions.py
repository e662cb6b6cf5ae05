"""Bytes out of region files, or of a core image of regions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from kinfo.errors import DumpError, KernelError
from kinfo.kernel.place import Place
from kinfo.read_out.extent import CHUNK, FoundBytes, part, sized
from kinfo.read_out.wanted import Wanted, WantedKind
from kinfo.region_memory.held import HeldRegion, RegionMemory
from kinfo.region_memory.names import RegionNames


class RegionSource:
    """The regions of a dump."""

    def __init__(self, memory: RegionMemory) -> None:
        self.memory, self._names = memory, RegionNames(memory)

    def find(self, asked: Wanted, size: int | None) -> FoundBytes:
        """The bytes. Raises KinfoError where no region holds them all."""
        if asked.kind in (WantedKind.VA, WantedKind.PA, WantedKind.ADDRESS):
            is_virtual = asked.kind is WantedKind.VA
            return self._at(asked.word, asked.number, sized(asked.word, size), is_virtual=is_virtual)
        if asked.kind is WantedKind.ID:
            return self._of(self.memory.by_id(asked.number), 0, size)
        region = self.memory.by_name(asked.name) if asked.kind is not WantedKind.SYMBOL else None
        if region is not None:
            return self._of(region, asked.offset, size)
        if asked.kind is WantedKind.REGION:
            raise KernelError(f"{self.memory.source}: has no region {asked.name}", "`kinfo table` lists them")
        return self._symbol(asked, size)

    def _symbol(self, asked: Wanted, size: int | None) -> FoundBytes:
        """What VMCOREINFO, or the region of that name, says of a symbol: its region's end is where it ends."""
        places: list[Place] = self._names.named(asked.name)
        if not places:
            raise KernelError(f"{asked.word}: {self._names.why_no_such_name}", "`kinfo table` lists the regions")
        place = places[0]
        assert place.va is not None
        if size is None and not place.size:
            raise KernelError(f"{asked.word}: nothing tells its size", "say how many bytes: add 64 or 0x40, say")
        count = part(asked.word, place.size, asked.offset, size) if place.size else size or 0
        return self._at(f"{place.symbol} (symbol)", place.va + asked.offset, count, is_virtual=True)

    def _of(self, region: HeldRegion, offset: int, size: int | None) -> FoundBytes:
        if not region.size:
            raise KernelError(f"{region.words}: {region.label} is empty", "fetch the file from the device again")
        count = part(region.words, region.size, offset, size)
        if region.content(offset + count - 1, 1) == b"":
            raise DumpError(f"{self.memory.source}: is cut off inside {region.words}", "copy it again")
        address = region.va if region.va is not None else region.pa
        where = None if address is None else address + offset
        pieces = partial(_pieces, region, offset, count)
        return FoundBytes(region.words, where, is_virtual=region.va is not None, size=count, pieces=pieces)

    def _at(self, what: str, address: int, size: int, *, is_virtual: bool) -> FoundBytes:
        """Bytes at an address: in one region, or in several that adjoin."""
        parts: list[FoundBytes] = []
        at, end = address, address + size
        while at < end:
            found = self.memory.at(at, is_virtual=is_virtual)
            if found is None:
                raise self._hole(at, is_virtual=is_virtual)
            region, offset = found
            count = min(region.size - offset, end - at)
            parts.append(self._of(region, offset, count))
            at += count
        words = f"{what} in {parts[0].what}" if parts else what
        return FoundBytes(words, address, is_virtual, size, lambda: (piece for one in parts for piece in one.pieces()))

    def _hole(self, address: int, *, is_virtual: bool) -> KernelError:
        what = f"{'VA' if is_virtual else 'PA'} {address:#x}"
        known = [one for one in self.memory.regions if (one.va if is_virtual else one.pa) is not None]
        if not known:
            hint = "name a region by its id or its name, or put md_KELF1.BIN and md_Kvmcorein2.BIN beside it"
            return KernelError(f"{self.memory.source}: nothing says where its regions lie, so {what} is in none", hint)
        return KernelError(f"{self.memory.source}: no region holds {what}", "`kinfo table` shows where they lie")


def _pieces(region: HeldRegion, offset: int, size: int) -> Iterator[bytes]:
    at, end = offset, offset + size
    while at < end:
        piece = region.content(at, min(CHUNK, end - at))
        if not piece:
            raise DumpError(f"{region.label}: became shorter while it was read", "copy it again")
        yield piece
        at += len(piece)
