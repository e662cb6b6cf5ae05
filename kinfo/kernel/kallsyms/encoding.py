"""Which form the tables have: candidates in the order in which record and release speak for them, each put to the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kinfo.errors import HoleError, KernelError, KinfoError
from kinfo.kernel.kallsyms import forms, verify
from kinfo.kernel.kallsyms.addresses import Addresses
from kinfo.kernel.kallsyms.names import Names
from kinfo.kernel.kallsyms.tables import Tables, name_forms
from kinfo.kernel.pointers import Pointers
from kinfo.memory import Memory
from kinfo.named import NamedTuple
from kinfo.typed import TypeVar

Result = TypeVar("Result")


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
    candidates = forms.candidates(forms.Build(memory, tables, pointers, names))
    addresses, base = _first(_addresses(candidate, names, pointers) for candidate in candidates)
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


def _addresses(candidate: forms.Reading, names: Names, pointers: Pointers) -> Callable[[], tuple[Addresses, str]]:
    def test() -> tuple[Addresses, str]:
        addresses = candidate.make()
        verify.addresses(names, addresses, pointers)
        return addresses, candidate.base

    return test
