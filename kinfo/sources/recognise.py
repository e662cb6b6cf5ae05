"""What a file is, by how it begins: the only place that knows."""

from __future__ import annotations

import re
from enum import IntEnum

from kinfo.named import NamedTuple
from kinfo.sources import kinds, listing
from kinfo.sources.kinds import FileKind, Role

HEAD = 4096  # bytes that decide
_ET_CORE = 4
XZ_MEMORY = 256 << 20  # bytes that its dictionary may take
_BZIP2 = tuple(b"BZh%d1AY&SY" % level for level in range(1, 10))
_LZMA = b"\x5d\0\0"  # lc 3, lp 0, pb 2, as every tool writes it, and a dictionary of whole 64 KiB
_LONG = 4  # bytes of a magic that are no accident

# Compiled, and kept, when first used: most files are none of these.
# What scripts/kconfig/confdata.c writes: its first lines, and an option that is on or off.
CONFIG_HEADER = r"(?m:^# Linux/(\S+) (\S+) Kernel Configuration)"
CONFIG_LINE = r"(?m:^(CONFIG_\w+)=(.*)$|^# (CONFIG_\w+) is not set$)"
# A line of nm, System.map, /proc/kallsyms: address, type, name, and the module.
SYMBOL_LINE = rb"(?m:^[0-9a-f]{8,16} [a-zA-Z?] \S+(?:\t\[\S+\])?$)"
_FIELDS = rb"\s*(?:\{\s*\"|(?:---\s*)?(?:#[^\n]*\n\s*)*(?:schema_version|layout|records|fields):)"


class Sure(IntEnum):
    """How sure a kind is: by what is not there, by its look or a short magic, by a magic that is no accident."""

    GUESS = 1
    LIKELY = 2
    CERTAIN = 3


class Recognised(NamedTuple):
    """What a file is, and how sure that is."""

    kind: FileKind
    sure: Sure

    def instead_of(self, role: Role) -> str | None:
        """What to do where a file of another role is wanted; None where such a file is taken as it is."""
        return self.kind.instead.get(role)


def recognise(head: bytes) -> Recognised:
    """What a file that begins so is; `head` is its first HEAD bytes, or all of a shorter one."""
    if (packed := packing(head)) is not None:
        return Recognised(packed, _sure(packed))
    if head.startswith(kinds.ELF.magic):
        is_core = int.from_bytes(head[16:18], "little") == _ET_CORE
        return Recognised(kinds.ELF_CORE if is_core else kinds.ELF, Sure.CERTAIN)
    for kind in (*kinds.MAGICS, *kinds.IMAGES):
        if kind.magic == head[kind.at : kind.at + len(kind.magic)]:
            return Recognised(kind, _sure(kind))
    return _unmarked(head)


def packing(head: bytes) -> FileKind | None:
    """The compression that data begins with; None where it is not compressed."""
    if head.startswith(_BZIP2):
        return kinds.BZIP2
    if head.startswith(_LZMA) and _is_lzma(head[:13]):
        return kinds.LZMA
    return next((kind for kind in kinds.PACKED if head.startswith(kind.magic)), None)


def _is_lzma(head: bytes) -> bool:
    """Whether the 13 bytes of the header make sense: it has no magic. The size is -1 where the writer did not know it."""
    dictionary, size = int.from_bytes(head[1:5], "little"), int.from_bytes(head[5:13], "little")
    return len(head) == 13 and 1 << 16 <= dictionary <= XZ_MEMORY and (size == (1 << 64) - 1 or size < 1 << 40)


def _sure(kind: FileKind) -> Sure:
    return Sure.CERTAIN if len(kind.magic) >= _LONG else Sure.LIKELY


def _is_config(text: str) -> bool:
    """Whether there is a line of a configuration in a text; most heads have none of its words, and are not asked."""
    return bool(re.search(CONFIG_HEADER, text) or re.search(CONFIG_LINE, text))


def _unmarked(head: bytes) -> Recognised:
    """Text by its look; bytes otherwise."""
    if (b"# Linux/" in head or b"CONFIG_" in head) and _is_config(head.decode("ascii", "replace")):
        return Recognised(kinds.CONFIG, Sure.LIKELY)
    if re.match(SYMBOL_LINE, head):
        return Recognised(kinds.SYMBOLS, Sure.LIKELY)
    if b"\0" in head or not head.strip():
        return Recognised(kinds.RAW, Sure.GUESS)
    if listing.looks_like(head):
        return Recognised(kinds.LISTING, Sure.LIKELY)
    if re.match(_FIELDS, head):
        return Recognised(kinds.FIELDS, Sure.LIKELY)
    return Recognised(kinds.TEXT, Sure.GUESS)
