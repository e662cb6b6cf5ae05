"""kallsyms as a whole: names to addresses and back."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from kinfo.kernel.kallsyms import encoding, seqs
from kinfo.kernel.kallsyms.tables import MARKED, tables_of
from kinfo.kernel.pointers import Borders, Pointers
from kinfo.memory import Memory


class Symbol(NamedTuple):
    """A symbol as nm and /proc/kallsyms know it.

    `pa` is its physical address; where `is_absolute` it is a plain value instead (an x86-64 per-CPU offset).
    """

    name: str
    type: str
    pa: int
    is_absolute: bool = False


class Extent(NamedTuple):
    """The symbol that an address belongs to: the first of its aliases, where it begins and how many bytes it has."""

    symbol: Symbol
    size: int


class Kallsyms:
    """The symbol table of the kernel image.

    Raises KernelError where record and memory disagree, HoleError where the dump lacks a table; names that are broken
    further in are found, with the same errors, when they are read.
    """

    def __init__(self, memory: Memory, pointers: Pointers) -> None:
        self.memory, self.pointers = memory, pointers
        self.borders: Borders = pointers.borders
        self.tables = tables_of(pointers)
        self.encoding = encoding.choose(memory, self.tables, pointers)
        self._names, self._addresses = self.encoding.names, self.encoding.addresses

    def __len__(self) -> int:
        return len(self._addresses)

    def __getitem__(self, index: int) -> Symbol:
        """A symbol by its place in the table, which is in the order of addresses."""
        name = self._names[index]
        return Symbol(name[1:], name[0], self._addresses[index], index < self._addresses.absolute)

    def blocks(self) -> Iterator[tuple[int, list[str], list[int]]]:
        """All of it, 256 at a time: index of the first, types and names as one string each, addresses."""
        for block, names in enumerate(self._names.blocks()):
            first = block * MARKED
            yield first, names, self._addresses.part(first, first + len(names))

    def listing(self, shift: int) -> Iterator[str]:
        """Every symbol as a line of /proc/kallsyms, a part at a time, with `shift` added to its address."""
        form = f"\n%0{2 * self.pointers.word}x \0"
        for block in range(self.tables.marks):
            first = block * MARKED
            pas = self._addresses.part(first, min(first + MARKED, len(self)))
            plain = min(max(self.absolute - first, 0), len(pas))
            shifted = pas[:plain] + [pa + shift for pa in pas[plain:]]
            heads = (form * len(shifted) % tuple(shifted)).split("\0")[:-1]  # all at once: half the time
            yield self._names.listing(block, heads)[1:] + "\n"

    @property
    def absolute(self) -> int:
        """How many symbols come first that are plain values."""
        return self._addresses.absolute

    @cached_property
    def name_order(self) -> seqs.NameOrder | None:
        """The symbols in the order of their names, where the kernel has that table."""
        return seqs.find(self.memory, self.tables, self.pointers, self._names)

    def at(self, pa: int) -> Extent | None:
        """The symbol that a PA belongs to, as the kernel's own lookup chooses it: the nearest below, first of its aliases.

        None outside the image, or outside its code where the kernel keeps names for code only.
        """
        section_end = self._section_end(pa)
        index = self._addresses.at_or_below(pa)
        if section_end is None or index < self._addresses.absolute:
            return None
        start = self._addresses[index]
        first = self._addresses.first_at(start)
        end = self._addresses[index + 1] if index + 1 < len(self) else section_end
        return Extent(self[first], min(end, section_end) - start)

    def named(self, name: str) -> list[Symbol]:
        """Every symbol of that name, in the order of addresses."""
        if self.name_order:
            found = self.name_order.named(name)
            if found:
                return [self[index] for index in sorted(found)]
        return list(self._with(name))

    def _with(self, name: str) -> Iterator[Symbol]:
        """The same, looking through all names: kernels before 6.2, and names that the order does not lead to."""
        for first, names, _ in self.blocks():
            for index, one in enumerate(names, first):
                if one[1:] == name:
                    yield self[index]

    @cached_property
    def has_data(self) -> bool:
        """Whether the table names data too (CONFIG_KALLSYMS_ALL), going by the record, else by what the table ends with."""
        return bool(self.pointers.count("enabled_all"))

    def _section_end(self, pa: int) -> int | None:
        """The border that no symbol at a PA can reach beyond; None where the table has no names."""
        borders = self.borders
        lowest = self._addresses[self._addresses.absolute] if len(self) > self._addresses.absolute else borders.text
        if min(lowest, borders.text) <= pa < borders.etext:
            return borders.etext
        if borders.sinittext <= pa < borders.einittext:
            return borders.einittext
        if not self.has_data or not borders.etext <= pa < borders.end:
            return None
        return borders.sinittext if pa < borders.sinittext else borders.end
