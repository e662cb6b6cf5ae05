"""What kallsyms tables list that were found in an image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from kinfo.kernel.facts.tables import Found
from kinfo.kernel.kallsyms.addresses import numbers

_DATA = "bBdD"


class Listed:
    """The symbols that `found` tables list, as offsets from the base that they count from, or as addresses."""

    def __init__(self, found: Found) -> None:
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

    def offsets(self, wanted: Iterable[str]) -> dict[str, int]:
        """The offset of each of these symbols that is listed; the first of a name that is there twice."""
        return {name: self._offset(index) for name, index in self._index.items() if name in set(wanted)}

    def offset_of(self, name: str) -> int | None:
        """One symbol's offset."""
        index = self._index.get(name)
        return None if index is None else self._offset(index)

    @cached_property
    def has_data(self) -> bool:
        """Whether data is listed: CONFIG_KALLSYMS_ALL. The last symbols are then those of the BSS."""
        return any(name[0] in _DATA for name in self.found.names.block(self.found.tables.marks - 1))

    @cached_property
    def _index(self) -> dict[str, int]:
        index: dict[str, int] = {}
        number = 0
        for names in self.found.names.blocks():
            for name in names:
                index.setdefault(name[1:], number)
                number += 1
        return index

    def _offset(self, index: int) -> int:
        if self.found.is_place_relative:
            return self.found.tables.offsets + 4 * index + self._offsets[index]
        return self._offsets[index]

    @cached_property
    def _offsets(self) -> Sequence[int]:
        return numbers(self.found.offsets, "i" if self.found.is_place_relative else "I")
