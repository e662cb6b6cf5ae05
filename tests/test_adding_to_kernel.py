"""What is added to the reading of kernels must be whole: a form of addresses in kallsyms, a page-table format."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import kinfo
from kinfo.errors import KernelError
from kinfo.kernel.kallsyms import addresses, forms
from kinfo.kernel.kallsyms.addresses import Addresses
from kinfo.kernel.kallsyms.forms import AddressForm, Build, Reading
from kinfo.kernel.paging import formats
from tests.kernels import paging, tables
from tests.kernels.image import Spec, make
from tests.kernels.tables import Place, Symbol

MARKED = 256


def specs(encoding: str) -> Iterator[Spec]:
    """Kernels that have an encoding: each release's, where the encoding is right for it."""
    by_release = {"5.10.9": "arm64", "6.12.1": "arm64", "6.6.3": "x86", "7.1.0": "arm64", "7.1.1": "arm"}
    for release, arch in by_release.items():
        spec = Spec(release=release[:3] + ".2", arch=arch, encoding=encoding, layout="A2" if encoding == "absolute" else None)
        usual = dataclasses.replace(spec, encoding=None).shape.encoding
        if usual == encoding or (encoding == "absolute" and release == "5.10.9"):
            yield spec


def written_forms(folder: Path) -> set[str]:
    """The forms that are read in kernels which tests/kernels writes."""
    found = set()
    for encoding in tables.ENCODINGS:
        for spec in specs(encoding):
            make(spec).write_elf(folder / "ram.elf")
            with kinfo.open_kernel(folder / "ram.elf") as kernel:
                found.add(kernel.kallsyms.encoding.addresses.form)
    return found


def form_lacks(kind: type[Addresses], written: set[str]) -> tuple[str, ...]:
    """The parts that a form of addresses does not have, by the file where each belongs."""
    name = getattr(kind, "form", "")
    parts = {
        "name (`form`) in kallsyms/addresses.py": bool(name),
        "row in FORMS of kallsyms/forms.py": any(form.kind is kind for form in forms.FORMS),
        "writer in ENCODINGS of tests/kernels/tables.py": name in written,
    }
    return tuple(part for part, is_there in parts.items() if not is_there)


def kinds() -> list[type[Addresses]]:
    """The classes of kallsyms/addresses.py."""
    found = [one for one in vars(addresses).values() if isinstance(one, type) and issubclass(one, Addresses)]
    return [one for one in found if one is not Addresses]


def test_every_form_of_addresses_is_whole(tmp_path: Path) -> None:
    written = written_forms(tmp_path)
    lacking = {kind.__name__: parts for kind in kinds() if (parts := form_lacks(kind, written))}
    assert not lacking


class Delta(Addresses):
    """A made-up form of variable width: from the base on, the distance from one symbol to the next, in 7 bits a byte."""

    form = "made up: distances"

    def __init__(self, table: memoryview, base: int, count: int) -> None:
        self.base, self.absolute = base, 0
        self._pas: list[int] = []
        at, pa = 0, base
        while len(self._pas) < count:
            step, shift = 0, 0
            while True:
                byte = table[at]
                at, step, shift = at + 1, step | (byte & 0x7F) << shift, shift + 7
                if byte < 0x80:
                    break
            pa += step
            self._pas.append(pa)
        self._end = at

    def __len__(self) -> int:
        return len(self._pas)

    def __getitem__(self, index: int) -> int:
        return self._pas[index]

    @property
    def size(self) -> int:
        return self._end


def read_distances(build: Build) -> Iterator[Reading]:
    base = build.pointers.pa("relative")
    behind = build.memory.view(build.tables.offsets, 10 * build.tables.num_syms)
    yield Reading(0, lambda: Delta(behind, base, build.names.count), "_relative_pa")


def write_distances(symbols: Sequence[Symbol], place: Place) -> bytes:
    last, out = place.base, bytearray()
    for symbol in symbols:
        step, last = place.text_va + symbol.offset - last, place.text_va + symbol.offset
        while step > 0x7F:
            out.append(step & 0x7F | 0x80)
            step >>= 7
        out.append(step)
    return bytes(out)


def test_a_part_that_a_form_lacks_is_named() -> None:
    assert form_lacks(Delta, set()) == (
        "row in FORMS of kallsyms/forms.py",
        "writer in ENCODINGS of tests/kernels/tables.py",
    )


def test_a_form_of_variable_width_is_a_class_a_row_and_a_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies behind the table, the base and the order of names, is found by the size that the form states."""
    monkeypatch.setitem(tables.ENCODINGS, "distances", write_distances)
    monkeypatch.setattr(tables, "WITH_BASE", (*tables.WITH_BASE, "distances"))
    made = make(Spec(release="6.12.2", encoding="distances", count=600))
    made.write_elf(tmp_path / "ram.elf")
    with pytest.raises(KernelError, match="the record has _stext at PA"):
        kinfo.open_kernel(tmp_path / "ram.elf").kallsyms  # noqa: B018  # it is read here
    monkeypatch.setattr(forms, "FORMS", (*forms.FORMS, AddressForm(Delta, read_distances)))
    with kinfo.open_kernel(tmp_path / "ram.elf") as kernel:
        assert [one.pa for one in map(kernel.kallsyms.__getitem__, range(len(kernel.kallsyms)))] == [
            symbol.pa for symbol in made.symbols
        ]
        assert kernel.kallsyms.encoding.addresses.form == Delta.form
        assert kernel.kallsyms.name_order is not None
        assert kernel.space is not None
        assert kernel.space.voffset == made.voffset
        named = kernel.named(made.symbols[MARKED].name)
        assert made.symbols[MARKED].va in {one.va for one in named}


# Page tables


def page_format_lacks(form: formats.PageFormat) -> tuple[str, ...]:
    """The parts that a page-table format does not have: its twin in tests/kernels/paging.py, with the same geometry."""
    is_x86 = form.machine == formats.X86_64
    arm = {formats.EntryKind.SHORT: "short", formats.EntryKind.SHORT_V5: "v5", formats.EntryKind.LPAE: "lpae"}.get(
        form.kind, ""
    )
    twins = [
        twin
        for twin in paging.FORMATS.values()
        if (twin.page_shift, twin.va_bits, twin.is_x86, twin.arm) == (form.page_shift, form.va_bits, is_x86, arm)
    ]
    high = {"lpa": "64k", "lpa2": "lpa2", "": ""}[form.has_high_bits]
    parts = {
        "row in tests/kernels/paging.py": bool(twins),
        "the same levels there": any(len(twin.shifts) == form.levels for twin in twins),
        "the same high bits there": any(twin.high == high for twin in twins),
    }
    return tuple(part for part, is_there in parts.items() if not is_there)


@pytest.mark.parametrize("form", formats.FORMATS, ids=lambda form: form.name)
def test_every_page_table_format_is_whole(form: formats.PageFormat) -> None:
    assert not page_format_lacks(form)


def test_a_part_that_a_page_table_format_lacks_is_named() -> None:
    known = formats.FORMATS[0]
    assert page_format_lacks(known._replace(va_bits=55)) == (
        "row in tests/kernels/paging.py",
        "the same levels there",
        "the same high bits there",
    )
    assert page_format_lacks(known._replace(levels=4)) == ("the same levels there",)
    assert page_format_lacks(known._replace(has_high_bits="lpa2")) == ("the same high bits there",)
    assert len({form.name for form in formats.FORMATS}) == len(formats.FORMATS) == len(paging.FORMATS)
