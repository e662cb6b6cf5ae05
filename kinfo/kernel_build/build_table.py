"""A build's symbols in place of the symbol table in a memory: for kernels that carry none, or one without data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinfo.arch.address import KERNEL_HALF, MASK
from kinfo.kernel.kallsyms.addresses import Addresses
from kinfo.kernel.kallsyms.encoding import Encoding
from kinfo.kernel.kallsyms.kallsyms import Kallsyms
from kinfo.kernel.kallsyms.tables import MARKED, Tables
from kinfo.kernel.pointers import Pointers
from kinfo.kernel_build.symbol_list import BuildSymbol, SymbolList
from kinfo.memory import Memory

_NOT_SAID = ("kallsyms_markers", "kallsyms_seqs_of_names")  # by VMCOREINFO


class ListedNames:
    """The names of a list, as the kernel's own table gives them: each with its type in front."""

    def __init__(self, entries: Sequence[BuildSymbol]) -> None:
        self._entries, self.count = entries, len(entries)

    def __getitem__(self, index: int) -> str:
        """A symbol's type and name."""
        return self._entries[index].type + self._entries[index].name

    def block(self, block: int) -> list[str]:
        """The names of one block of 256."""
        return [one.type + one.name for one in self._entries[block * MARKED : (block + 1) * MARKED]]

    def blocks(self) -> Iterator[list[str]]:
        """Every name in order, 256 at a time."""
        return map(self.block, range((self.count + MARKED - 1) // MARKED))

    def texts(self) -> Iterator[str]:
        """The same, each block as one text: every name behind its type, with a newline behind it."""
        return ("".join(f"\n{name}" for name in names) + "\n" for names in self.blocks())

    def listing(self, block: int, heads: Sequence[str]) -> str:
        """The names of a block as one text: each behind its head, with a space between type and name."""
        return "".join(f"{head}{name[0]} {name[1:]}" for head, name in zip(heads, self.block(block), strict=True))


class ListedAddresses(Addresses):
    """The addresses of a list: PAs, behind `absolute` plain values."""

    form = "the build's own list"
    has_base = False

    def __init__(self, pas: list[int], absolute: int) -> None:
        self.base, self.absolute, self._raw = 0, absolute, pas
        self._all = pas


class BuildTable(Kallsyms):
    """The symbols of a build whose `_text` is at PA `text`, with all that a kernel's own table can do."""

    is_in_memory = False
    name_order = None

    def __init__(self, memory: Memory, pointers: Pointers, symbols: SymbolList, text: int) -> None:
        self.memory, self.pointers, self.symbols = memory, pointers, symbols
        entries, shift = symbols.entries, text - symbols.text
        absolute = sum(1 for one in entries if one.va < KERNEL_HALF)
        pas = [one.va if index < absolute else one.va + shift & MASK for index, one in enumerate(entries)]
        self.tables = Tables(len(entries), *(0,) * (len(Tables._fields) - 1))
        self._names, self._addresses = ListedNames(entries), ListedAddresses(pas, absolute)  # type: ignore[assignment]
        self.encoding = Encoding(self._names, self._addresses, "", 0)
        self._looked = 0
        self._places = {name: va + shift & MASK for name, va in symbols.tables.items()}
        self.borders = pointers.borders(self)

    @property
    def landmarks(self) -> tuple[int, ...]:
        """See Kallsyms: what a build has there in any case."""
        return tuple(symbol.pa for symbol in self.named("linux_banner")[:1])

    def places(self) -> dict[str, int]:
        """See Kallsyms: where the build has the image's own tables, if it has any."""
        return {name: pa for name, pa in self._places.items() if name not in _NOT_SAID and self.memory.holds(pa, 4)}
