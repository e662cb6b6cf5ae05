"""A raw arm64 Image: no sections and no symbols, but a header, and the kallsyms tables for whoever finds them.

Documentation/arch/arm64/booting.rst has the header: where the image wants to lie (text_offset), how much memory it takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from kinfo.arch import arm64
from kinfo.arch.address import MASK
from kinfo.elf import notes
from kinfo.errors import DumpError
from kinfo.kernel.kallsyms import find
from kinfo.kernel_build.listed import ListedSymbols
from kinfo.memory import Dump, Memory, Segment

_NOTES_LIMIT = 1 << 16


class RawImage:
    """An Image in `dump`. Addresses are VAs as linked where a relocation tells them, else offsets from `_text`.

    Raises DumpError for a big-endian one.
    """

    machine = arm64.NAME

    def __init__(self, dump: Dump) -> None:
        self.dump, self.name = dump, dump.name
        self.text_offset, self.image_size, flags, _ = arm64.IMAGE_HEADER.unpack(dump.read(0, arm64.IMAGE_HEADER.size))
        if flags & arm64.IMAGE_BIG_ENDIAN:
            raise DumpError(f"{self.name}: is a big-endian kernel", "kinfo reads little-endian machines only")
        self._memory = Memory(self.name, [Segment(0, dump.size, dump, 0)])

    @property
    def parts(self) -> list[memoryview]:
        """The image's bytes."""
        return [self.dump.view(0, self.dump.size)]

    @cached_property
    def listed(self) -> ListedSymbols | None:
        """Its own symbol table; None where it has none, or where the file is cut off before it."""
        found = find.find(self._memory, 0, self.dump.size)
        return ListedSymbols(found) if found else None

    @cached_property
    def build_id(self) -> bytes:
        """The build id out of the notes that the image has between two symbols; empty where those are not listed."""
        borders = self.symbols(("__start_notes", "__stop_notes"))
        start, end = borders.get("__start_notes", 0), borders.get("__stop_notes", 0)
        return notes.build_id(self.read(start, end - start)) if 0 < end - start <= _NOTES_LIMIT else b""

    @cached_property
    def text(self) -> int:
        """VA of `_text` as linked; 0 where nothing tells, which makes every address an offset from it."""
        return self._placed[0]

    @cached_property
    def base(self) -> int | None:
        """What kallsyms_relative_base holds: the address of the first symbol that is listed; None where nothing tells."""
        if self._placed[1]:
            return self._placed[1]
        offset = self.listed.offset_of("_text") if self.listed else None
        return None if offset is None else self.text - offset

    @cached_property
    def _placed(self) -> tuple[int, int]:
        """VA of `_text`, and of the base that symbols count from; zeros where nothing tells."""
        if not self.listed or not self.listed.found.base_at:
            return 0, 0
        at = self.listed.found.base_at
        return self._by_relocation(at, self.listed.offset_of("_text")) or self._in_place(at)

    def _by_relocation(self, at: int, first: int | None) -> tuple[int, int] | None:
        """The same out of the relocation of kallsyms_relative_base; None where none is right for the image as a whole.

        The base is `_text`, or without KALLSYMS_ALL (`first` is None) `_stext`, which lies one segment above it.
        """
        import numpy as np

        words = np.frombuffer(self.dump.view(0, self.dump.size // 8 * 8), "<u8")
        where = np.flatnonzero(words[1:-1] == arm64.RELATIVE)
        places, bases = words[where], words[where + 2]
        places, bases = places[places >> 63 == 1], bases[places >> 63 == 1]
        fits = bases - (places - np.uint64(at)) == np.uint64(arm64.SEGMENT if first is None else -first % (1 << 64))
        for place, base in zip(map(int, places[fits]), map(int, bases[fits]), strict=True):
            text = place - at
            if text % 4096 == 0 and text <= int(places.min()) and int(places.max()) < text + self.image_size:
                return text, base
        return None

    def _in_place(self, at: int) -> tuple[int, int]:
        """The same where the value lies in the file (CONFIG_RELR, or no CONFIG_RELOCATABLE).

        Where `_text` is not listed the base is `_stext`, which lies one segment above it.
        """
        base = int.from_bytes(self.dump.read(at, 8), "little")
        offset = self.listed.offset_of("_text") if self.listed else None
        return (base + (-arm64.SEGMENT if offset is None else offset), base) if base >> 63 else (0, 0)

    def symbols(self, wanted: Iterable[str]) -> dict[str, int]:
        """VA (or offset from `_text`) of each of these symbols that is known: the tables' own places, and what they list."""
        if not self.listed:
            return {}
        found = {name: self.text + at for name, at in self.listed.places().items()}
        if self.listed.is_place_relative:
            found |= {name: self.text + at for name, at in self.listed.addresses(wanted, 0).items()}
        elif self.base is not None:
            found |= self.listed.addresses(wanted, self.base)
        return found | {"_text": self.text, "_end": self.text + self.image_size & MASK}

    def read(self, va: int, size: int) -> bytes:
        """Up to `size` bytes at an address; fewer at the end of the file, none outside."""
        return self.dump.read(va - self.text, size) if va >= self.text else b""

    def pointer(self, va: int) -> int | None:
        """What kallsyms_relative_base holds, which is the one pointer that is asked for."""
        is_base = self.listed is not None and va - self.text == self.listed.found.base_at
        return self.base if is_base else None

    def types(self) -> memoryview | None:
        """Where its BTF may be: all of it."""
        return self.parts[0]
