"""seqs_of_names: the symbols in the order of their names, three bytes each (6.2, backported to 6.1.y)."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.errors import HoleError, KernelError
from kinfo.kernel.kallsyms.encoding import Encoding
from kinfo.kernel.kallsyms.lto import short
from kinfo.kernel.kallsyms.names import Names
from kinfo.kernel.kallsyms.tables import Tables, seqs_places
from kinfo.kernel.pointers import Pointers
from kinfo.memory import Memory

_ENTRY = 3  # bytes, big-endian
_LTO_SUFFIX = ".llvm."  # 6.1 to 6.5 sort names by what is before it, with CONFIG_LTO_CLANG; later ones by all of it
_SAMPLES = 16


class NameOrder:
    """Indices of symbols, sorted by name."""

    def __init__(self, table: memoryview, names: Names) -> None:
        self._table, self._names = table, names

    def __getitem__(self, place: int) -> int:
        """Index of the symbol whose name is at a place of the order. Raises KernelError where there is no such symbol."""
        index = int.from_bytes(self._table[_ENTRY * place : _ENTRY * (place + 1)], "big")
        if index >= self._names.count:
            raise KernelError(f"kallsyms_seqs_of_names[{place}] is {index} of {self._names.count}", "see `kinfo decode`")
        return index

    def named(self, name: str) -> list[int]:
        """Indices of the symbols of that name, and of those that have it but for `.llvm.HASH`.

        None where it is not there, or sorted in a way that hides it.
        """
        key = _key(name)
        low, high = 0, self._names.count
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self._key(middle) < key else (low, middle)
        return [index for index, one in self._alike(low, key) if name in (one, short(one))]

    def _alike(self, place: int, key: str) -> Iterator[tuple[int, str]]:
        """Indices and names from a place on that are the key or have it before a dot: those lie together in every order."""
        while place < self._names.count:
            index = self[place]
            name = self._names[index][1:]
            if name != key and not name.startswith(key + "."):
                return
            yield index, name
            place += 1

    def _key(self, place: int) -> str:
        return _key(self._names[self[place]][1:])

    def holds(self) -> bool:
        """Whether samples of the order ascend and are all different: a table at a wrong place does not look so."""
        count = self._names.count
        places = sorted({count * sample // _SAMPLES for sample in range(_SAMPLES)} | {count - 1})
        try:
            keys = [self._key(place) for place in places]
        except KernelError:
            return False
        return keys == sorted(keys) and len({self[place] for place in places}) == len(places)


def find(memory: Memory, tables: Tables, pointers: Pointers, encoding: Encoding) -> NameOrder | None:
    """The order of names where the kernel has one that holds."""
    names, addresses = encoding.names, encoding.addresses
    for pa in seqs_places(tables, pointers, addresses.size, has_base=addresses.has_base):
        try:
            order = NameOrder(memory.view(pa, _ENTRY * tables.num_syms), names)
        except HoleError:
            continue
        if order.holds():
            return order
    return None


def _key(name: str) -> str:
    """What names are compared by. Cutting the suffix where the kernel did not only widens the neighbourhood looked at."""
    return name.partition(_LTO_SUFFIX)[0]
