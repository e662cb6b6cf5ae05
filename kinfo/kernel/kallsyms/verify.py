"""Whether the tables, read in one way, agree with themselves and with the record."""

from __future__ import annotations

from kinfo.errors import KernelError
from kinfo.kernel.kallsyms.addresses import Addresses
from kinfo.kernel.kallsyms.names import WRONG_PLACE, Names
from kinfo.kernel.pointers import Pointers

_ALIASES = 64  # symbols at one address that are looked through; kernels have some ten at _text


def names(table: Names, marks: int) -> None:
    """A few blocks, each against the next marker: the first two, the middle, and the last. Raises KernelError."""
    for block in {0, min(1, marks - 1), marks // 2, max(marks - 2, 0), marks - 1}:
        table.block(block)


def addresses(table: Names, places: Addresses, pointers: Pointers) -> None:
    """`_stext` must lie where the record has it; `_text` and `_etext` too, unless the table leaves them out.

    (They are no code, and a kernel without KALLSYMS_ALL keeps code only.) Raises KernelError.
    """
    if not pointers.pa("stext"):
        raise KernelError(
            f"{pointers.source} has no {pointers.field('stext')}: nothing to hold the tables against", "see `kinfo decode`"
        )
    for name in ("stext", "text", "etext"):
        if pa := pointers.pa(name):
            found = names_at(table, places, pa)
            if f"_{name}" not in found and (found or name == "stext"):
                raise _elsewhere(f"{pointers.source} has _{name} at PA {pa:#x}", pa, found, table, places)


def names_at(table: Names, places: Addresses, pa: int) -> list[str]:
    """The names of the first symbols that lie at exactly a PA."""
    first = places.first_at(pa)
    last = min(first + _ALIASES, len(places))
    return [table[index][1:] for index in range(first, last) if places[index] == pa]


def _elsewhere(said: str, pa: int, found: list[str], table: Names, places: Addresses) -> KernelError:
    if found:
        return KernelError(f"{said}, kallsyms has {found[0]} there", WRONG_PLACE)
    index = min(max(places.at_or_below(pa), 0), len(places) - 1)
    return KernelError(
        f"{said}, kallsyms has nothing there: {table[index][1:]} is at {places[index]:#x}",
        WRONG_PLACE,
    )
