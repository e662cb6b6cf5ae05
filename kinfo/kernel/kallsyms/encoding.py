"""Which form the tables have: candidates in the order in which record and release speak for them, each put to the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import NamedTuple, TypeVar

from kinfo.errors import HoleError, KernelError, KinfoError
from kinfo.kernel.kallsyms import verify
from kinfo.kernel.kallsyms.addresses import Absolute, AbsolutePercpu, Addresses, BaseRelative, PlaceRelative
from kinfo.kernel.kallsyms.names import Names
from kinfo.kernel.kallsyms.tables import Tables, name_forms
from kinfo.kernel.pointers import Pointers
from kinfo.memory import Memory
from kinfo.record import kernels

Result = TypeVar("Result")

_BASES = ("relative", "text", "stext")  # KALLSYMS_ALL: the lowest symbol is _text; without it _stext


class AddressForm(NamedTuple):
    """A form that the addresses may have, and the record's field that they then count from ("": none)."""

    make: Callable[[], Addresses]
    base: str = ""


class Encoding(NamedTuple):
    """The forms that hold. `base` names the record's field that the addresses count from ("" where they count from none)."""

    names: Names
    addresses: Addresses
    base: str
    marker_size: int


def choose(memory: Memory, tables: Tables, pointers: Pointers) -> Encoding:
    """The encoding that verifies.

    Raises KernelError with the two values that disagree in the likeliest reading, HoleError for tables outside the dump.
    """
    names, marker_size = _first(_names(memory, tables, *form) for form in name_forms(pointers))
    addresses, base = _first(_addresses(form, names, pointers) for form in _address_forms(memory, tables, pointers, names))
    return Encoding(names, addresses, base, marker_size)


def _first(tests: Iterator[Callable[[], Result]]) -> Result:
    """The result of the first test that holds; else the first one's error."""
    errors: list[KinfoError] = []
    for test in tests:
        try:
            return test()
        except (KernelError, HoleError) as error:
            errors.append(error)
    raise errors[0] if errors else KernelError("the record places no addresses: _offsets_pa is 0", "see `kinfo decode`")


def _names(memory: Memory, tables: Tables, marker_size: int, is_long: bool) -> Callable[[], tuple[Names, int]]:
    def test() -> tuple[Names, int]:
        names = Names(memory, tables, marker_size, is_long=is_long)
        verify.names(names, tables.marks)
        return names, marker_size

    return test


def _addresses(form: AddressForm, names: Names, pointers: Pointers) -> Callable[[], tuple[Addresses, str]]:
    def test() -> tuple[Addresses, str]:
        addresses = form.make()
        verify.addresses(names, addresses, pointers)
        return addresses, form.base

    return test


def _address_forms(memory: Memory, tables: Tables, pointers: Pointers, names: Names) -> Iterator[AddressForm]:
    """Each form that can be, likeliest first."""
    place = AddressForm(lambda: PlaceRelative(_offsets(memory, tables), tables.offsets))
    if tables.offsets and _is_place_relative(tables, pointers):
        yield place
    elif tables.addresses and _has_addresses(tables, pointers):
        yield AddressForm(lambda: _absolute(memory, tables.addresses, pointers, names))
    if not tables.offsets:
        return
    relative = AbsolutePercpu if pointers.count("enabled_absolute_percpu") else BaseRelative
    tried = {0}
    for field in _BASES:
        if (base := pointers.pa(field)) not in tried:
            tried.add(base)
            make = partial(_relative, memory, tables, relative, base)
            yield AddressForm(make, f"_{field}_{pointers.record.suffix}")
    if not _is_place_relative(tables, pointers):
        yield place
    if pointers.word == 4:  # not relocatable, 7.0: the values themselves
        yield AddressForm(lambda: _absolute(memory, tables.offsets, pointers, names))


def _relative(memory: Memory, tables: Tables, kind: type[Addresses], base: int) -> Addresses:
    return kind(_offsets(memory, tables), base)


def _offsets(memory: Memory, tables: Tables) -> memoryview:
    return memory.view(tables.offsets, 4 * tables.num_syms)


def _is_place_relative(tables: Tables, pointers: Pointers) -> bool:
    """7.0, or no room for a base between offsets and seqs_of_names (a 7.0 kernel labels them without a gap)."""
    if pointers.version is not None:
        return pointers.version >= kernels.PLACE_RELATIVE
    return tables.seqs == tables.offsets + 4 * tables.num_syms and not pointers.pa("relative")


def _has_addresses(tables: Tables, pointers: Pointers) -> bool:
    """Whether the record speaks of kallsyms_addresses: base and offsets are then 0 or, from the 2020 driver, alike."""
    return not pointers.count("enabled_base_relative") and pointers.pa("relative") == tables.offsets


def _absolute(memory: Memory, table: int, pointers: Pointers, names: Names) -> Absolute:
    """A table of VAs: what `_stext` has in it, less the record's PA of `_stext`, is kimage_voffset."""
    view = memory.view(table, pointers.word * names.count)
    index = next((index for index, name in enumerate(chain.from_iterable(names.blocks())) if name[1:] == "_stext"), None)
    if index is None:
        raise KernelError("kallsyms has no _stext: its absolute addresses cannot be placed", "see `kinfo decode`")
    va = int.from_bytes(view[index * pointers.word : (index + 1) * pointers.word], "little")
    return Absolute(view, va - pointers.pa("stext"), pointers.word)
