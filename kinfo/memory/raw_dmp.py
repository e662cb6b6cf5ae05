"""Qualcomm's raw dump: the image that the boot loader writes into the partition `rawdump`, in place of a cable.

Its header is Microsoft's Offline Dump header (OfflineDumpLib's Guid_OfflineDumpHeaders): 56 bytes with the signature
Raw_Dmp!, then 64 bytes for each section. DDR sections begin with the PA of their first byte in the field for information.
"""

from __future__ import annotations

import struct

from kinfo import notices
from kinfo.errors import DumpError
from kinfo.memory.dump import Dump
from kinfo.memory.physical import Memory, Segment
from kinfo.named import NamedTuple

_HEADER = struct.Struct("<8sHHIQQIQQI")  # signature, major, minor, flags, OsData, context, trigger, size, needed, sections
_SECTION = struct.Struct("<IHHIQQQ8x20s")  # flags, major, minor, type, offset, size, base, name
_VALID, _INSUFFICIENT = 1, 2  # bits of the flags, in both
_DDR = 1
_MOST = 4096  # sections
_AGAIN = "check that the partition was copied whole"


class OfflineSection(NamedTuple):
    """A part of the image: `size` bytes as stated, of which `held` are here; `base` is the PA of the first, for DDR."""

    name: str
    kind: int
    offset: int
    size: int
    held: int
    base: int
    is_valid: bool
    is_cut_short: bool

    @property
    def is_ddr(self) -> bool:
        """Whether it is RAM."""
        return self.kind == _DDR and self.is_valid


class OfflineDump(NamedTuple):
    """The image's sections, and whether it says that there was not room for all; `needed` bytes would have been."""

    sections: tuple[OfflineSection, ...]
    is_insufficient: bool
    needed: int
    size: int

    def faults(self) -> list[str]:
        """What is not whole, in words."""
        words = []
        if self.is_insufficient:
            words.append(f"its flags say insufficient storage: {self.needed} bytes were needed, {self.size} are in it")
        for one in self.sections:
            if not one.is_valid:
                words.append(f"its section {one.name} is not marked as valid")
            elif one.is_cut_short or one.held < one.size:
                words.append(f"its section {one.name} is cut off: {one.held} bytes of {one.size}")
        return words


def sections(dump: Dump) -> OfflineDump:
    """The sections, as the headers have them. Raises DumpError for headers that cannot be."""
    raw = dump.read(0, _HEADER.size)
    if len(raw) < _HEADER.size:
        raise DumpError(f"{dump.name}: its raw dump header is cut off", _AGAIN)
    _, _, _, flags, _, _, _, size, needed, count = _HEADER.unpack(raw)
    table = dump.read(_HEADER.size, count * _SECTION.size) if 0 < count <= _MOST else b""
    if not table or len(table) < count * _SECTION.size:
        raise DumpError(f"{dump.name}: its raw dump header has {count} sections, more than are in it", _AGAIN)
    found = tuple(_section(dump, raw) for raw in _SECTION.iter_unpack(table))
    return OfflineDump(found, bool(flags & _INSUFFICIENT), needed, size)


def _section(dump: Dump, fields: tuple[int, int, int, int, int, int, int, bytes]) -> OfflineSection:
    flags, _, _, kind, offset, size, base, raw = fields
    name = raw.partition(b"\0")[0].decode("ascii", "backslashreplace")
    held = max(0, min(size, dump.size - offset))
    return OfflineSection(name, kind, offset, size, held, base, bool(flags & _VALID), bool(flags & _INSUFFICIENT))


def read(dump: Dump) -> Memory:
    """The RAM in such an image; what is missing is a hole, and told. Raises DumpError where there is none."""
    found = sections(dump)
    for words in found.faults():
        notices.tell(f"{dump.name}: {words}")
    segments = [Segment(one.base, one.base + one.held, dump, one.offset) for one in found.sections if one.is_ddr and one.held]
    if not segments:
        raise DumpError(f"{dump.name}: has no section of RAM (DDR) in it", _AGAIN)
    return Memory(dump.name, segments)
