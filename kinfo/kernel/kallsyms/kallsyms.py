"""kallsyms as a whole: names to addresses and back."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from kinfo.kernel.kallsyms import encoding, lto, seqs
from kinfo.kernel.kallsyms.nearest import Extent, Nearest
from kinfo.kernel.kallsyms.tables import MARKED, num_syms_at, stored_base, tables_of
from kinfo.kernel.pointers import Borders, Pointers
from kinfo.memory import Memory
from kinfo.named import NamedTuple

_LOOKS = 1  # times that looking through all names costs less than an index of them
_INDEXED = 1 << 20  # symbols that are put into one: kernels have 300,000


class Symbol(NamedTuple):
    """A symbol as nm and /proc/kallsyms know it.

    `pa` is its physical address; where `is_absolute` it is a plain value instead (an x86-64 per-CPU offset).
    """

    name: str
    type: str
    pa: int
    is_absolute: bool = False


class Kallsyms:
    """The symbol table of the kernel image.

    Raises KernelError where record and memory disagree, HoleError where the dump lacks a table; names that are broken
    further in are found, with the same errors, when they are read.
    """

    is_in_memory = True  # and not a build's list of symbols

    def __init__(self, memory: Memory, pointers: Pointers) -> None:
        self.memory, self.pointers = memory, pointers
        self.tables = tables_of(pointers)
        self.encoding = encoding.choose(memory, self.tables, pointers)
        self._names, self._addresses = self.encoding.names, self.encoding.addresses
        self._looked = 0  # times that all names were looked through
        self.borders: Borders = pointers.borders(self)

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

    def sample(self, blocks: int) -> Iterator[tuple[int, list[str], list[int]]]:
        """As `blocks`, but no more than so many of them, over all of the table: the first and the last are among them."""
        marks = self.tables.marks
        for block in sorted({marks * number // blocks for number in range(blocks)} | {marks - 1}):
            names = self._names.block(block)
            yield block * MARKED, names, self._addresses.part(block * MARKED, block * MARKED + len(names))

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
    def landmarks(self) -> tuple[int, ...]:
        """PAs in the read-only data that every kernel maps with its image."""
        return self.tables.names, self.tables.token_index

    @property
    def absolute(self) -> int:
        """How many symbols come first that are plain values."""
        return self._addresses.absolute

    @cached_property
    def name_order(self) -> seqs.NameOrder | None:
        """The symbols in the order of their names, where the kernel has that table."""
        return seqs.find(self.memory, self.tables, self.pointers, self.encoding)

    @cached_property
    def nearest(self) -> Nearest:
        """What finds the symbol that a PA belongs to, and keeps what it found."""
        return Nearest(self, self._addresses)

    def at(self, pa: int) -> Extent | None:
        """The symbol that a PA belongs to: see Nearest."""
        return self.nearest.at(pa)

    def places(self) -> dict[str, int]:
        """PAs of the tables by the kernel's names for them, of those that are known: what VMCOREINFO has since 6.0."""
        tables, addresses = self.tables, self._addresses
        base = stored_base(tables, self.pointers, addresses.size) if addresses.has_base else 0
        found = {
            "kallsyms_names": tables.names,
            "kallsyms_num_syms": num_syms_at(self.memory, tables),
            "kallsyms_token_table": tables.token_table,
            "kallsyms_token_index": tables.token_index,
            "kallsyms_offsets": 0 if addresses.voffset is not None else tables.offsets,
            "kallsyms_relative_base": base if self.memory.holds(base, self.pointers.word) else 0,
            "kallsyms_addresses": (tables.addresses or tables.offsets) if addresses.voffset is not None else 0,
        }
        return {name: pa for name, pa in found.items() if pa}

    def before(self, pa: int) -> int:
        """Index of the last symbol below a PA; less than `absolute` where there is none."""
        return self._addresses.first_at(pa) - 1

    def named(self, name: str) -> list[Symbol]:
        """Every symbol of that name, in the order of addresses; see `shown` for names that LTO lengthened."""
        found = self.named_in_order(name)
        symbols = found or [self[index] for index in sorted(self._look_through(name))]
        return [symbol for symbol in symbols if name in (symbol.name, self.shown(symbol.name))]

    def named_in_order(self, name: str) -> list[Symbol]:
        """Those that the order of names leads to: none where it is damaged. A name that is not listed costs little here."""
        return [self[index] for index in sorted(self.name_order.named(name))] if self.name_order else []

    def shown(self, name: str) -> str:
        """A name as this kernel prints it in front of an offset: without the `.llvm.HASH` of LTO where it cuts that off."""
        return lto.short(name) if self._cuts_names else name

    @cached_property
    def _cuts_names(self) -> bool:
        return lto.cuts(self.pointers.version)

    def variable(self, name: str) -> Symbol | None:
        """The variable of that name: the symbol that lies in the image's data, whatever its letter.

        (Linked into few sections, as x86-64 kernels of 7.2 are, data has the letter T.) None where kallsyms does not list it,
        which it does with CONFIG_KALLSYMS_ALL, and where several are called so: nothing tells which is meant.
        """
        if not self.has_data:
            return None
        found = [one for one in self.named(name) if one.name == name and self._is_in_data(one)]
        return found[0] if len({one.pa for one in found}) == 1 else None

    def _is_in_data(self, symbol: Symbol) -> bool:
        """Whether a symbol lies behind the text, and not in the init text that divides the data; the ends of data count."""
        borders = self.borders
        is_init_text = borders.sinittext < symbol.pa < borders.einittext
        return not symbol.is_absolute and borders.etext <= symbol.pa <= borders.end and not is_init_text

    def _look_through(self, name: str) -> list[int]:
        """Indices of that name, looking through all names: kernels before 6.2, and names that the order does not lead to.

        Whoever asks for more than a few pays once for all.
        """
        self._looked += 1
        if self._looked > _LOOKS and len(self) <= _INDEXED:
            return self._index.get(name, [])
        wanted = (f"{name}\n", f"{name}.llvm.")
        found = []
        for block, text in enumerate(self._names.texts()):
            if any(one in text for one in wanted):
                names = enumerate(self._names.block(block), block * MARKED)
                found += [index for index, one in names if name in (one[1:], lto.short(one[1:]))]
        return found

    @cached_property
    def _index(self) -> dict[str, list[int]]:
        """Indices of all symbols by name, and by the name without LTO's hash."""
        index: dict[str, list[int]] = {}
        for first, names, _ in self.blocks():
            for number, one in enumerate(names, first):
                index.setdefault(one[1:], []).append(number)
                if ".llvm." in one and (short := lto.short(one[1:])) != one[1:]:
                    index.setdefault(short, []).append(number)
        return index

    @cached_property
    def has_data(self) -> bool:
        """Whether the table names data too (CONFIG_KALLSYMS_ALL), by what is said, else by whether it has `_end`."""
        return bool(self.pointers.count("enabled_all") or (not self.pointers.says("enabled_all") and self.named("_end")))
