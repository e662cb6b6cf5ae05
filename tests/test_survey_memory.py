"""What a survey holds of a table of any size: little a row of what is there, and never all of it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfo.survey import digests
from kinfo.survey.digests import SIZE, DigestList, DigestSet, different, digest_of, lacking
from kinfo.survey.files import looked_at
from kinfo.survey.parts import KnownRows, Parts, PartsPlan
from kinfo.survey.schema import Cell, TableRow
from kinfo.survey.target import TableFile
from tests.test_survey import put, region

SOME = st.integers(0, 30).map(lambda number: bytes([number % 7 and 255, number]).ljust(SIZE, b"\0"))  # NULs at the end too


def held(some: list[bytes]) -> DigestList:
    made = DigestList()
    for one in some:
        made.add(one)
    return made


class TestDigests:
    @given(st.lists(SOME), st.lists(st.lists(SOME, max_size=9)), st.integers(1, 5))
    def test_a_set_is_one(self, first: list[bytes], lots: list[list[bytes]], least: int) -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(digests, "_LEAST", least)
            tried, known = DigestSet(held(first).sorted()), set(first)
            for lot in lots:
                wanted = []
                for one in lot:
                    wanted.append(one not in known)
                    known.add(one)
                assert tried.added(lot) == wanted
                assert all(
                    (bytes([number]).ljust(SIZE, b"\0") in tried) == (bytes([number]).ljust(SIZE, b"\0") in known)
                    for number in range(9)
                )
                assert all(one in tried for one in known)

    @given(st.lists(SOME), st.lists(SOME), st.integers(1, 4))
    def test_how_many_differ(self, one: list[bytes], other: list[bytes], part: int) -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(digests, "_AT_ONCE", part)
            first, second = held(one).sorted(), held(other).sorted()
            assert (different(first), different(second)) == (len(set(one)), len(set(other)))
            assert lacking(first, second) == len(set(one) - set(other))

    def test_cells_are_told_apart(self) -> None:
        assert len({digest_of("a", 1), digest_of("a1"), digest_of("a", "1"), digest_of("a", None), digest_of("a\udc80")}) == 5


def peak_of(work: Callable[[], object]) -> int:
    """Bytes that were held at once, beyond those from before."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def test_a_known_row_takes_two_digests() -> None:
    def rows(count: int) -> Iterator[tuple[Cell, ...]]:
        for at in range(count):
            yield (f"/fleet/{at}.bin", 4096, at, True, 0, f"{at:064x}", None)

    known: list[KnownRows] = []
    assert peak_of(lambda: known.append(KnownRows(rows(40_000), is_once=False))) < 40_000 * 3 * SIZE
    assert known[0].counts == [40_000]
    assert known[0].has_file("/fleet/39999.bin", 4096, 39_999)
    assert not known[0].has_file("/fleet/39999.bin", 4096, 40_000)
    assert known[0].takes([*rows(2), ("/fleet/0.bin", 4096, 0, True, 512, f"{0:064x}", None)]) == [False, False, True]


def table(name: Path, row: TableRow, pieces: int, rows: int) -> TableFile:
    """A table of so many pieces."""
    target = TableFile(str(name))
    piece = target.form.payload([row] * rows)
    with open(name, "wb") as file:
        target.form.write(file, [piece] * pieces)
    return target


def add_one(target: TableFile, row: TableRow) -> None:
    parts = Parts(target.storage, target.name, target.form)
    with parts.held(PartsPlan(target.form.suffix, "", False, target.identity)):
        parts.add([target.form.payload([row])])
        target.write(parts, is_added=True)


def rows_in(target: TableFile) -> int:
    with open(target.name, "rb") as file:
        return sum(1 for _ in target.form.rows(file, target.name, ["source"]))


@pytest.fixture
def row(tmp_path: Path) -> TableRow:
    return looked_at(str(put(tmp_path / "a.bin", region("C")))).rows[0]


def test_adding_to_parquet_holds_no_more_of_a_larger_table(tmp_path: Path, row: TableRow) -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install kinfo[survey]")

    def added(pieces: int) -> int:
        target = table(tmp_path / f"{pieces}.parquet", row, pieces, 1000)
        usual = pa.default_memory_pool()
        pool = pa.proxy_memory_pool(usual)
        pa.set_memory_pool(pool)
        try:
            add_one(target, row)
        finally:
            pa.set_memory_pool(usual)
        assert rows_in(target) == pieces * 1000 + 1
        return int(pool.max_memory())

    few, many = added(4), added(16)
    assert 0 < many < few * 1.5


def test_adding_to_lines_holds_a_piece(tmp_path: Path, row: TableRow) -> None:
    target = table(tmp_path / "t.csv", row, 6, 1000)
    size = (tmp_path / "t.csv").stat().st_size
    assert peak_of(lambda: add_one(target, row)) < size / 2
    assert rows_in(target) == 6001
