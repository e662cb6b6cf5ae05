"""What kallsyms tables list that were found in an image."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from kinfo.kernel.kallsyms.find import FoundTables


class ListedSymbols:
    """The symbols that `found` tables list."""

    def __init__(self, found: FoundTables) -> None:
        self.found = found

    def places(self) -> dict[str, int]:
        """Where the tables themselves lie, in addresses of the image."""
        tables = self.found.tables
        places = {
            "kallsyms_num_syms": self.found.num_syms_at,
            "kallsyms_offsets": tables.offsets,
            "kallsyms_names": tables.names,
            "kallsyms_token_table": tables.token_table,
            "kallsyms_token_index": tables.token_index,
            "kallsyms_markers": tables.markers,
            "kallsyms_seqs_of_names": tables.seqs,
            "kallsyms_relative_base": self.found.base_at,
        }
        return {name: at for name, at in places.items() if at}

    @property
    def is_place_relative(self) -> bool:
        """Whether addresses count from no base."""
        return not self.found.base_at

    def addresses(self, wanted: Iterable[str], base: int) -> dict[str, int]:
        """The address of each of these symbols that is listed; the first of a name that is there twice."""
        addresses = self.found.addresses(base)
        listed = ((name, self._index[name]) for name in wanted if name in self._index)
        return {name: addresses[index] for name, index in listed if index >= addresses.absolute}

    def offset_of(self, name: str) -> int | None:
        """How far above the base a symbol lies."""
        return self.addresses((name,), 0).get(name)

    @cached_property
    def has_data(self) -> bool:
        """Whether data is listed: CONFIG_KALLSYMS_ALL. The last symbols are then those of the BSS, behind the init text.

        (Their letter does not tell: x86-64 kernels of 7.2 have T for data.)
        """
        border = self.offset_of("_einittext")
        addresses = self.found.addresses(0)
        return border is not None and addresses[len(addresses) - 1] > border

    @cached_property
    def _index(self) -> dict[str, int]:
        index: dict[str, int] = {}
        number = 0
        for names in self.found.names.blocks():
            for name in names:
                index.setdefault(name[1:], number)
                number += 1
        return index
