"""Byte strings in all of a dump: every place is found once, wherever pieces and windows divide it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfo.memory import BytesDump, Memory, Segment, open_dump, search
from kinfo.memory import dump as dump_module

WANTED = (b"ab", b"aba", b"bb\0a")


class Windows(BytesDump):
    """A dump that shows its bytes in windows of one size."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self.window = size

    def windows(self, start: int = 0, end: int | None = None) -> Iterator[tuple[int, memoryview]]:
        yield from ((at, self.view(at, self.window)) for at in range(start, end or self.size, self.window))


def every(data: bytes) -> list[tuple[int, bytes]]:
    return sorted((at, text) for text in WANTED for at in range(len(data)) if data.startswith(text, at))


@given(
    st.lists(st.sampled_from([b"a", b"b", b"ab", b"bb\0", b"\0", b"\0" * 40]), max_size=60).map(b"".join),
    st.integers(3, 90),
    st.integers(4, 70),
    st.booleans(),
)
def test_every_place_is_found_once(data: bytes, window: int, piece: int, is_c: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_PIECE", piece)
        if not is_c:
            patch.setattr(search, "_memmem", lambda: None)
        assert sorted(search.places(Windows(data, window), WANTED)) == every(data)


def test_a_c_library_without_memmem(monkeypatch: pytest.MonkeyPatch) -> None:
    search._memmem.cache_clear()
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    try:
        assert search._memmem() is None
        assert list(search.places(BytesDump(b"xxabab"), (b"ab",))) == [(2, b"ab"), (4, b"ab")]
    finally:
        search._memmem.cache_clear()


def test_in_a_sparse_file_across_its_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would reach over a hole is none: zeros are between."""
    monkeypatch.setattr(dump_module, "WINDOW", 4096)
    monkeypatch.setattr(dump_module, "_SMALL", 0)
    path = tmp_path / "ram"
    with path.open("wb") as file:
        file.write(b"x" * 4094 + b"Linux" + b"x" * 4090 + b"Li")
        file.seek(1 << 20)
        file.write(b"nux")
    with open_dump(path) as opened:
        assert list(search.places(opened, (b"Linux",))) == [(4094, b"Linux")]


def test_in_memory_across_segments_that_meet() -> None:
    halves = Segment(0x1000, 0x1004, BytesDump(b"xxLi"), 0), Segment(0x1004, 0x1008, BytesDump(b"nuxx"), 0)
    with Memory("ram", halves) as memory:
        assert list(search.places(memory.as_dump, (b"Linux",))) == [(0x1002, b"Linux")]
    apart = Segment(0x1000, 0x1004, BytesDump(b"xxLi"), 0), Segment(0x1008, 0x100C, BytesDump(b"nuxx"), 0)
    with Memory("ram", apart) as memory:
        assert list(search.places(memory.as_dump, (b"Linux",))) == []
