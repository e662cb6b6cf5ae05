"""Words among many: every place of them, however they lie, with and without C's wmemchr."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfo.memory import BytesDump
from kinfo.record import scan
from kinfo.record.layouts import MAGICS
from kinfo.regions import magics

NUMBERS = [word.to_bytes(4, "little") for word in MAGICS]
SIGNATURES = [magic.raw for magic in magics.MAGICS]
pytestmark = pytest.mark.skipif(sys.byteorder == "big", reason="the words of these tests are little-endian")


@pytest.fixture(params=["wmemchr", "in"])
def finder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    scan._finder.cache_clear()
    if request.param == "in":  # a C library without it, or with wide characters of another size
        monkeypatch.setattr(ctypes, "c_wchar", ctypes.c_char)
    assert (scan._finder() is None) == (request.param == "in")
    yield
    scan._finder.cache_clear()


def test_a_library_without_wmemchr(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: None) -> None:
        raise OSError("no library")

    scan._finder.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", none)
    assert scan._finder() is None
    scan._finder.cache_clear()


def some_memory(pieces: list[bytes]) -> st.SearchStrategy[bytes]:
    one = st.sampled_from([*pieces, b"\0", b"\xff", bytes(4), bytes(997), b"\xff" * 64, *(piece[:3] for piece in pieces)])
    return st.lists(one, max_size=40).map(b"".join)


@pytest.mark.usefixtures("finder")
@pytest.mark.parametrize("step", [4, 8, 12, 512, 1024, 4096])
def test_every_place_of_a_magic_is_found(step: int) -> None:
    @given(some_memory(NUMBERS), st.sampled_from([4, 64, 1 << 18]))
    def found(data: bytes, piece: int) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scan, "_PIECE", piece)
            places = list(scan.magic_offsets(BytesDump(data), step))
        assert places == [at for at in range(0, len(data) - 3, step) if data[at : at + 4] in NUMBERS]

    found()


@given(some_memory(SIGNATURES), st.sampled_from([8, 64, 1 << 18]))
def regions_found(data: bytes, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(magics, "_AT_ONCE", piece)
        found = magics.search(BytesDump(data))
    for name in {magic.name for magic in magics.MAGICS}:
        kinds = [magic for magic in magics.MAGICS if magic.name == name]
        assert found[name] == sorted(
            {at for one in kinds for at in range(0, len(data) - 3, one.step) if data[at : at + 4] == one.raw}
        )


@pytest.mark.usefixtures("finder")
def test_every_place_of_a_regions_magic_is_found() -> None:
    regions_found()


def test_no_more_places_are_kept_than_a_dump_can_have() -> None:
    data = magics.MAGICS[0].raw * (1 << 17)
    assert len(magics.search(BytesDump(data))[magics.RECORD]) == 4096
    assert len(list(scan.magic_offsets(BytesDump(data), 4))) == 1 << 17
