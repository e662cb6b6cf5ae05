"""The forms of the address table, a row each: when a kernel can have it, and from what its entries count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain

from kinfo.errors import KernelError
from kinfo.kernel.kallsyms.addresses import Absolute, AbsolutePercpu, Addresses, BaseRelative, PlaceRelative
from kinfo.kernel.kallsyms.names import Names
from kinfo.kernel.kallsyms.tables import Tables
from kinfo.kernel.pointers import Pointers
from kinfo.memory import Memory
from kinfo.named import NamedTuple
from kinfo.record import kernels

_BASES = ("relative", "text", "stext")  # KALLSYMS_ALL: the lowest symbol is _text; without it _stext
_SAID, _USUAL, _POSSIBLE, _LAST = range(4)  # record or release name the form; most kernels have it; none speaks for it


class Build(NamedTuple):
    """What is known before the address table is read."""

    memory: Memory
    tables: Tables
    pointers: Pointers
    names: Names

    @property
    def offsets(self) -> memoryview:
        """32 bits a symbol at kallsyms_offsets. Raises HoleError."""
        return self.memory.view(self.tables.offsets, 4 * self.tables.num_syms)

    @property
    def is_place_relative(self) -> bool:
        """7.0, or no room for a base between offsets and seqs_of_names (a 7.0 kernel labels them without a gap)."""
        tables, pointers = self.tables, self.pointers
        if pointers.version is not None:
            return pointers.version >= kernels.PLACE_RELATIVE
        return tables.seqs == tables.offsets + 4 * tables.num_syms and not pointers.pa("relative")


class Reading(NamedTuple):
    """A reading of the table to be put to the test.

    `rank` orders them, likeliest first; `make` reads it (HoleError, KernelError); `base` is the record's field that the
    addresses count from ("": none).
    """

    rank: int
    make: Callable[[], Addresses]
    base: str = ""


class AddressForm(NamedTuple):
    """One form: the class that reads it, and the readings of a build's tables that it offers."""

    kind: type[Addresses]
    readings: Callable[[Build], Iterator[Reading]]


def candidates(build: Build) -> list[Reading]:
    """Each reading that can be, likeliest first."""
    found = [one for form in FORMS for one in form.readings(build)]
    return sorted(found, key=lambda candidate: candidate.rank)


def _place_relative(build: Build) -> Iterator[Reading]:
    if at := build.tables.offsets:
        yield Reading(_SAID if build.is_place_relative else _POSSIBLE, lambda: PlaceRelative(build.offsets, at))


def _counted(build: Build, kind: type[Addresses]) -> Iterator[Reading]:
    """From a base; more than one symbol may be meant."""
    places: dict[int, str] = {}
    for field in _BASES:
        places.setdefault(build.pointers.pa(field), build.pointers.field(field))
    for base, field in places.items():
        if base and build.tables.offsets:
            yield Reading(_USUAL, partial(lambda base: kind(build.offsets, base), base), field)


def _base_relative(build: Build) -> Iterator[Reading]:
    if not build.pointers.count("enabled_absolute_percpu"):
        yield from _counted(build, BaseRelative)


def _absolute_percpu(build: Build) -> Iterator[Reading]:
    if build.pointers.count("enabled_absolute_percpu") or not build.pointers.says("enabled_absolute_percpu"):
        yield from _counted(build, AbsolutePercpu)


def _absolute(build: Build) -> Iterator[Reading]:
    """At kallsyms_addresses where the record speaks of it; not relocatable since 7.0: 32-bit values at kallsyms_offsets."""
    tables, pointers = build.tables, build.pointers
    # the base is then 0 or, from the 2020 driver, the same as the offsets
    is_said = not pointers.count("enabled_base_relative") and pointers.pa("relative") == tables.offsets
    if tables.addresses and is_said and not (tables.offsets and build.is_place_relative):
        yield Reading(_SAID, lambda: _placed(build, tables.addresses))
    if tables.offsets and pointers.word == 4:
        yield Reading(_LAST, lambda: _placed(build, tables.offsets))


def _placed(build: Build, table: int) -> Absolute:
    """A table of VAs: what `_stext` has in it, less the record's PA of `_stext`, is kimage_voffset."""
    word = build.pointers.word
    view = build.memory.view(table, word * build.names.count)
    index = next(
        (index for index, name in enumerate(chain.from_iterable(build.names.blocks())) if name[1:] == "_stext"), None
    )
    if index is None:
        raise KernelError("kallsyms has no _stext: its absolute addresses cannot be placed", "see `kinfo decode`")
    va = int.from_bytes(view[index * word : (index + 1) * word], "little")
    return Absolute(view, va - build.pointers.pa("stext"), word)


FORMS: tuple[AddressForm, ...] = (
    AddressForm(PlaceRelative, _place_relative),
    AddressForm(Absolute, _absolute),
    AddressForm(BaseRelative, _base_relative),
    AddressForm(AbsolutePercpu, _absolute_percpu),
)
