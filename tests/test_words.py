"""Words among many: every place of them, however they lie, with and without C's wmemchr."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfo.memory import BytesDump
from kinfo.record import scan, word_search
from kinfo.record.layouts import MAGICS
from kinfo.regions import magics

NUMBERS = [word.to_bytes(4, "little") for word in MAGICS]
SIGNATURES = [magic.raw for magic in magics.MAGICS]
pytestmark = pytest.mark.skipif(sys.byteorder == "big", reason="the words of these tests are little-endian")


@pytest.fixture(params=["wmemchr", "in"])
def finder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    word_search._finder.cache_clear()
    if request.param == "in":  # a C library without it, or with wide characters of another size
        monkeypatch.setattr(ctypes, "c_wchar", ctypes.c_char)
    assert (word_search._finder() is None) == (request.param == "in")
    yield
    word_search._finder.cache_clear()


def test_a_library_without_wmemchr(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: None) -> None:
        raise OSError("no library")

    word_search._finder.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", none)
    assert word_search._finder() is None
    word_search._finder.cache_clear()


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


@pytest.mark.usefixtures("finder")
@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_words_are_found_wherever_the_bytes_lie(at: int) -> None:
    """A view that cannot be written, at any address; pages that are alike are looked at once."""
    word = MAGICS[0]
    page = bytes(4096)
    for inside, has in ((page * 3, False), (page + bytes(8) + NUMBERS[0] + bytes(4084), True), (NUMBERS[0] * 3072, True)):
        with memoryview(bytes(at) + inside)[at:] as view:
            assert word_search.PieceWords(view).has(word) is has


def test_a_signature_across_two_pieces_is_found_at_every_second_byte() -> None:
    size = magics._AT_ONCE
    for at in (size - 4, size - 2, size, size + 2, 2 * size - 2, 2 * size):
        for around in (b"\0", b"\xff", b"DB"):
            data = bytearray((around * (2 * size + 64))[: 2 * size + 6])
            data[at : at + 4] = b"DBGC"
            assert at in magics.search(BytesDump(bytes(data)))[magics.RAMOOPS]


@given(some_memory([bytes(4092), bytes(4096), NUMBERS[0], (MAGICS[1] ^ 1 << 9).to_bytes(4, "little")]))
def test_one_walk_finds_the_damaged_magics_at_pages_too(data: bytes) -> None:
    near: list[int] = []
    dump = BytesDump(data)
    assert list(scan.magic_offsets(dump, 4, near=near)) == list(scan.magic_offsets(dump, 4))
    assert near == list(scan.near_magic_offsets(dump))
