"""Names that are kept, told at once and put in one go are those that the kernel tells of each address by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo.kernel import labels
from kinfo.kernel.calls import returned_to
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.labels import AddressLabel
from kinfo.kernel.symbolize import Symbolizer
from tests.kernels.image import Spec, make

KERNELS = {arch: make(Spec(arch=arch)) for arch in ("arm64", "arm", "x86")}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Symbolizer]]:
    folder = tmp_path_factory.mktemp("ram")
    found = {}
    for arch, kernel in KERNELS.items():
        kernel.write_elf(folder / arch)
        found[arch] = Symbolizer(kinfo.open_kernel(str(folder / arch)))
    yield found
    for symbolizer in found.values():
        assert isinstance(symbolizer.names, Kernel)
        symbolizer.names.close()


def by_pattern(kernel: Kernel, text: bytes) -> bytes:
    """The text with names, its words found by the pattern and each address asked for by itself."""
    symbolizer = Symbolizer(kernel)
    symbolizer._labels.of = lambda word: asked(kernel, word)  # type: ignore[method-assign]
    return symbolizer._coloured.sub(symbolizer._replacement, text)


def asked(kernel: Kernel, word: bytes) -> AddressLabel | None:
    number = int(word, 16)
    if number in kernel.image and not kernel.is_virtual(number):
        address = number if word[:2] in (b"0x", b"0X") else None
    else:
        address = kernel.unsigned(number)
    place = kernel.at(address) if address is not None else None
    if place is None or address is None:
        return None
    before = returned_to(kernel, place, address)
    plain = f" <{place.label}>".encode()
    return AddressLabel(plain, f" <{before.label} or {place.label}>".encode() if before else plain, before is None)


FORMS = ("%0{0}x", "%0{0}x", "%0{0}X", "0x%0{0}x", "0X%x", "%x", "%0{0}x0", "_%0{0}x")
GLUE = (" ", "\n", "\n", "\n", ",", ";", "\r\n", " [<", ">] ", ">]", "(", ")", "<", "> ", " lr : ", " pc : ", " x29: ")
NAMED = ("+0x", " a+0x4/0x10", "a+0x8 [<", " UNKNOWN+0x0", "? a", " (a) from ", "0x1234567", "\x1b[1m")


@st.composite
def lines(draw: st.DrawFn, arch: str) -> bytes:
    """Addresses in and around symbols of the image and of modules, VAs and PAs, and what can stand around them."""
    kernel, digits = KERNELS[arch], 8 if arch == "arm" else 16
    symbols = [(one.va, one.pa) for one in (*kernel.symbols[:60], *kernel.symbols[-20:])]
    symbols += [(one.va, None) for one in kernel.module_symbols]
    parts = []
    for _ in range(draw(st.integers(0, 12))):
        va, pa = draw(st.sampled_from(symbols))
        start = pa if pa and draw(st.integers(0, 4)) == 0 else va
        address = start + draw(st.sampled_from((0, 0, -1, 1, 4, 0x70, 0x6AF, 0x100000))) & (1 << 4 * digits) - 1
        parts.append(draw(st.sampled_from(FORMS)).format(digits) % address)
        parts.append("".join(draw(st.lists(st.sampled_from((*GLUE, *GLUE, *NAMED)), max_size=3))))
    return "".join(parts).encode()


@pytest.mark.parametrize("arch", KERNELS)
@given(data=st.data())
def test_the_names_of_a_text_are_those_of_each_address(opened: dict[str, Symbolizer], arch: str, data: st.DataObject) -> None:
    symbolizer = opened[arch]
    assert isinstance(symbolizer.names, Kernel)
    text = data.draw(lines(arch))
    before = symbolizer.count
    named = symbolizer.text(text)
    assert named == by_pattern(symbolizer.names, text)
    assert (symbolizer.count > before) == (named != text)


@pytest.mark.parametrize("most", [1, 7, 100])
def test_labels_that_come_and_go_are_the_same(
    opened: dict[str, Symbolizer], monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(labels, "_MOST", most)
    kernel = opened["arm64"].names
    assert isinstance(kernel, Kernel)
    symbolizer = Symbolizer(kernel)
    addresses = [one.va + shift for one in KERNELS["arm64"].symbols[:80] for shift in (0, 4, 8)]
    text = b"".join(b"%016x%b" % (va, behind) for va in addresses for behind in (b"\n", b" lr : ", b", "))
    for _ in range(2):
        assert symbolizer.text(text) == by_pattern(kernel, text)
        assert max(len(symbolizer._labels), len(symbolizer._labels._whole)) <= most
